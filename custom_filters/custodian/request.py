"""What a policy asks of a resource kind: its `unused-credentials` filter's data, and its action's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from c7n.utils import local_session

from custom_filters.core.exemption import Exemption, find_exemption
from custom_filters.core.judge import Rules
from custom_filters.core.policy_data import days_of, tag_of
from custom_filters.core.verdict import DEFAULT_GRACE_DAYS, Match
from custom_filters.custodian.exemptions import load_exemptions
from custom_filters.custodian.store import forget, shared

OWNER_TAGS = ("owner", "Owner", "email", "contact")


@dataclass(frozen=True)
class Request:
    """`filter` is empty in a policy that does not judge, `action` outside of an action."""

    manager: Any
    provider: str
    default_sources: tuple[str, ...]
    filter: Mapping[str, Any] = field(default_factory=dict)
    action: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def rules(self) -> Rules:
        """The numbers and kinds that the filter asks for; the smallest threshold decides."""
        kinds, days = self.filter.get("kinds"), days_of(self.filter)
        return Rules(
            days=days[0],
            grace_days=self.filter.get("grace-days", DEFAULT_GRACE_DAYS),
            kinds=frozenset(kinds) if kinds else None,
            thresholds=days,
        )

    @property
    def match(self) -> Match:
        """Whether users or credentials are selected."""
        match: Match = self.filter.get("match", "user")
        return match

    @property
    def evidence(self) -> tuple[str, ...]:
        """The evidence sources that the filter asks for."""
        return tuple(self.filter.get("evidence", self.default_sources))

    @property
    def tag(self) -> str:
        """Where the action keeps the mark."""
        return tag_of(self.action)

    @cached_property
    def entries(self) -> tuple[Exemption, ...]:
        """The policy's exemptions file, read once a run."""
        return load_exemptions(self.filter.get("exemptions"), self.manager.session_factory)

    @cached_property
    def matched(self) -> dict[Exemption, dict[str, str]]:
        """Whom each entry of the file matched so far in this run: names by id."""
        session = local_session(self.manager.session_factory)
        key = ("matched", self.filter.get("exemptions"))
        return shared(session, key, dict[Exemption, dict[str, str]])

    def forget_exemptions(self) -> None:
        """Have the files of exemptions and decisions read again: somebody is about to be changed."""
        session = local_session(self.manager.session_factory)
        for name in ("exemptions", "decisions"):
            forget(session, (name, self.filter.get(name)))

    def exemption(
        self, account: str, name: str, user_id: str, tags: Mapping[str, str], now: datetime
    ) -> Exemption | None:
        """The exemption of this identity: by the file first, then by the tag that the policy names."""
        mine = [e for e in self.entries if e.matches(self.provider, account, name, user_id)]
        for entry in mine:
            self.matched.setdefault(entry, {})[user_id] = name
        found = find_exemption(mine, self.provider, account, name, user_id, now)
        if found is not None and not found.expired(now):
            return found
        return self._tagged(account, name, tags) or found

    def _tagged(self, account: str, name: str, tags: Mapping[str, str]) -> Exemption | None:
        tag = self.filter.get("exempt-tag")
        if tag is None or tag not in tags:
            return None
        reason = tags[tag].strip() or f"tag {tag}, without a reason"
        return Exemption(self.provider, account, name, reason, None, None)

    def owner(self, tags: Mapping[str, str]) -> tuple[str | None, str | None]:
        """The owner that the tags name, and the tag that names them."""
        for tag in self.filter.get("owner-tags", OWNER_TAGS):
            if tags.get(tag):
                return tags[tag], f"tag {tag}"
        return None, None
