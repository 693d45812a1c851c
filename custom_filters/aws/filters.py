"""Filters on aws.iam-user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from c7n.exceptions import PolicyValidationError
from c7n.utils import local_session

from custom_filters.aws import advisor, credential_report, details
from custom_filters.aws.client import aws_client
from custom_filters.aws.credentials import KINDS, LAST_USED, WITHOUT_LAST_USED
from custom_filters.aws.fresh import get_fresh_user, named_by_slot
from custom_filters.aws.identities import Snapshot, with_advice
from custom_filters.aws.markers import outdated_by_us, with_restored
from custom_filters.aws.users import shared_listing, tags_of
from custom_filters.core.credential import Identity
from custom_filters.core.finding import Progress
from custom_filters.core.judge import judge_identity
from custom_filters.core.verdict import Verdict
from custom_filters.custodian.filters import UnusedCredentials, unused_schema
from custom_filters.custodian.mark_filter import UnusedMark
from custom_filters.custodian.markers import progress_of
from custom_filters.custodian.parallel import for_each
from custom_filters.custodian.store import shared
from custom_filters.custodian.validation import FILTER


class IamUserUnusedCredentials(UnusedCredentials):
    """Select IAM users, or their credentials, by whether anybody uses them.

    Reads the account in bulk (ListUsers, GetAccountAuthorizationDetails, the credential report) and asks
    further only for users who are not plainly active. `report-timeout`, `report-max-age` and
    `advisor-timeout` are in seconds. Users that cannot be judged get the verdict `unknown`; a failing call
    fails the policy.

    :example:

    .. code-block:: yaml

        policies:
          - name: aws-iam-user-unused
            resource: aws.iam-user
            source: unused-bulk
            filters:
              - type: unused-credentials
                days: 90
                match: user
                verdicts: [stale, never-used]
                evidence: [last-used, access-advisor]
                exempt-tag: c7n-unused-exempt
    """

    provider = "aws"
    default_evidence = (LAST_USED,)
    schema = unused_schema(
        KINDS,
        (LAST_USED, advisor.SOURCE),
        more={
            "owner-tags": {"type": "array", "items": {"type": "string"}},
            "assume-advisor-complete": {"type": "boolean"},
            "report-timeout": {"type": "number", "minimum": 0},
            "report-max-age": {"type": "number", "minimum": 0},
            "advisor-timeout": {"type": "number", "minimum": 0},
        },
    )
    permissions = (
        "iam:ListUsers",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetUser",
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport",
        "iam:ListSSHPublicKeys",
        "iam:ListServiceSpecificCredentials",
        # For users whom we switched off or on since the credential report was made.
        "iam:GetLoginProfile",
        "iam:ListAccessKeys",
        "iam:GetAccessKeyLastUsed",
        "iam:ListSigningCertificates",
    )

    def get_permissions(self) -> tuple[str, ...]:
        """The calls that this filter makes with the evidence it was given."""
        more = ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails")
        return self.permissions + (more if advisor.SOURCE in self.evidence else ())

    def validate(self) -> IamUserUnusedCredentials:
        """See the base; an option that would do nothing is refused."""
        super().validate()
        if self.data.get("assume-advisor-complete") and advisor.SOURCE not in self.evidence:
            raise PolicyValidationError(
                f"assume-advisor-complete needs {advisor.SOURCE} in `evidence:` of {FILTER!r}"
            )
        return self

    def progress(self, resource: Mapping[str, Any]) -> Progress:
        """From the tags of the shared listing."""
        user = shared_listing(self.manager).by_name.get(resource["UserName"], resource)
        return progress_of(tags_of(user))

    def identities(
        self, resources: list[dict[str, Any]], now: datetime
    ) -> Iterator[tuple[dict[str, Any], Identity]]:
        """Every user with what is known of it; further calls only for users who look unused."""
        if not resources:
            return
        snapshot = self._snapshot(now)
        known = {r["UserName"]: self._known(snapshot, r, now) for r in resources}
        fresh = self._read_again(known, snapshot, now)
        self._read_details(known, snapshot, fresh, now)
        if advisor.SOURCE in self.evidence:
            self._ask_advisor(known, {r["UserName"]: r["Arn"] for r in resources}, now)
        for resource in resources:
            yield resource, known[resource["UserName"]]

    def _snapshot(self, now: datetime) -> Snapshot:
        account = self.manager.config.account_id
        timeout = self.data.get("report-timeout", credential_report.DEFAULT_TIMEOUT)
        max_age = self.data.get("report-max-age", credential_report.DEFAULT_MAX_AGE)
        found = shared(
            local_session(self.manager.session_factory),
            ("credential-report", account, max_age),
            lambda: credential_report.get_report(aws_client(self.manager), timeout=timeout, max_age=max_age),
        )
        return Snapshot(account, shared_listing(self.manager), found, now)

    def _known(self, snapshot: Snapshot, resource: dict[str, Any], now: datetime) -> Identity:
        identity = snapshot.identity(resource)
        tags = tags_of(snapshot.user(resource))
        owner, source = self.owner(tags)
        exemption = self.exemption(identity.account, identity.name, identity.id, tags, now)
        return replace(identity, owner=owner, owner_source=source, exemption=exemption)

    def _read_again(self, known: dict[str, Identity], snapshot: Snapshot, now: datetime) -> frozenset[str]:
        """Read users one by one of whom the report cannot know what we changed lately; their names."""
        generated = snapshot.report.generated
        names = [n for n in known if outdated_by_us(tags_of(snapshot.user({"UserName": n})), generated)]
        iam = aws_client(self.manager)
        for name, fresh in zip(
            names, for_each(lambda n: get_fresh_user(iam, known[n], now), names), strict=True
        ):
            if fresh is not None:
                credentials = named_by_slot(fresh.credentials, list(known[name].credentials))
                dated = with_restored(credentials, tags_of(fresh.user))
                known[name] = replace(known[name], credentials=tuple(dated), incomplete=None)
        return frozenset(names)

    def _unsettled(
        self, known: Mapping[str, Identity], settled: Iterable[Verdict], now: datetime
    ) -> list[str]:
        """Names of the users whose verdict, exemptions apart, more evidence could change."""
        done = frozenset(settled)
        rules = self.rules
        verdicts = {
            n: judge_identity(replace(i, exemption=None), rules, now).verdict for n, i in known.items()
        }
        return [name for name, verdict in verdicts.items() if verdict not in done]

    def _read_details(
        self, known: dict[str, Identity], snapshot: Snapshot, complete: frozenset[str], now: datetime
    ) -> None:
        """Add SSH keys and service-specific credentials; a new user stays new whatever they are.

        `complete` are the users of whom everything was read already.
        """
        settled: tuple[Verdict, ...] = () if self.data.get("complete") else ("active", "new")
        names = [name for name in self._unsettled(known, settled, now) if name not in complete]
        if not names:
            return
        ssh_keys = details.shared_ssh_keys(self.manager, names)
        service = details.shared_service_credentials(self.manager)
        for name in names:
            tags = tags_of(snapshot.user({"UserName": name}))
            found = with_restored([*ssh_keys[name], *service.get(name, ())], tags)
            known[name] = replace(known[name], credentials=(*known[name].credentials, *found))

    def _ask_advisor(self, known: dict[str, Identity], arns: Mapping[str, str], now: datetime) -> None:
        names = self._unsettled(known, ("active", "new", "no-credentials"), now)
        timeout = self.data.get("advisor-timeout", advisor.DEFAULT_TIMEOUT)
        advice = advisor.shared_advice(self.manager, {n: arns[n] for n in names}, now, timeout)
        assume = bool(self.data.get("assume-advisor-complete"))
        for name in names:
            known[name] = with_advice(
                known[name], advice[name], assume_complete=assume, covered=WITHOUT_LAST_USED
            )


class IamUserUnusedMark(UnusedMark):
    """Select IAM users by the state of the mark that announces an operation.

    :example:

    .. code-block:: yaml

        policies:
          - name: aws-iam-user-unused-malformed-marks
            resource: aws.iam-user
            source: unused-bulk
            filters:
              - type: unused-mark
                state: malformed
                op: disable-unused
                tag: c7n-unused
    """

    permissions = ("iam:ListUsers", "iam:GetAccountAuthorizationDetails", "iam:GetUser")

    def mark(self, resource: dict[str, Any], tag: str) -> str | None:
        """From the tags of the shared listing."""
        user = shared_listing(self.manager).by_name.get(resource["UserName"], resource)
        return tags_of(user).get(tag)

    def name(self, resource: dict[str, Any]) -> str:
        """The user's name."""
        return str(resource["UserName"])
