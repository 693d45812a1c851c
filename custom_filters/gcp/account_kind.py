"""What service accounts and their keys share: evidence by project, notes in the account's description."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.vocabulary import DISABLE, GCP, MARK
from custom_filters.custodian.kind import Fresh, Notes, NotesChange, Resource, Selected
from custom_filters.gcp.accounts import (
    ACCOUNTS,
    KEYS,
    PARENT,
    forget_accounts,
    get_account,
    shared_roles,
    take_over,
)
from custom_filters.gcp.activity import (
    ACTIVITIES,
    ANALYZER,
    MONITORING,
    SERIES,
    Activity,
    analyzer_evidence,
    get_rows,
    get_seen,
    monitoring_evidence,
    shared_rows,
    shared_seen,
)
from custom_filters.gcp.client import Json, project_of, shared_client, shared_login
from custom_filters.gcp.description_writer import DescriptionWriter
from custom_filters.gcp.google_kind import GoogleKind
from custom_filters.gcp.principals import ProjectAccess, built_in_exemption, notes_of

READ = (
    "iam.serviceAccounts.list",
    "resourcemanager.projects.getIamPolicy",
    "monitoring.timeSeries.list",
)
WRITE = ("iam.serviceAccounts.get", "iam.serviceAccounts.list", "iam.serviceAccounts.update")
#: Rows of Policy Analyzer and dates of Monitoring, by what they name.
Seen = tuple[Mapping[str, Json], Mapping[str, datetime]]


class AccountKind(GoogleKind):
    """A service account, or one of its keys; `activity` tells how Google names what it does."""

    name_key = "name"
    sources = (ANALYZER, MONITORING)
    default_sources = (ANALYZER, MONITORING)
    texts: ClassVar[Mapping[str, str]] = {
        DISABLE: "Nothing is ever deleted. Google's default service accounts and our own are left alone; "
        "accounts are privileged that are owner or administer IAM or projects; with a custom role it can't "
        "be told.",
    }
    activity: ClassVar[Activity]

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Make the clients in this thread."""
        super().__init__(manager, filter_data, action)
        self.accounts, self.keys = shared_client(manager, ACCOUNTS), shared_client(manager, KEYS)
        self._descriptions = DescriptionWriter(self.accounts)
        self._again = False

    @classmethod
    def adopt(cls, manager: Any) -> None:
        """The policy's resources come from our listing, which is complete or an error."""
        take_over(manager)

    def prepare(self, word: str) -> None:
        """Whom we mark or disable is read again."""
        self._again = word in {MARK, DISABLE}

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From calls for the whole project."""
        self._access = ProjectAccess(shared_login(self.manager), shared_roles(self.manager))
        seen = self._seen(now)
        if self._again:
            self._read = self._reader(seen, now)
        for resource in resources:
            yield resource, self._judged(resource, seen, now)

    def _judged(self, resource: Mapping[str, Any], seen: Seen, now: datetime) -> Identity:
        """The identity of one resource, with its exemption; built-in ones come first."""
        account = resource.get(PARENT, resource)
        identity = self.transform(resource, tuple(self._evidence(resource, seen, now)), now)
        found = built_in_exemption(account, self._access.login) or self.request.exemption(
            identity.account, identity.name, identity.id, notes_of(account), now
        )
        return replace(identity, exemption=found)

    def _seen(self, now: datetime) -> Seen:
        """The project's activity, of the sources that are asked for, read once a run."""
        asked = self.request.evidence
        rows = shared_rows(self.manager, self.activity) if ANALYZER in asked else {}
        return rows, shared_seen(self.manager, self.activity, now) if MONITORING in asked else {}

    def _evidence(self, resource: Mapping[str, Any], seen: Seen, now: datetime) -> Iterator[Evidence]:
        rows, dates = seen
        names, label, born = self.names(resource)
        if ANALYZER in self.request.evidence:
            row = next((rows[name] for name in names if name in rows), None)
            yield analyzer_evidence(row, born, now, self.request.rules.days)
        if MONITORING in self.request.evidence:
            yield monitoring_evidence(dates, label, now)

    def _reader(self, known: Seen, now: datetime) -> Callable[[Json], Identity]:
        """Reads one resource's evidence again, past every cache. To be made in the main thread."""
        manager, project = self.manager, project_of(self.manager)
        analyzer, monitoring = shared_client(manager, ACTIVITIES), shared_client(manager, SERIES)
        asked, of = self.request.evidence, self.activity

        def read(found: Json) -> Identity:
            names, label, _ = self.names(found)
            full = next((known[0][name]["fullResourceName"] for name in names if name in known[0]), None)
            rows = get_rows(analyzer, project, of, full) if full else {}
            dates = get_seen(monitoring, project, of, now, label) if MONITORING in asked else {}
            return self._judged(found, (rows, dates), now)

        return read

    @abstractmethod
    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """The identity, of which the resource is the one credential; see `principals`."""

    @abstractmethod
    def names(self, resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str, datetime | None]:
        """What Policy Analyzer and Monitoring call the resource, and its birth if Google tells."""

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """The account, by address and unique id."""
        account = resource.get(PARENT, resource)
        return Identity(GCP, account["projectId"], account["email"], account["uniqueId"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From the account's description."""
        return notes_of(resource)

    def current(self, selected: Selected) -> Fresh | None:
        """Status and notes as they are now."""
        found = self.get(selected.resource)
        return Fresh(found, selected.identity, notes_of(found)) if found else None

    def get(self, resource: Mapping[str, Any]) -> Json | None:
        """The resource as it is now; None when it is gone."""
        return get_account(self.accounts, resource["name"])

    def fresh(self, selected: Selected, now: datetime) -> Fresh | None:
        """The resource, then the evidence."""
        found = self.current(selected)
        return replace(found, identity=self._read(found.resource)) if found else None

    def write(self, change: NotesChange) -> None:
        """Into the description of the account, where there must be room for a later record too."""
        account, key = self.place(change.of.resource)
        if change.reserve:
            self._descriptions.check_room(account, key, {**change.put, **change.reserve})
        self._descriptions.write(account, key, {**change.put, **dict.fromkeys(change.drop)})

    def place(self, resource: Mapping[str, Any]) -> tuple[str, str]:
        """The account whose description holds the notes, and the key they are about ("": the account)."""
        return resource["name"], ""

    def switch(self, fresh: Fresh, *, on: bool) -> None:
        """Enable or disable it."""
        client = self.keys if PARENT in fresh.resource else self.accounts
        client.call("enable" if on else "disable", name=fresh.resource["name"], body={})

    def endpoint(self) -> str:
        """Where changes are sent."""
        return "https://iam.googleapis.com"

    def forget(self) -> None:
        """List the project again."""
        forget_accounts(self.manager)
