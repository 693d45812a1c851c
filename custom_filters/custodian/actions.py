"""The actions `disable-unused` and `enable-unused`, and what all of our actions share."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from c7n.actions import BaseAction
from c7n.exceptions import PolicyExecutionError
from c7n.utils import chunks, type_schema

from custom_filters.core.actionlog import Action, Origin
from custom_filters.core.policy_data import has_unused_filter, tag_of, unused_filter
from custom_filters.core.retire import EnforcementOptions, failures, retire
from custom_filters.core.vocabulary import DISABLE, ENABLE, RUN_ID_VARIABLE
from custom_filters.custodian import clock, deadline
from custom_filters.custodian.action_log import ActionLog
from custom_filters.custodian.changes import Changes
from custom_filters.custodian.kind import Kind, Resource, Selected
from custom_filters.custodian.parallel import CONCURRENCY
from custom_filters.custodian.restore import restore
from custom_filters.custodian.validation import policy_problem, refuse, refuse_invalid

_TOLD_FAILURES = 5


class KindAction(BaseAction):
    """Base of our actions: one resource after another, some at once, every step in the action log.

    The class that Custodian registers is generated, with its `of_kind`. `judges` says that the action judges
    again by fresh evidence, just before it changes anything.
    """

    word: ClassVar[str]
    of_kind: ClassVar[type[Kind]]
    judges = False

    kind: Kind
    now: datetime

    def __init__(self, data: Any = None, manager: Any = None, log_dir: Any = None) -> None:
        """A kind may have its resources listed in a way of its own."""
        super().__init__(data, manager, log_dir)
        if manager is not None:
            self.of_kind.adopt(manager)

    def get_permissions(self) -> tuple[str, ...]:
        """What the cloud must allow for this action's options."""
        return self.of_kind.permissions_for(self.word, self.data)

    @property
    def tag(self) -> str:
        """Where the mark is kept."""
        return tag_of(self.data)

    def problem(self) -> str | None:
        """The first reason, in one sentence, for which this must not run."""
        policy = self.manager.data
        return (
            policy_problem(policy)
            or self.option_problem()
            or self.of_kind.problem(self.word, self.data, policy)
        )

    def option_problem(self) -> str | None:
        """What is wrong with the action's own options."""
        return None

    def validate(self) -> KindAction:
        """Refuse a policy that would change users on weaker grounds than the rules allow."""
        refuse_invalid(self.problem())
        return self

    def process(self, resources: list[Resource]) -> None:
        """Act on every resource; raises PolicyExecutionError at the end when any of it failed."""
        refuse(self.problem())
        self.left = 0
        self.kind = self.of_kind(self.manager, unused_filter(self.manager.data), self.data)
        clock.refuse_moved_clock(self.kind.endpoint())
        if not resources:
            return
        done = self._act_on_all(self.prepare(resources))
        self.kind.forget()
        failed = failures(done)
        if self.left:
            failed.append(
                f"the time ran out: {self.left} of {len(resources)} were not begun; the next run goes on"
            )
        if failed:
            told = "; ".join(failed[:_TOLD_FAILURES])
            raise PolicyExecutionError(f"{len(failed)} failures on {len(resources)} resources: {told}")

    def prepare(self, resources: list[Resource]) -> list[Selected]:
        """Read what all resources need, in this thread, before the first is acted on."""
        kind, self.now = self.kind, clock.now()
        if self.judges:
            kind.request.forget_exemptions()
        kind.prepare(self.word)
        if has_unused_filter(self.manager.data):
            known = list(kind.identities(resources, self.now))
        else:
            known = [(resource, kind.identity(resource)) for resource in resources]
        return [Selected(resource, identity, kind.notes(resource)) for resource, identity in known]

    def _act_on_all(self, selected: list[Selected]) -> list[Action]:
        run_id = os.environ.get(RUN_ID_VARIABLE) or self.manager.ctx.execution_id
        origin = Origin(run_id, self.kind.caller(), self.manager.data.get("name", ""))
        log = ActionLog(Path(self.manager.ctx.log_dir), origin)

        def act(some: list[Selected]) -> list[Action]:
            if deadline.is_near():
                self.left += len(some)
                return []
            return list(_written(self.act_on(some), log))

        with ThreadPoolExecutor(CONCURRENCY) as pool:
            found = pool.map(act, chunks(selected, self.kind.batch_size))
            return [action for actions in found for action in actions]

    def options(self) -> EnforcementOptions:
        """Days, kinds and match from the policy's one filter; the rest from the action's options."""
        request = self.kind.request
        return EnforcementOptions(
            rules=request.rules,
            match=request.match,
            op=DISABLE,
            require_mark=self.data.get("require-mark", True),
            include_admins=self.data.get("include-admins", False),
        )

    def changes(self, selected: Selected) -> Changes:
        """The changes to one identity."""
        return Changes(self.kind, selected, self.tag, self.now)

    @abstractmethod
    def act_on(self, some: list[Selected]) -> Iterator[Action]:
        """Act on some identities, at most the kind's batch; errors of the cloud are `failed` actions."""


def _written(actions: Iterable[Action], log: ActionLog) -> Iterator[Action]:
    """Each action, once it is in the log."""
    for action in actions:
        log.write(action)
        yield action


class DisableUnused(KindAction):
    """Switch off what nobody uses of {plural}, each after a fresh look.

    What was on is recorded in the cloud first. {text} Identities are left alone that are exempt, privileged
    (unless `include-admins`), or not marked as due (unless `require-mark: false`).
    """

    word = DISABLE
    judges = True

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The action's schema for a kind."""
        properties = {
            "tag": kind.tag_schema,
            "include-admins": {"type": "boolean"},
            "require-mark": {"type": "boolean"},
        }
        schema: dict[str, Any] = type_schema(DISABLE, **{**properties, **kind.options.get(DISABLE, {})})
        return schema

    def act_on(self, some: list[Selected]) -> Iterator[Action]:
        """By the order of checks that holds for every cloud."""
        for selected in some:
            changes = self.changes(selected)
            yield from retire(changes.candidate(), self.options(), changes, self.now)


class EnableUnused(KindAction):
    """Switch on again exactly what the restore record of {plural} says that we switched off.

    With `record` (a list of kind=id, as a run's action log has it) nothing is done where the record in the
    cloud says otherwise. {text}
    """

    word = ENABLE

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The action's schema for a kind."""
        record = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
        schema: dict[str, Any] = type_schema(ENABLE, tag=kind.tag_schema, record=record)
        return schema

    def act_on(self, some: list[Selected]) -> Iterator[Action]:
        """From a fresh read of the record."""
        for selected in some:
            yield from restore(self.changes(selected), self.data.get("record"))
