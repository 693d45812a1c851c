"""What our actions must know of each Google resource: its filter, its one credential, its hands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.credential import Identity
from custom_filters.core.record import Item
from custom_filters.gcp.account_filters import (
    AccountUnusedCredentials,
    ServiceAccountKeyUnusedCredentials,
    ServiceAccountUnusedCredentials,
)
from custom_filters.gcp.accounts import PARENT, forget_accounts, take_over
from custom_filters.gcp.client import Json, shared_client, shared_login
from custom_filters.gcp.directory import USERS_READ, forget_listing, get_user, shared_projection
from custom_filters.gcp.filters import DirectoryUserUnusedCredentials, Reader
from custom_filters.gcp.hands import AccountHands, GoogleHands, UserHands, accounts_of, users_of
from custom_filters.gcp.people import SIGN_IN
from custom_filters.gcp.principals import KEY, SERVICE_ACCOUNT, key_id
from custom_filters.gcp.schema import SCHEMAS_READ, get_schema, missing_fields

UnusedFilter = type[DirectoryUserUnusedCredentials] | type[AccountUnusedCredentials]


class Subject(ABC):
    """A resource's side of our actions; one for each action of a run, made in the main thread."""

    filter: UnusedFilter
    endpoint: str

    def __init__(self, manager: Any, tag: str) -> None:
        """`tag` is where the mark is kept."""
        self.manager, self.tag = manager, tag

    @abstractmethod
    def item(self, resource: Mapping[str, Any]) -> Item:
        """The one credential that a resource stands for."""

    @abstractmethod
    def bare(self, resource: Mapping[str, Any]) -> Identity:
        """Who it is, without a judgement."""

    @abstractmethod
    def hands(self, resource: Json, read: Reader | None) -> GoogleHands:
        """See `hands`."""

    def key(self, resource: Mapping[str, Any]) -> str:
        """What tells the resources of a policy apart."""
        return str(resource["name"])

    def prepare(self) -> None:  # noqa: B027 (only users need a place for marks)
        """Refuse what could not work, before anything is changed."""

    def protected(self, resource: Mapping[str, Any]) -> str | None:
        """Why a resource is never touched."""
        return None

    @abstractmethod
    def forget(self) -> None:
        """The next policy of this run must see what was changed."""


class UserSubject(Subject):
    """gcp.directory-user."""

    filter = DirectoryUserUnusedCredentials
    endpoint = "https://admin.googleapis.com"

    def __init__(self, manager: Any, tag: str) -> None:
        """Find out who the subject is."""
        super().__init__(manager, tag)
        self._users = users_of(manager)
        subject = shared_login(manager).subject
        found = (
            get_user(shared_client(manager, USERS_READ), subject, {"projection": "basic"})
            if subject
            else None
        )
        self._subject = found["id"] if found else None

    def key(self, resource: Mapping[str, Any]) -> str:
        return str(resource["id"])

    def item(self, resource: Mapping[str, Any]) -> Item:
        return Item(SIGN_IN, SIGN_IN)

    def bare(self, resource: Mapping[str, Any]) -> Identity:
        return Identity("gcp", resource["customerId"], resource["primaryEmail"], resource["id"], ())

    def hands(self, resource: Json, read: Reader | None) -> GoogleHands:
        return UserHands(resource, self.tag, read, self._users)

    def prepare(self) -> None:
        """Marks need the custom schema."""
        login = shared_login(self.manager)
        found = get_schema(shared_client(self.manager, SCHEMAS_READ), login.customer)
        missing = missing_fields(found, self.tag)
        if missing or shared_projection(self.manager)["projection"] == "basic":
            raise PolicyExecutionError(
                f"customer {login.customer} has no place for marks (custom schema field {missing[0]}); run "
                f"`c7n-unused setup -p gcp --tag {self.tag}` once: nothing was changed"
            )

    def protected(self, resource: Mapping[str, Any]) -> str | None:
        if resource["id"] == self._subject:
            return "it is the user on whose behalf this policy runs"
        if resource.get("isGuestUser"):
            return "guests are retired where they belong"
        return None

    def forget(self) -> None:
        forget_listing(self.manager)


class AccountSubject(Subject):
    """gcp.service-account."""

    filter: UnusedFilter = ServiceAccountUnusedCredentials
    endpoint = "https://iam.googleapis.com"

    def __init__(self, manager: Any, tag: str) -> None:
        """See Subject."""
        super().__init__(manager, tag)
        self._accounts = accounts_of(manager)

    def item(self, resource: Mapping[str, Any]) -> Item:
        return Item(SERVICE_ACCOUNT, SERVICE_ACCOUNT)

    def bare(self, resource: Mapping[str, Any]) -> Identity:
        account = resource.get(PARENT, resource)
        return Identity("gcp", account["projectId"], account["email"], account["uniqueId"], ())

    def hands(self, resource: Json, read: Reader | None) -> GoogleHands:
        return AccountHands(resource, self.tag, read, self._accounts)

    def forget(self) -> None:
        forget_accounts(self.manager)


class KeySubject(AccountSubject):
    """gcp.service-account-key."""

    filter = ServiceAccountKeyUnusedCredentials

    def item(self, resource: Mapping[str, Any]) -> Item:
        return Item(KEY, key_id(resource))


SUBJECTS: dict[str, type[Subject]] = {
    "directory-user": UserSubject,
    "service-account": AccountSubject,
    "service-account-key": KeySubject,
}


def adopt(manager: Any) -> None:
    """Custodian's own resources are listed by us in a policy with our actions."""
    if manager.type != "directory-user":
        take_over(manager)
