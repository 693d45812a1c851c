"""Filters on gcp.directory-user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.finding import Progress
from custom_filters.core.judge import judge_identity
from custom_filters.custodian.filters import UnusedCredentials, unused_schema
from custom_filters.custodian.mark_filter import MARK_SCHEMA, UnusedMark
from custom_filters.custodian.markers import RECORD_TAG, progress_of
from custom_filters.custodian.parallel import for_each
from custom_filters.custodian.store import shared
from custom_filters.gcp import sso, usage_reports
from custom_filters.gcp.client import Json, session_of, shared_client, shared_login
from custom_filters.gcp.directory import USERS_READ, get_user, shared_listing, shared_projection
from custom_filters.gcp.people import KINDS, LAST_LOGIN, transform_user, with_second_look
from custom_filters.gcp.roles import shared_role_holders
from custom_filters.gcp.schema import TAG, tags_of

#: From a resource as it is now, and as it was listed, to its identity.
Reader = Callable[[Json, Mapping[str, Any]], Identity]
MARK_FILTER_SCHEMA: dict[str, Any] = {
    **MARK_SCHEMA,
    "properties": {**MARK_SCHEMA["properties"], "tag": TAG},
}


class DirectoryUserUnusedCredentials(UnusedCredentials):
    """Select Google users by whether anybody signs in as them.

    `last-login` is users.list's lastLoginTime; whoever looks unused by it is read again with users.get, and
    where the two differ nobody is unused. `reports` adds the Reports API: sign-in by single sign-on, and mail
    by IMAP, POP and the web; it is two to seven days late. An organisation with single sign-on needs it.
    Suspended and archived users have the verdict no-credentials. `exempt-tag` names a field of the custom
    schema c7n_unused, whose text is the reason.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-unused
            resource: gcp.directory-user
            filters:
              - type: unused-credentials
                days: 90
                verdicts: [stale, never-used]
                evidence: [last-login, reports]
                exempt-tag: c7n-unused-exempt
    """

    provider = "gcp"
    default_evidence = (LAST_LOGIN,)
    schema = unused_schema(KINDS, (LAST_LOGIN, usage_reports.SOURCE), more={"exempt-tag": TAG})
    permissions = ()

    def progress(self, resource: Mapping[str, Any]) -> Progress:
        """From our notes on the user; who was unsuspended by other hands is not disabled."""
        return progress_in(tags_of(resource), on=not resource.get("suspended"))

    def identities(
        self, resources: list[dict[str, Any]], now: datetime
    ) -> Iterator[tuple[dict[str, Any], Identity]]:
        """Every user with what is known of it; a second look only at those who look unused."""
        if not resources:
            return
        known = {r["id"]: self._known(r, now) for r in resources}
        self._look_again(known, now)
        for resource in resources:
            yield resource, known[resource["id"]]

    def _known(self, resource: Mapping[str, Any], now: datetime) -> Identity:
        return self.judged_by(resource, self.more_evidence(resource, now), now)

    def judged_by(self, user: Mapping[str, Any], more: tuple[Evidence, ...], now: datetime) -> Identity:
        """The identity of a user as listed, with its exemption."""
        identity = transform_user(user, more, now)
        exemption = self.exemption(identity.account, identity.name, identity.id, tags_of(user), now)
        return replace(identity, exemption=exemption)

    def more_evidence(self, user: Mapping[str, Any], now: datetime) -> tuple[Evidence, ...]:
        """What the Reports API says, or what its absence means where single sign-on is in use."""
        if usage_reports.SOURCE in self.evidence:
            return usage_reports.shared_usage(self.manager, now).evidence(user, now, self.rules.days)
        problem = sso.shared_sso_problem(self.manager)
        return (problem,) if problem else ()

    def reader(self, now: datetime) -> Reader:
        """Reads one user's evidence again, past every cache. To be made in the main thread, used in any."""
        usage = (
            shared_client(self.manager, usage_reports.USAGE)
            if usage_reports.SOURCE in self.evidence
            else None
        )
        problem = None if usage else sso.shared_sso_problem(self.manager)
        customer, holders = shared_login(self.manager).customer, shared_role_holders(self.manager)

        def read(user: Json, listed: Mapping[str, Any]) -> Identity:
            more: tuple[Evidence, ...] = (problem,) if problem else ()
            if usage:
                newest = usage_reports.get_usage(usage, customer, now, user["id"])
                more = newest.evidence(user, now, self.rules.days)
            identity = with_second_look(self.judged_by(user, more, now), listed, user, now)
            return replace(identity, privileged=True) if user["id"] in holders else identity

        return read

    def _look_again(self, known: dict[str, Identity], now: datetime) -> None:
        rules = self.rules
        unsettled = [
            key
            for key, identity in known.items()
            if judge_identity(replace(identity, exemption=None), rules, now).verdict
            in {"stale", "never-used", "unknown"}
        ]
        again = self._read_again(unsettled)
        listed = shared_listing(self.manager).by_id
        for key in unsettled:
            known[key] = with_second_look(known[key], listed[key], again[key] or {}, now)

    def _read_again(self, keys: list[str]) -> Mapping[str, Json | None]:
        """users.get of these users; what another policy of this run has read is not read again."""
        client, projection = shared_client(self.manager, USERS_READ), shared_projection(self.manager)
        store: dict[str, Json | None] = shared(
            session_of(self.manager), ("gcp-users-again", shared_login(self.manager)), dict
        )
        wanted = [key for key in keys if key not in store]
        store.update(
            zip(wanted, for_each(lambda key: get_user(client, key, projection), wanted), strict=True)
        )
        return store


def progress_in(tags: Mapping[str, str], *, on: bool) -> Progress:
    """Where an identity stands; a record of what is on again tells of the past."""
    return progress_of({name: text for name, text in tags.items() if not (on and name == RECORD_TAG)})


class DirectoryUserUnusedMark(UnusedMark):
    """Select Google users by the state of the mark that announces an operation.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-malformed-marks
            resource: gcp.directory-user
            filters:
              - type: unused-mark
                state: malformed
                op: disable-unused
                tag: c7n-unused
    """

    schema = MARK_FILTER_SCHEMA
    permissions = ()

    def mark(self, resource: dict[str, Any], tag: str) -> str | None:
        """From our custom schema, as this run listed it."""
        return tags_of(resource).get(tag)

    def name(self, resource: dict[str, Any]) -> str:
        """The primary address."""
        return str(resource["primaryEmail"])
