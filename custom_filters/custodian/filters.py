"""The filters `unused-credentials` and `unused-mark`, once for every resource kind."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from c7n.filters import Filter
from c7n.utils import type_schema

from custom_filters.core.credential import Identity
from custom_filters.core.finding import Context, annotation
from custom_filters.core.judge import judge_identity, select
from custom_filters.core.mark import mark_state
from custom_filters.core.policy_data import tag_of, verdicts_of
from custom_filters.core.verdict import SELECTABLE
from custom_filters.core.vocabulary import ANNOTATION, DISABLE, FILTER, MARK_FILTER
from custom_filters.custodian import clock
from custom_filters.custodian.exemptions import location_problem
from custom_filters.custodian.kind import Kind, Resource
from custom_filters.custodian.notes import lifecycle_state
from custom_filters.custodian.validation import policy_problem, refuse, refuse_invalid

log = logging.getLogger("custodian.unused")

_DAYS = {"type": "integer", "minimum": 1, "maximum": 400}


def _list_of(words: Iterable[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True}


class KindFilter(Filter):
    """What our filters share; the class that Custodian registers is generated, with its `of_kind`."""

    word: ClassVar[str]
    of_kind: ClassVar[type[Kind]]

    def __init__(self, data: Any, manager: Any = None) -> None:
        """A kind may have its resources listed in a way of its own."""
        super().__init__(data, manager)
        if manager is not None:
            self.of_kind.adopt(manager)

    def get_permissions(self) -> tuple[str, ...]:
        """What the cloud must allow for this filter's options."""
        return self.of_kind.permissions_for(self.word, self.data)

    def validate(self) -> KindFilter:
        """Refuse a policy that would change users on weaker grounds than the rules allow."""
        policy = self.manager.data
        refuse_invalid(location_problem(self.data.get("exemptions", "")))
        refuse_invalid(policy_problem(policy) or self.of_kind.problem(self.word, self.data, policy))
        return self


class UnusedCredentials(KindFilter):
    """Select {plural} by whether anybody uses them or their credentials.

    {text}
    """

    word = FILTER

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The filter's schema for a kind, with its credential kinds and evidence sources."""
        properties: dict[str, Any] = {
            "days": {"oneOf": [_DAYS, {"type": "array", "items": _DAYS, "minItems": 1, "uniqueItems": True}]},
            "grace-days": {"type": "integer", "minimum": 0, "maximum": 400},
            "match": {"enum": ["user", "credential"]},
            "verdicts": _list_of(SELECTABLE),
            "kinds": _list_of(kind.credential_kinds),
            "complete": {"type": "boolean"},
            "evidence": _list_of(kind.sources),
            "exemptions": {"type": "string", "minLength": 1},
            "exempt-tag": {"type": "string", "minLength": 1},
        }
        schema: dict[str, Any] = type_schema(FILTER, **{**properties, **kind.options.get(FILTER, {})})
        return schema

    def process(self, resources: list[Resource], event: Mapping[str, Any] | None = None) -> list[Resource]:
        """Keep the resources whose verdict is asked for, each with its annotation `c7n:unused`."""
        refuse(policy_problem(self.manager.data))
        for resource in resources:
            # Under `or:` the policy's other filter of this kind may have judged the resource already.
            if resource.get(ANNOTATION, {}).get("policy") != self.manager.data.get("name", ""):
                resource.pop(ANNOTATION, None)
        kind, now = self.of_kind(self.manager, self.data), clock.now()
        judged = kind.identities(resources, now) if resources else ()
        selected = [r for r, identity in judged if self._annotate(kind, r, identity, now)]
        kind.complete(selected)
        return selected

    def _annotate(self, kind: Kind, resource: Resource, identity: Identity, now: datetime) -> bool:
        request = kind.request
        judged = judge_identity(identity, request.rules, now)
        selected = select(judged, request.match, verdicts_of(self.data), request.rules)
        if selected is None:
            return False
        state = lifecycle_state(kind.notes(resource), identity)
        if state.phase == "detected" and (next_action := kind.next_action(resource)):
            state = replace(state, next_action=next_action)
        resource[ANNOTATION] = annotation(judged, selected, state, self._context(kind, now))
        return True

    def _context(self, kind: Kind, now: datetime) -> Context:
        policy = self.manager.data
        controls = policy.get("metadata", {}).get("controls", ())
        return Context(policy.get("name", ""), tuple(map(str, controls)), kind.request.rules, now)


class UnusedMark(KindFilter):
    """Select {plural} by the state of the mark that announces an operation.

    A mark that does not read exactly as we write it is `malformed`: never due, never overwritten, and an
    error in the log that names the user. {text}
    """

    word = MARK_FILTER

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The filter's schema for a kind."""
        schema: dict[str, Any] = type_schema(
            MARK_FILTER,
            required=["state"],
            state={"enum": ["absent", "pending", "due", "malformed"]},
            op={"type": "string"},
            tag=kind.tag_schema,
        )
        return schema

    def process(self, resources: list[Resource], event: Mapping[str, Any] | None = None) -> list[Resource]:
        """Keep the resources whose mark is in the state asked for."""
        refuse(policy_problem(self.manager.data))
        kind, now = self.of_kind(self.manager, {}), clock.now()
        return [r for r in resources if self._state(kind, r, now) == self.data["state"]]

    def _state(self, kind: Kind, resource: Resource, now: datetime) -> str:
        tag = tag_of(self.data)
        text = kind.notes(resource).get(tag)
        state = mark_state(text, self.data.get("op", DISABLE), now)
        if state == "malformed":
            log.error("%s: mark %s is malformed (%r); correct or remove it", kind.name(resource), tag, text)
        return state
