"""The filters `unused-credentials`, `unused-mark` and `unused-record`, once for every resource kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from c7n.exceptions import PolicyExecutionError, PolicyValidationError
from c7n.filters import Filter

from custom_filters.core.credential import Identity
from custom_filters.core.finding import Context, annotation
from custom_filters.core.judge import IdentityJudgement, judge_identity, select
from custom_filters.core.lifecycle_states import Facts, MarkState, RecordState, mark_states, record_states
from custom_filters.core.policy_data import tag_of, unused_filter, verdicts_of
from custom_filters.core.verdict import SELECTABLE
from custom_filters.core.vocabulary import ANNOTATION, DISABLE, EXEMPT_TAG, FILTER, MARK_FILTER, RECORD_FILTER
from custom_filters.custodian import clock, population
from custom_filters.custodian.decisions import read_decisions, with_kept
from custom_filters.custodian.exemptions import location_problem
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.notes import is_uncertain, lifecycle_state, own_notes
from custom_filters.custodian.options import Word
from custom_filters.custodian.selected import Resource, Selected
from custom_filters.custodian.terms import examined, terms_of
from custom_filters.custodian.validation import exemptions_problem, policy_problem, refuse, refuse_invalid

_DAYS = {"type": "integer", "minimum": 1, "maximum": 400}


def _list_of(words: Iterable[str | bool]) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True}


class KindFilter(Word, Filter):
    """What our filters share."""

    def validate(self) -> KindFilter:
        """Refuse a policy that would change users on weaker grounds than the rules allow."""
        policy = self.manager.data
        for name in ("exemptions", "decisions"):
            refuse_invalid(location_problem(self.data.get(name, "")))
        refuse_invalid(
            policy_problem(policy)
            or self.of_kind.problem(self.word, self.data, policy)
            or exemptions_problem(policy)
        )
        return self

    def keep(self, resources: list[Resource], asked: frozenset[str]) -> list[Resource]:
        """The resources whose notes are in one of these states; not those where a write of this run failed.

        They are judged as the policy's own `unused-credentials` filter judges them.
        """
        refuse(policy_problem(self.manager.data))
        kind, now = self.of_kind(self.manager, unused_filter(self.manager.data)), clock.now()
        examined(self.manager, len(resources))
        found = []
        for resource, identity in kind.identities(resources, now) if resources else ():
            of = Selected(resource, with_kept(kind.request, identity, now), kind.notes(resource))
            if not is_uncertain(kind, of) and asked & self._states(kind, of, now):
                found.append(resource)
        return found

    def _states(self, kind: Kind, of: Selected, now: datetime) -> frozenset[str]:
        notes, _ = own_notes(kind, of, now, tag_of(self.data))
        left = {"due"} if self.word == MARK_FILTER and kind.unfinished(of) else set()
        return self.states(Facts(of.identity, notes), kind, now) | left

    def states(self, facts: Facts, kind: Kind, now: datetime) -> frozenset[str]:
        """The states of an identity's notes."""
        raise NotImplementedError


def _one_or_list(words: Sequence[str | bool]) -> dict[str, Any]:
    return {"oneOf": [{"enum": list(words)}, _list_of(words)]}


