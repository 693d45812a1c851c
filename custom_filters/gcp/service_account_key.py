"""The resource kind gcp.service-account-key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.record import Item
from custom_filters.core.times import parse_time
from custom_filters.core.vocabulary import DISABLE, ENABLE, FILTER, MARK, MARK_FILTER, UNMARK
from custom_filters.gcp.account_kind import READ, WRITE, AccountKind
from custom_filters.gcp.accounts import PARENT, get_account
from custom_filters.gcp.activity import OF_KEYS
from custom_filters.gcp.client import Json, found_or_none
from custom_filters.gcp.principals import KEY, key_id, transform_key

_GET = "iam.serviceAccountKeys.get"


class ServiceAccountKey(AccountKind):
    """User-managed keys: the identity is the account, the key its one credential here."""

    resource = "gcp.service-account-key"
    plural = "user-managed keys of service accounts"
    credential_kinds = (KEY,)
    activity = OF_KEYS
    texts: ClassVar[Mapping[str, str]] = {
        **AccountKind.texts,
        FILTER: "Sources and exemptions as on gcp.service-account. A key of a disabled account, or past its "
        "end, is off.",
        MARK: "It stands in the account's description and names the key.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        FILTER: (
            *READ,
            "iam.serviceAccountKeys.list",
            "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
        ),
        MARK_FILTER: ("iam.serviceAccounts.list",),
        MARK: (*WRITE, _GET),
        UNMARK: WRITE,
        DISABLE: (*WRITE, _GET, "iam.serviceAccountKeys.disable"),
        ENABLE: (*WRITE, _GET, "iam.serviceAccountKeys.enable"),
    }

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The key."""
        return Item(KEY, key_id(resource))

    def names(self, resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str, datetime | None]:
        """By its id."""
        name = key_id(resource)
        return (name,), name, parse_time(resource["validAfterTime"])

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """See transform_key."""
        return transform_key(resource, evidence, self._access, now)

    def get(self, resource: Mapping[str, Any]) -> Json | None:
        """The key with its account."""
        account = get_account(self.accounts, resource[PARENT]["name"])
        key = account and found_or_none(lambda: self.keys.call("get", name=resource["name"]))
        return {**key, PARENT: account} if key else None

    def place(self, resource: Mapping[str, Any]) -> tuple[str, str]:
        """The account's description, by the key's id."""
        return resource[PARENT]["name"], key_id(resource)
