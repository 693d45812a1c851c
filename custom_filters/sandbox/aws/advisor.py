"""Access Advisor: jobs that tell when a principal last tried each service its permissions reach."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from moto.core.responses import ActionResult

from custom_filters.sandbox.aws.account import Account, AdvisorJob, extras, naive
from custom_filters.sandbox.aws.errors import error
from custom_filters.sandbox.aws.pages import page
from custom_filters.sandbox.aws.people import days

TRACKED = days(400)
LATE = timedelta(hours=4)
SLOW, USUAL = 15.0, 0.3
FAILURE = {
    "Code": "InternalServerError",
    "Message": "Request processing failed because of an internal error.",
}


class Advisor:
    """GenerateServiceLastAccessedDetails and its two readers."""

    account: Account
    backend: Any
    _get_param: Any

    def generate_service_last_accessed_details(self) -> ActionResult:
        """NoSuchEntity when the ARN is nobody's; otherwise a job id at once."""
        arn, granularity = self._get_param("Arn"), self._get_param("Granularity", "SERVICE_LEVEL")
        if granularity not in ("SERVICE_LEVEL", "ACTION_LEVEL"):
            raise error("InvalidInput", f"Granularity {granularity} is not valid.")
        entity = _entity(self.backend, arn)
        now = self.account.clock.now()
        wait = timedelta(seconds=SLOW if self.account.faults.get("advisor") == "slow" else USUAL)
        services = [
            _service(entity, name, granularity, naive(now)) for name in _reachable(self.backend, entity)
        ]
        job = AdvisorJob(str(uuid.uuid4()), granularity, now, now + wait, services, _info(entity))
        self.account.jobs[job.id] = job
        return ActionResult({"JobId": job.id})

    def get_service_last_accessed_details(self) -> ActionResult:
        """IN_PROGRESS, then COMPLETED (in pages) or FAILED."""
        job = self._job()
        shown = {**self._state(job), "JobType": job.granularity, "ServicesLastAccessed": []}
        if shown["JobStatus"] == "COMPLETED":
            shown["ServicesLastAccessed"], more = self._job_page(job.services, "ServiceNamespace")
            shown.update(more)
        return ActionResult(shown)

    def get_service_last_accessed_details_with_entities(self) -> ActionResult:
        """The principals that used one service: here the job's own, if it did."""
        job, wanted = self._job(), self._get_param("ServiceNamespace")
        shown = {**self._state(job), "EntityDetailsList": []}
        used = [service for service in job.services if service["ServiceNamespace"] == wanted]
        if shown["JobStatus"] == "COMPLETED" and used:
            last = used[0].get("LastAuthenticated")
            detail = {"EntityInfo": job.entity, **({"LastAuthenticated": last} if last else {})}
            shown.update(EntityDetailsList=[detail], IsTruncated=False)
        return ActionResult(shown)

    def _job(self) -> AdvisorJob:
        job = self.account.jobs.get(self._get_param("JobId"))
        if job is None:
            raise error("NoSuchEntity", f"No job with id {self._get_param('JobId')} exists.")
        return job

    def _job_page(self, services: list[dict[str, Any]], key: str) -> tuple[list[Any], dict[str, Any]]:
        return page(services, lambda one: one[key], self._get_param("Marker"), self._get_param("MaxItems"))

    def _state(self, job: AdvisorJob) -> dict[str, Any]:
        now, fault = self.account.clock.now(), self.account.faults.get("advisor")
        state: dict[str, Any] = {"JobCreationDate": naive(job.created)}
        if fault == "never" or now < job.ready:
            return {**state, "JobStatus": "IN_PROGRESS", "IsTruncated": False}
        done = {**state, "JobCompletionDate": naive(job.ready)}
        if fault == "failed":
            return {**done, "JobStatus": "FAILED", "IsTruncated": False, "Error": FAILURE}
        return {**done, "JobStatus": "COMPLETED"}


def _entity(backend: Any, arn: str) -> Any:
    name = arn.rpartition("/")[2]
    for owned in (backend.users, backend.roles, backend.groups):
        if name in owned and owned[name].arn == arn:
            return owned[name]
    if arn in backend.managed_policies:
        return backend.managed_policies[arn]
    raise error("NoSuchEntity", f"ARN {arn} does not exist.")


def _reachable(backend: Any, entity: Any) -> list[str]:
    """Namespaces that the entity's policies reach: what a detached policy allowed is no longer told."""
    if not _has_policy(backend, entity):
        return []
    return sorted(_namespaces() | extras(entity).advisor.keys())


def _has_policy(backend: Any, entity: Any) -> bool:
    holders = [entity, *(group for group in backend.groups.values() if entity in group.users)]
    kinds = ("managed_policies", "policies")
    return any(getattr(holder, kind, None) for holder in holders for kind in kinds)


@cache
def _namespaces() -> set[str]:
    """More than one page of them (botocore's endpoint prefixes stand in for AWS's list)."""
    return {name for name in botocore.session.get_session().get_available_services() if len(name) <= 8}


def _service(entity: Any, name: str, granularity: str, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {"ServiceName": name.upper(), "ServiceNamespace": name}
    last = extras(entity).advisor.get(name)
    if last is None or last > now - LATE or last < now - TRACKED:
        return {**shown, "TotalAuthenticatedEntities": 0}
    shown.update(LastAuthenticated=last, LastAuthenticatedEntity=entity.arn, TotalAuthenticatedEntities=1)
    shown["LastAuthenticatedRegion"] = "us-east-1"
    if granularity == "ACTION_LEVEL":
        action = {"ActionName": "List", "LastAccessedEntity": entity.arn, "LastAccessedTime": last}
        shown["TrackedActionsLastAccessed"] = [{**action, "LastAccessedRegion": "us-east-1"}]
    return shown


def _info(entity: Any) -> dict[str, Any]:
    kind = entity.arn.split(":")[5].partition("/")[0].upper()
    return {"Arn": entity.arn, "Name": entity.name, "Type": kind, "Id": entity.id, "Path": entity.path}
