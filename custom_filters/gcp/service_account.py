"""The resource kind gcp.service-account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.record import Item
from custom_filters.core.vocabulary import DISABLE, ENABLE, FILTER, MARK, MARK_FILTER, UNMARK
from custom_filters.gcp.account_kind import READ, WRITE, AccountKind
from custom_filters.gcp.activity import OF_ACCOUNTS
from custom_filters.gcp.principals import SERVICE_ACCOUNT, transform_account


class ServiceAccount(AccountKind):
    """Service accounts: the account itself is the credential."""

    resource = "gcp.service-account"
    plural = "service accounts"
    credential_kinds = (SERVICE_ACCOUNT,)
    activity = OF_ACCOUNTS
    texts: ClassVar[Mapping[str, str]] = {
        **AccountKind.texts,
        FILTER: "`policy-analyzer` decides: no row, or fewer days observed than `days`, is unknown. "
        "`monitoring` (six weeks of authentication counts) may only veto. Neither sees what an account does "
        "outside Google Cloud by domain-wide delegation: name such accounts in `exemptions:`. Google's "
        "default accounts and the account that runs the policy are always exempt. `exempt-tag` names a note "
        "in the description: `[c7n-unused-exempt: REASON]`.",
        MARK: "It stands at the end of the account's description.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        FILTER: (*READ, "policyanalyzer.serviceAccountLastAuthenticationActivities.query"),
        MARK_FILTER: ("iam.serviceAccounts.list",),
        MARK: WRITE,
        UNMARK: WRITE,
        DISABLE: (*WRITE, "iam.serviceAccounts.disable"),
        ENABLE: (*WRITE, "iam.serviceAccounts.enable"),
    }

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The account."""
        return Item(SERVICE_ACCOUNT, SERVICE_ACCOUNT)

    def names(self, resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str, datetime | None]:
        """By address or unique id; Google does not tell when an account was made."""
        return (resource["email"], resource["uniqueId"]), resource["uniqueId"], None

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """See transform_account."""
        return transform_account(resource, evidence, self._access, now)
