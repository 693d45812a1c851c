"""Filters on gcp.service-account and gcp.service-account-key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.finding import Progress
from custom_filters.core.times import parse_time
from custom_filters.custodian.filters import UnusedCredentials, unused_schema
from custom_filters.custodian.mark_filter import UnusedMark
from custom_filters.gcp.accounts import PARENT, shared_roles, take_over
from custom_filters.gcp.activity import (
    ACTIVITIES,
    ANALYZER,
    MONITORING,
    OF_ACCOUNTS,
    OF_KEYS,
    SERIES,
    Kind,
    analyzer_evidence,
    get_rows,
    get_seen,
    monitoring_evidence,
    shared_rows,
    shared_seen,
)
from custom_filters.gcp.client import Json, project_of, shared_client, shared_login
from custom_filters.gcp.filters import MARK_FILTER_SCHEMA, Reader, progress_in
from custom_filters.gcp.principals import (
    KEY,
    SERVICE_ACCOUNT,
    Facts,
    built_in_exemption,
    key_id,
    tags_of,
    transform_account,
    transform_key,
)
from custom_filters.gcp.schema import TAG

_SOURCES = (ANALYZER, MONITORING)
_READ = (
    "iam.serviceAccounts.list",
    "resourcemanager.projects.getIamPolicy",
    "monitoring.timeSeries.list",
)
#: Rows of Policy Analyzer and dates of Monitoring, by what they name.
Activity = tuple[Mapping[str, Json], Mapping[str, datetime]]


class AccountUnusedCredentials(UnusedCredentials):
    """What the filters on service accounts and on their keys share."""

    provider = "gcp"
    default_evidence = _SOURCES
    of: ClassVar[Kind]

    def __init__(self, data: Any, manager: Any = None) -> None:
        """The policy's resources come from our listing, which is complete or an error."""
        super().__init__(data, manager)
        if manager is not None:
            take_over(manager)

    def progress(self, resource: Mapping[str, Any]) -> Progress:
        """From our notes in the description; what was enabled by other hands is not disabled."""
        off = resource.get("disabled") or resource.get(PARENT, {}).get("disabled")
        return progress_in(tags_of(resource), on=not off)

    def identities(
        self, resources: list[dict[str, Any]], now: datetime
    ) -> Iterator[tuple[dict[str, Any], Identity]]:
        """Every account or key with what is known of it, from calls for the whole project."""
        if not resources:
            return
        activity, facts = self.activity(now), self.facts()
        for resource in resources:
            yield resource, self.judged_by(resource, activity, facts, now)

    def facts(self) -> Facts:
        """Who asks, and everybody's roles."""
        return Facts(shared_login(self.manager), shared_roles(self.manager))

    def judged_by(
        self, resource: Mapping[str, Any], activity: Activity, facts: Facts, now: datetime
    ) -> Identity:
        """The identity of one resource, with its exemption; built-in ones come first."""
        account = resource.get(PARENT, resource)
        identity = self.transform(resource, tuple(self._evidence(resource, activity, now)), facts, now)
        found = built_in_exemption(account, facts.login) or self.exemption(
            identity.account, identity.name, identity.id, tags_of(account), now
        )
        return replace(identity, exemption=found)

    def activity(self, now: datetime) -> Activity:
        """The project's activity, of the sources that are asked for, read once a run."""
        rows = shared_rows(self.manager, self.of) if ANALYZER in self.evidence else {}
        seen = shared_seen(self.manager, self.of, now) if MONITORING in self.evidence else {}
        return rows, seen

    def reader(self, now: datetime) -> Reader:
        """Reads one resource's evidence again, past every cache. To be made in the main thread."""
        manager, project, facts = self.manager, project_of(self.manager), self.facts()
        known = self.activity(now)[0]
        analyzer, monitoring = shared_client(manager, ACTIVITIES), shared_client(manager, SERIES)

        def read(found: Json, listed: Mapping[str, Any]) -> Identity:
            names, label, _ = self.names(found)
            full = next((known[name]["fullResourceName"] for name in names if name in known), None)
            rows = get_rows(analyzer, project, self.of, full) if full else {}
            seen = get_seen(monitoring, project, self.of, now, label) if MONITORING in self.evidence else {}
            return self.judged_by(found, (rows, seen), facts, now)

        return read

    def _evidence(self, resource: Mapping[str, Any], activity: Activity, now: datetime) -> Iterator[Evidence]:
        rows, seen = activity
        names, label, born = self.names(resource)
        if ANALYZER in self.evidence:
            row = next((rows[name] for name in names if name in rows), None)
            yield analyzer_evidence(row, born, now, self.rules.days)
        if MONITORING in self.evidence:
            yield monitoring_evidence(seen, label, now)

    @abstractmethod
    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], facts: Facts, now: datetime
    ) -> Identity:
        """The identity, of which the resource is the one credential; see `principals`."""

    @abstractmethod
    def names(self, resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str, datetime | None]:
        """What Policy Analyzer and Monitoring call the resource, and its birth if Google tells."""


