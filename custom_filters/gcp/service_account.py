"""The resource kind gcp.service-account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.notes import Item
from custom_filters.core.vocabulary import FILTER, MARK
from custom_filters.gcp import bound_keys
from custom_filters.gcp.account_kind import AccountKind, permissions
from custom_filters.gcp.activity import OF_ACCOUNTS, RowKey
from custom_filters.gcp.client import Json
from custom_filters.gcp.principals import ITEM, SERVICE_ACCOUNT, ProjectAccess, transform_account


class ServiceAccount(AccountKind):
    """Service accounts: the account itself is the credential."""

    resource = "gcp.service-account"
    plural = "service accounts"
    credential_kinds = (SERVICE_ACCOUNT, *bound_keys.KINDS)
    activity = OF_ACCOUNTS
    texts: ClassVar[Mapping[str, str]] = {
        **AccountKind.texts,
        FILTER: "`policy-analyzer` decides: no row, or fewer days observed than `days`, is unknown. "
        "`monitoring` (six weeks of authentication counts) may only veto; what an account does by "
        "domain-wide delegation it sees for those six weeks, and Policy Analyzer never: name such accounts "
        "in `exemptions:`. HMAC keys and API keys bound to an account are credentials of it; Google does not "
        "tell their use, so an account with a live one is unknown unless it is seen in use. Google's "
        "default accounts and the account that runs the policy are always exempt. `exempt-tag` names a note "
        "in the description: `[c7n-unused-exempt: REASON]`.",
        MARK: "It stands at the end of the account's description.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = permissions(
        "serviceAccounts",
        (
            "policyanalyzer.serviceAccountLastAuthenticationActivities.query",
            "storage.hmacKeys.list",
            "apikeys.keys.list",
        ),
    )

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The account."""
        return ITEM

    def access(self) -> ProjectAccess:
        """With the keys of other kinds."""
        return replace(super().access(), bound=bound_keys.shared_bound_keys(self.manager))

    def names(self, resource: Mapping[str, Any]) -> tuple[RowKey, str, datetime | None]:
        """By unique id; Google does not tell when an account was made."""
        return (resource["uniqueId"], ""), resource["uniqueId"], None

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """See transform_account."""
        return transform_account(resource, evidence, self._access, now)

    def find(self, name: str, key: str | None) -> Json | None:
        """See account_of."""
        return self.account_of(name, key)