class UnusedCredentials(KindFilter):
    """Select {plural} by whether anybody uses them or their credentials.

    {text}
    """

    word = FILTER

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """With the kind's credential kinds and evidence sources."""
        return {
            "days": {
                **_DAYS,
                "type": ["integer", "array"],
                "items": _DAYS,
                "minItems": 1,
                "uniqueItems": True,
            },
            "grace-days": {"type": "integer", "minimum": 0, "maximum": 400},
            "match": {"enum": ["user", "credential"]},
            "verdicts": _list_of(SELECTABLE),
            "kinds": _list_of(kind.credential_kinds),
            "complete": {"type": "boolean"},
            "evidence": _list_of(kind.sources),
            "exemptions": {"type": "string", "minLength": 1},
            "exempt-tag": {"type": "string", "minLength": 1},
            "decisions": {"type": "string", "minLength": 1},
        }

    def __init__(self, data: Any, manager: Any = None) -> None:
        """Everybody who is judged is written down."""
        super().__init__(data, manager)
        if manager is not None:
            population.follow(manager, self.of_kind.provider)

    def validate(self) -> KindFilter:
        """Refuse a file of decisions that cannot be taken, too."""
        super().validate()
        location = self.data.get("decisions", "")
        try:
            _ = "://" in location or not location or read_decisions(location)
        except PolicyExecutionError as error:
            raise PolicyValidationError(str(error)) from error
        return self

    def process(self, resources: list[Resource], event: Mapping[str, Any] | None = None) -> list[Resource]:
        """Keep the resources whose verdict is asked for, each with its annotation `c7n:unused`."""
        refuse(policy_problem(self.manager.data))
        examined(self.manager, len(resources))
        for resource in resources:
            # Under `or:` the policy's other filter of this kind may have judged the resource already.
            if resource.get(ANNOTATION, {}).get("policy") != self.manager.data.get("name", ""):
                resource.pop(ANNOTATION, None)
        kind, now = self.of_kind(self.manager, self.data), clock.now()
        if followed := population.examined(self.manager):
            followed.begin(kind.request)
        judged = kind.identities(resources, now) if resources else ()
        selected = [r for r, identity in judged if self._judge(kind, r, identity, now)]
        kind.complete(selected)
        return selected

    def _judge(self, kind: Kind, resource: Resource, identity: Identity, now: datetime) -> bool:
        judged = judge_identity(with_kept(kind.request, identity, now), kind.request.rules, now)
        if followed := population.examined(self.manager):
            followed.add(judged, now)
        return self._annotate(kind, resource, judged, now)

    def _annotate(self, kind: Kind, resource: Resource, judged: IdentityJudgement, now: datetime) -> bool:
        request, identity = kind.request, judged.identity
        selected = select(judged, request.match, verdicts_of(self.data), request.rules)
        if selected is None:
            return False
        of = Selected(resource, identity, kind.notes(resource))
        state = lifecycle_state(kind, of, now)
        if state.phase == "detected" and (next_action := kind.next_action(resource)):
            state = replace(state, next_action=next_action)
        alone = {
            "untouchable": kind.untouchable(of),
            "protected": kind.protected(of),
            "exempt_tag": (of.notes or {}).get(EXEMPT_TAG) if "exempt-tag" not in self.data else None,
        }
        resource[ANNOTATION] = {**annotation(judged, selected, state, self._context(kind, now)), **alone}
        return True

    def _context(self, kind: Kind, now: datetime) -> Context:
        policy = self.manager.data
        controls = policy.get("metadata", {}).get("controls", ())
        return Context(policy.get("name", ""), tuple(map(str, controls)), kind.request.rules, now)


class UnusedMark(KindFilter):
    """Select {plural} by the states of the mark that announces an operation.

    `absent`: none, or (under `match: credential`) none for some credential that the policy selects.
    `pending`: notice runs. `due`: it ran out. `void`: used or made anew after the mark, or the notice ran out
    more than `valid-days` (30) ago. `malformed`: notes that cannot be right, to be replaced by mark-for-op or
    unmark-unused. Days, kinds and match are those of the policy's `unused-credentials` filter. {text}
    """

    word, required = MARK_FILTER, ("state",)

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        return {
            "state": _one_or_list(get_args(MarkState)),
            "op": {"enum": [DISABLE]},
            "tag": kind.tag_schema,
            "valid-days": {"type": "integer", "minimum": 1, "maximum": 400},
        }

    def process(self, resources: list[Resource], event: Mapping[str, Any] | None = None) -> list[Resource]:
        """Keep the resources whose mark is in one of the states asked for."""
        return self.keep(resources, _asked(self.data))

    def states(self, facts: Facts, kind: Kind, now: datetime) -> frozenset[str]:
        """See mark_states."""
        terms = terms_of(kind.request, self.manager.data, self.data)
        return frozenset(mark_states(facts, terms, now, kind.slots))


#: How YAML reads the word off.
_YAML_OFF = False


class UnusedRecord(KindFilter):
    """Select {plural} by the record of what we switched off.

    `off`: still off, for at least `days`. `reopened`: on again by others, a day or more later. `malformed`:
    notes that cannot be right. {text}
    """

    word, required = RECORD_FILTER, ("state",)

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        states = _one_or_list([*get_args(RecordState), _YAML_OFF])
        return {"state": states, "days": {"type": "number", "minimum": 0}}

    def process(self, resources: list[Resource], event: Mapping[str, Any] | None = None) -> list[Resource]:
        """Keep the resources whose record is in one of the states asked for."""
        return self.keep(resources, _asked(self.data))

    def states(self, facts: Facts, kind: Kind, now: datetime) -> frozenset[str]:
        """See record_states."""
        return frozenset(record_states(facts, now, self.data.get("days", 0), kind.slots))


def _asked(data: Mapping[str, Any]) -> frozenset[str]:
    state = data["state"]
    states = state if isinstance(state, list) else [state]
    return frozenset("off" if one is _YAML_OFF else one for one in states)