class ServiceAccountUnusedCredentials(AccountUnusedCredentials):
    """Select service accounts by whether anything authenticates as them.

    `policy-analyzer` decides: no row, or fewer days observed than `days`, is unknown. `monitoring` (six weeks
    of authentication counts) may only veto. Neither sees what an account does outside Google Cloud by
    domain-wide delegation: name such accounts in `exemptions:`. Google's default accounts and the account
    that runs the policy are always exempt. `exempt-tag` names a note in the description:
    `[c7n-unused-exempt: REASON]`.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-service-account-unused
            resource: gcp.service-account
            filters:
              - type: unused-credentials
                days: 90
                verdicts: [stale, never-used]
    """

    of = OF_ACCOUNTS
    schema = unused_schema([SERVICE_ACCOUNT], _SOURCES, more={"exempt-tag": TAG})
    permissions = (*_READ, "policyanalyzer.serviceAccountLastAuthenticationActivities.query")

    def names(self, resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str, datetime | None]:
        """By address or unique id; Google does not tell when an account was made."""
        return (resource["email"], resource["uniqueId"]), resource["uniqueId"], None

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], facts: Facts, now: datetime
    ) -> Identity:
        """See transform_account."""
        return transform_account(resource, evidence, facts, now)


class ServiceAccountKeyUnusedCredentials(AccountUnusedCredentials):
    """Select user-managed keys of service accounts by whether anything authenticates with them.

    Sources and exemptions as on gcp.service-account. A key of a disabled account, or past its end, is off.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-service-account-key-unused
            resource: gcp.service-account-key
            filters:
              - type: unused-credentials
                days: 90
                verdicts: [stale, never-used]
    """

    of = OF_KEYS
    schema = unused_schema([KEY], _SOURCES, more={"exempt-tag": TAG})
    permissions = (
        *_READ,
        "iam.serviceAccountKeys.list",
        "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
    )

    def names(self, resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str, datetime | None]:
        """By its id."""
        name = key_id(resource)
        return (name,), name, parse_time(resource["validAfterTime"])

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], facts: Facts, now: datetime
    ) -> Identity:
        """See transform_key."""
        return transform_key(resource, evidence, facts, now)


class AccountUnusedMark(UnusedMark):
    """Select service accounts or keys by the state of the mark that announces an operation.

    The mark stands in the account's description; that of a key names the key.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-service-account-malformed-marks
            resource: gcp.service-account
            filters:
              - type: unused-mark
                state: malformed
                op: disable-unused
                tag: c7n-unused
    """

    schema = MARK_FILTER_SCHEMA
    permissions = ("iam.serviceAccounts.list",)

    def __init__(self, data: Any, manager: Any = None) -> None:
        """See AccountUnusedCredentials."""
        super().__init__(data, manager)
        if manager is not None:
            take_over(manager)

    def mark(self, resource: dict[str, Any], tag: str) -> str | None:
        """From the description, as this run listed it."""
        return tags_of(resource).get(tag)

    def name(self, resource: dict[str, Any]) -> str:
        """The resource's name, which holds project, address and key."""
        return str(resource["name"])
