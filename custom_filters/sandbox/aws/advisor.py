"""Access Advisor: jobs that tell when a principal last tried each service its permissions reach."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from moto.core.responses import ActionResult

from custom_filters.sandbox.aws.account import TRACKED, AdvisorJob, extras, naive
from custom_filters.sandbox.aws.iam import IamBase
from custom_filters.sandbox.aws.pages import error, page
from custom_filters.sandbox.aws.people import REGION

LATE = timedelta(hours=4)
SLOW, USUAL = 15.0, 0.3
FAILURE = {"Code": "InternalServerError", "Message": "Request processing failed: an internal error."}


class Advisor(IamBase):
    """GenerateServiceLastAccessedDetails and its reader."""

    def generate_service_last_accessed_details(self) -> ActionResult:
        """NoSuchEntity when the ARN is nobody's; otherwise a job id at once."""
        entity = _entity(self.backend, self._get_param("Arn"))
        now = self.account.clock.now()
        wait = timedelta(seconds=SLOW if self.account.faults.get("advisor") == "slow" else USUAL)
        services = [_service(entity, name, naive(now)) for name in _reachable(self.backend, entity)]
        job = str(uuid.uuid4())
        self.account.jobs[job] = AdvisorJob(now, now + wait, services)
        return ActionResult({"JobId": job})

    def get_service_last_accessed_details(self) -> ActionResult:
        """IN_PROGRESS, then COMPLETED (in pages) or FAILED."""
        job, now = self.account.jobs.get(self._get_param("JobId")), self.account.clock.now()
        if job is None:
            raise error("NoSuchEntity", f"No job with id {self._get_param('JobId')} exists.")
        shown = {"JobType": "SERVICE_LEVEL", "JobCreationDate": naive(job.created), "IsTruncated": False}
        shown["ServicesLastAccessed"], fault = [], self.account.faults.get("advisor")
        if fault == "never" or now < job.ready:
            return ActionResult({**shown, "JobStatus": "IN_PROGRESS"})
        shown["JobCompletionDate"] = naive(job.ready)
        if fault == "failed":
            return ActionResult({**shown, "JobStatus": "FAILED", "Error": FAILURE})
        marker, size = self._get_param("Marker"), self._get_param("MaxItems")
        given, more = page(job.services, lambda one: one["ServiceNamespace"], marker, size)
        return ActionResult({**shown, "JobStatus": "COMPLETED", "ServicesLastAccessed": given, **more})


def _entity(backend: Any, arn: str) -> Any:
    for entity in (backend.users.get(arn.rpartition("/")[2]), *backend.roles.values()):
        if entity and entity.arn == arn:
            return entity
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


def _service(entity: Any, name: str, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {"ServiceName": name.upper(), "ServiceNamespace": name}
    last = extras(entity).advisor.get(name)
    if last is None or last > now - LATE or last < now - TRACKED:
        return {**shown, "TotalAuthenticatedEntities": 0}
    used = {"LastAuthenticated": last, "LastAuthenticatedRegion": REGION}
    return {**shown, **used, "LastAuthenticatedEntity": entity.arn, "TotalAuthenticatedEntities": 1}
