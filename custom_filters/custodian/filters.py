"""The filter `unused-credentials`, as far as it is the same on every cloud."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from c7n.exceptions import PolicyValidationError
from c7n.filters import Filter
from c7n.utils import type_schema

from custom_filters.core.credential import Identity
from custom_filters.core.exemption import Exemption, find_exemption
from custom_filters.core.finding import ANNOTATION, Context, Progress, annotation
from custom_filters.core.judge import Rules, judge_identity, select
from custom_filters.core.verdict import DEFAULT_GRACE_DAYS, SELECTABLE, UNUSED
from custom_filters.custodian import clock
from custom_filters.custodian.exemptions import load_exemptions
from custom_filters.custodian.validation import FILTER, policy_problem, refuse

DEFAULT_DAYS = 90
OWNER_TAGS = ("owner", "Owner", "email", "contact")


def unused_schema(kinds: Iterable[str], evidence: Iterable[str], more: Mapping[str, Any]) -> dict[str, Any]:
    """The filter's schema for a provider with these credential kinds and evidence sources."""
    schema: dict[str, Any] = type_schema(
        FILTER,
        **{
            "days": {"type": "integer", "minimum": 1, "maximum": 400},
            "grace-days": {"type": "integer", "minimum": 0, "maximum": 400},
            "match": {"enum": ["user", "credential"]},
            "verdicts": _list_of(SELECTABLE),
            "kinds": _list_of(kinds),
            "complete": {"type": "boolean"},
            "evidence": _list_of(evidence),
            "exemptions": {"type": "string", "minLength": 1},
            "exempt-tag": {"type": "string", "minLength": 1},
            **more,
        },
    )
    return schema


def _list_of(words: Iterable[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True}


def rules_of(data: Mapping[str, Any]) -> Rules:
    """The numbers and kinds that a filter's data asks for."""
    kinds = data.get("kinds")
    return Rules(
        days=data.get("days", DEFAULT_DAYS),
        grace_days=data.get("grace-days", DEFAULT_GRACE_DAYS),
        kinds=frozenset(kinds) if kinds else None,
    )


class UnusedCredentials(Filter):
    """Base of the filter: judge every identity, keep and annotate those of the verdicts asked for.

    A subclass gives `provider`, `schema`, `permissions` and `identities`.
    """

    provider: ClassVar[str]
    default_evidence: ClassVar[tuple[str, ...]]

    def validate(self) -> UnusedCredentials:
        """Refuse a policy that would change users on weaker grounds than the contract allows."""
        problem = policy_problem(self.manager.data)
        if problem:
            raise PolicyValidationError(problem)
        return self

    @property
    def rules(self) -> Rules:
        """The policy's numbers."""
        return rules_of(self.data)

    @property
    def evidence(self) -> tuple[str, ...]:
        """The evidence sources that the policy asks for."""
        return tuple(self.data.get("evidence", self.default_evidence))

    def process(
        self, resources: list[dict[str, Any]], event: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Keep the resources whose verdict is asked for, each with its annotation `c7n:unused`."""
        refuse(self.manager.data)
        for resource in resources:
            # Under `or:` the policy's other filter of this kind may have judged the resource already.
            if resource.get(ANNOTATION, {}).get("policy") != self.manager.data.get("name", ""):
                resource.pop(ANNOTATION, None)
        now = clock.now()
        return [r for r, identity in self.identities(resources, now) if self._annotate(r, identity, now)]

    def _annotate(self, resource: dict[str, Any], identity: Identity, now: datetime) -> bool:
        rules = self.rules
        judged = judge_identity(identity, rules, now)
        match = self.data.get("match", "user")
        selected = select(judged, match, frozenset(self.data.get("verdicts", UNUSED)), rules)
        if selected is None:
            return False
        resource[ANNOTATION] = annotation(judged, selected, self.progress(resource), self._context(now))
        return True

    def _context(self, now: datetime) -> Context:
        policy = self.manager.data
        controls = policy.get("metadata", {}).get("controls", ())
        return Context(policy.get("name", ""), tuple(map(str, controls)), self.rules, now)

    @abstractmethod
    def identities(
        self, resources: list[dict[str, Any]], now: datetime
    ) -> Iterator[tuple[dict[str, Any], Identity]]:
        """Every resource with what is known of it; an error of the cloud is raised."""

    @abstractmethod
    def progress(self, resource: Mapping[str, Any]) -> Progress:
        """Where the resource stands between detection and retirement, from what is stored in the cloud."""

    @cached_property
    def entries(self) -> tuple[Exemption, ...]:
        """The exemptions file of the policy, read once a run."""
        return load_exemptions(self.data.get("exemptions"), self.manager.session_factory)

    def exemption(
        self, account: str, name: str, user_id: str, tags: Mapping[str, str], now: datetime
    ) -> Exemption | None:
        """The exemption of this identity: by the file first, then by the tag that the policy names."""
        found = find_exemption(self.entries, self.provider, account, name, user_id, now)
        if found is not None and not found.expired(now):
            return found
        return self._tagged(account, name, tags) or found

    def _tagged(self, account: str, name: str, tags: Mapping[str, str]) -> Exemption | None:
        tag = self.data.get("exempt-tag")
        if tag is None or tag not in tags:
            return None
        reason = tags[tag].strip() or f"tag {tag}, without a reason"
        return Exemption(self.provider, account, name, reason, None, None)

    def owner(self, tags: Mapping[str, str]) -> tuple[str | None, str | None]:
        """The owner that the tags name, and the tag that names them."""
        for tag in self.data.get("owner-tags", OWNER_TAGS):
            if tags.get(tag):
                return tags[tag], f"tag {tag}"
        return None, None
