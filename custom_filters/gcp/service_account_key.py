"""The resource kind gcp.service-account-key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.notes import Item
from custom_filters.core.times import read_optional
from custom_filters.core.vocabulary import FILTER, MARK
from custom_filters.custodian.selected import Fresh, Resource
from custom_filters.gcp.account_kind import AccountKind, permissions
from custom_filters.gcp.accounts import PARENT, get_keys_of, shared_keys
from custom_filters.gcp.activity import OF_KEYS, RowKey
from custom_filters.gcp.client import Json, found_or_none
from custom_filters.gcp.principals import KEY, key_id, transform_key

_REASON = "SERVICE_ACCOUNT_KEY_DISABLE_REASON_"
_STATUS = "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_"
_OURS = frozenset({"", "UNSPECIFIED", "USER_INITIATED"})


class ServiceAccountKey(AccountKind):
    """User-managed keys: the identity is the account, the key its one credential here."""

    resource = "gcp.service-account-key"
    plural = "user-managed keys of service accounts"
    credential_kinds = (KEY,)
    activity = OF_KEYS
    texts: ClassVar[Mapping[str, str]] = {
        **AccountKind.texts,
        FILTER: "Sources and exemptions as on gcp.service-account. A key of a disabled account, or past its "
        "end, is off. An account whose keys may not be listed has one row, which is unknown.",
        MARK: "It stands in the account's description and names the key.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = permissions(
        "serviceAccountKeys",
        (
            "iam.serviceAccountKeys.list",
            "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
        ),
        ("iam.serviceAccountKeys.get",),
    )

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Nothing is listed before somebody is judged."""
        super().__init__(manager, filter_data, action)
        self._listed: dict[str, frozenset[str]] = {}

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From calls for the whole project; ids are shortened in notes as far as the account's keys allow."""
        for key in shared_keys(self.manager):
            email = key[PARENT]["email"]
            self._listed[email] = self._listed.get(email, frozenset()) | {key_id(key)}
        yield from super().identities(resources, now)

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The key."""
        return Item(KEY, key_id(resource))

    def names(self, resource: Mapping[str, Any]) -> tuple[RowKey, str, datetime | None]:
        """By its id, and the account's unique id."""
        name, (born, _) = key_id(resource), read_optional(resource, "validAfterTime")
        return (resource[PARENT]["uniqueId"], name), name, born

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """See transform_key."""
        return transform_key(resource, evidence, self._access, now)

    def get(self, resource: Mapping[str, Any]) -> Json | None:
        """The key with its account."""
        account = super().get(resource)
        key = account and found_or_none(lambda: self.keys.call("get", name=resource["name"]))
        return {**key, PARENT: account} if key else None

    def key_ids(self, resource: Mapping[str, Any]) -> frozenset[str]:
        """Of all keys of the account, as they were listed or read again."""
        account = resource[PARENT]
        listed = self._listed.get(account["email"], frozenset())
        return super().key_ids(account) | listed | {key_id(resource)}

    def find(self, name: str, key: str | None) -> Json | None:
        """The account's first key, or the account itself where it has none."""
        return next(iter(self.find_all(name, key)), None) or self.account_of(name, key)

    def find_all(self, name: str, key: str | None) -> list[Json]:
        """All user-managed keys of the account with this unique id, or address."""
        account = self.account_of(name, key)
        return get_keys_of(self.keys, account) if account else []

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """Google disables keys that it finds in public, and says so for good."""
        reasons = [fresh.resource.get("disableReason", "").removeprefix(_REASON)]
        statuses = fresh.resource.get("extendedStatus", ())
        reasons += [status.get("key", "").removeprefix(_STATUS) for status in statuses]
        found = sorted({reason for reason in reasons if reason not in _OURS})
        told = f"Google reports the key as {', '.join(found)}: make a new one instead"
        return {Item(KEY, key_id(fresh.resource)): told} if found else {}
