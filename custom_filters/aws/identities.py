"""From the bulk data of an account to identities that can be judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from custom_filters.aws.credential_report import CredentialReport
from custom_filters.aws.credentials import LAST_USED, PASSWORD, missing_row, transform_row
from custom_filters.aws.users import Listing
from custom_filters.core.credential import Credential, Identity, UserType
from custom_filters.core.evidence import Evidence, read_use
from custom_filters.core.times import format_time, parse_time, to_utc
from custom_filters.core.vocabulary import AWS

#: The report writes whole seconds.
_SAME_SECOND = timedelta(seconds=1)
_MFA = {"true": True, "false": False}


@dataclass(frozen=True)
class Snapshot:
    """What is known of an account after the bulk calls; `now` is the time of judgement."""

    account: str
    listing: Listing
    report: CredentialReport
    now: datetime

    def user(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The listing's view of a user: its tags are fresh even where Custodian cached the resource."""
        return self.listing.by_name.get(resource["UserName"], resource)

    def identity(self, resource: dict[str, Any]) -> Identity:
        """A user with the credentials that the report knows."""
        user = self.user(resource)
        row = self.report.rows.get(user["UserName"])
        problem = self._row_problem(user, row)
        if row is None or problem:
            credentials = [missing_row(problem or "")]
        else:
            credentials = transform_row(row, self.report.generated, self.now)
            credentials = [self._with_list_users(c, user) for c in credentials]
            credentials += self._later_password(credentials, user)
        if user["UserName"] in self.listing.quarantined:
            credentials = [replace(c, status="off") if c.kind == PASSWORD else c for c in credentials]
        return Identity(
            provider=AWS,
            account=self.account,
            name=user["UserName"],
            id=user["UserId"],
            credentials=tuple(credentials),
            user_type=_user_type(user, credentials),
            privileged=self.listing.privileges.privileged.get(user["UserName"]),
            mfa=_MFA.get(row.get("mfa_active", "")) if row and not problem else None,
            tags_itself=self.listing.privileges.tags_itself.get(user["UserName"]),
            born=to_utc(user["CreateDate"]),
            incomplete=problem or _more_credentials(row or {}),
        )

    def _row_problem(self, user: Mapping[str, Any], row: Mapping[str, str] | None) -> str | None:
        """Why the report does not speak of this user; a row of an earlier user of that name is not his."""
        made = format_time(self.report.generated)
        if row is None:
            return f"the credential report of {made} does not know the user"
        try:
            created = parse_time(row["user_creation_time"])
        except ValueError as error:
            return f"the credential report's user_creation_time: {error}"
        if abs(created - to_utc(user["CreateDate"])) > _SAME_SECOND:
            return f"the credential report of {made} is about an earlier user of that name"
        return None

    def _with_list_users(self, credential: Credential, user: Mapping[str, Any]) -> Credential:
        """ListUsers may know of a later use of the password than the report, up to four hours old."""
        if credential.kind != PASSWORD or not user.get("PasswordLastUsed"):
            return credential
        seen = read_use(user["PasswordLastUsed"], LAST_USED, now=self.now, observed_at=self.now)
        return replace(credential, evidence=(*credential.evidence, seen))

    def _later_password(self, found: Iterable[Credential], user: Mapping[str, Any]) -> list[Credential]:
        """A password that was used after the report was made, though the report knows of none."""
        used = user.get("PasswordLastUsed")
        if not used or to_utc(used) <= self.report.generated or PASSWORD in {c.kind for c in found}:
            return []
        seen = read_use(used, LAST_USED, now=self.now, observed_at=self.now)
        return [Credential(PASSWORD, PASSWORD, "on", None, (seen,))]


def _more_credentials(row: Mapping[str, str]) -> str | None:
    """The report has two slots for keys; a user with more is known only in part."""
    text = row.get("additional_credentials_info", "N/A")
    return None if text.strip() in {"", "N/A"} else f"the credential report leaves out credentials: {text}"


def _user_type(user: Mapping[str, Any], credentials: Iterable[Credential]) -> UserType:
    """Who has or had a password is taken for a human, who has keys only for a service."""
    kinds = {c.kind for c in credentials}
    if PASSWORD in kinds or user.get("PasswordLastUsed"):
        return "human"
    return "service" if kinds else "unknown"


def with_advice(
    identity: Identity, advice: Evidence, *, assume_complete: bool, covered: Iterable[str]
) -> Identity:
    """Add what Access Advisor says: a veto for the user, and for kinds that have no last use of their own."""
    kinds = frozenset(covered)
    spoken = replace(advice, covers=assume_complete)
    credentials = tuple(
        replace(c, evidence=(*c.evidence, spoken)) if c.kind in kinds else c for c in identity.credentials
    )
    return replace(identity, credentials=credentials, evidence=(*identity.evidence, advice))
