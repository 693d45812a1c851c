"""The actions `mark-for-op`, `unmark-unused` and `retire-record`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from c7n.tags import TagDelayedAction

from custom_filters.core.judge import judge_identity
from custom_filters.core.lifecycle import RELEASED, decide_mark, decide_retire, decide_unmark, objection
from custom_filters.core.lifecycle_states import Decision, Facts
from custom_filters.core.notes import DEFAULT_MESSAGE, mark_text
from custom_filters.core.policy_data import has_unused_filter, marks_for_us
from custom_filters.core.vocabulary import DISABLE, MARK, RETIRE, UNMARK
from custom_filters.custodian import clock
from custom_filters.custodian.actions import LIMIT, KindAction
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import Fresh, Resource, Selected
from custom_filters.custodian.validation import MESSAGE_END, mark_problem

_MORE = {"include-admins": {"type": "boolean"}, "limit-percent": LIMIT}


class MarkForOp(KindAction):
    """Mark {plural} for `disable-unused`, with notice, and record which credentials were marked.

    All are judged again first. What is back in use, exempt, or protected (unless `include-admins`) is not
    marked. A void notice is renewed in full. Notes that cannot be right are replaced, and the policy then
    fails, naming the user. The mark carries its hour in UTC (`hours:` above 0). {text}
    """

    word, operation, required = MARK, "mark", ("op",)

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        number, text = {"type": "number"}, {"type": "string"}
        stock = {"op": {"enum": [DISABLE]}, "tag": kind.tag_schema, "hours": number, "days": number}
        return {**stock, "tz": text, "msg": text, **_MORE}

    def option_problem(self) -> str | None:
        """The mark must carry its hour in UTC, be readable by `unused-mark`, and fit."""
        message = str(self.data.get("msg", DEFAULT_MESSAGE)).removesuffix(MESSAGE_END)
        return mark_problem(self.data) or self.of_kind.note_problem(mark_text(message, clock.now()))

    def more_facts(self, facts: Facts, read: Selected) -> Facts:
        """Use of all the time that counts, of a kind where only the recent source sees it."""
        if not self.kind.sees_more or not isinstance(read, Fresh):
            return facts
        return self.with_recent(facts, read, self.now - timedelta(days=self.terms.rules.days))

    def decide(self, facts: Facts) -> Decision:
        """See decide_mark."""
        return decide_mark(facts, self.terms, self.now)


class UnmarkUnused(KindAction):
    """Take the mark off {plural} that came back; under `match: credential`, off the credentials that did.

    Identities whose use is `unknown` keep their mark. Notes that cannot be right are replaced, and the policy
    then fails, naming the user. {text}
    """

    word, operation = UNMARK, "unmark"

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        return {"tag": kind.tag_schema, "include-admins": {"type": "boolean"}}

    def prepare(self, resources: list[Resource]) -> list[Selected]:
        """Those whose notice stands, as the listing shows, need no single reads."""
        return [of for of in super().prepare(resources) if self._concerns(of)]

    def _concerns(self, of: Selected) -> bool:
        facts, _ = self.facts_of(of)
        if facts.notes is None or facts.notes.problems or self.terms.match == "credential":
            return True
        if any(e.begun for e in facts.notes.off()):
            return True
        judged = judge_identity(facts.identity, self.terms.rules, self.now)
        return judged.verdict in RELEASED or objection(facts, self.terms, self.now) is not None

    def decide(self, facts: Facts) -> Decision:
        """See decide_unmark."""
        return decide_unmark(facts, self.terms, self.now)


class RetireRecord(KindAction):
    """Take off {plural} the record of what others switched on again, a day or more after we switched it off.

    The next policy that marks them gives full notice. {text}
    """

    word, operation = RETIRE, "retire"

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        return {"tag": kind.tag_schema}

    def read(self, of: Selected) -> Fresh | None:
        """By single reads."""
        return self.kind.current(of)

    def decide(self, facts: Facts) -> Decision:
        """See decide_retire."""
        return decide_retire(facts, self.now)


class StockMarkForOp(TagDelayedAction):
    """Mark {plural} for a later operation; see the stock action.

    In a policy that selects by `unused-credentials`, or marks for `disable-unused`, the mark always carries
    its hour in UTC (`hours:` above 0), the record beside it lists the credentials that were marked, and who
    is exempt or protected (unless `include-admins`) is not marked. Everywhere else this is the stock action.
    {text}
    """

    word = MARK
    schema_alias = False
    ours: ClassVar[type[MarkForOp]]

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """Beside those of the stock action."""
        return {**TagDelayedAction.schema["properties"], **_MORE}

    def _ours(self) -> MarkForOp | None:
        if has_unused_filter(self.manager.data) or marks_for_us(self.data):
            return self.ours(self.data, self.manager)
        return None

    def get_permissions(self) -> tuple[str, ...]:
        """Those of the stock action, or of ours."""
        ours = self._ours()
        return tuple(ours.get_permissions() if ours else super().get_permissions())

    def validate(self) -> StockMarkForOp:
        """The stock checks, then ours."""
        super().validate()
        ours = self._ours()
        if ours:
            ours.validate()
        return self

    def process(self, resources: list[Resource]) -> None:
        """Mark; see the class."""
        ours = self._ours()
        if ours:
            ours.process(resources)
        else:
            super().process(resources)
