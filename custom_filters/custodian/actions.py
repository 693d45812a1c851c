"""What the actions of every cloud share: run-time checks, the action log, errors collected to the end."""

from __future__ import annotations

import json
import os
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from c7n.actions import BaseAction
from c7n.exceptions import PolicyExecutionError, PolicyValidationError
from c7n.utils import chunks

from custom_filters.core.actionlog import FILE_NAME, Action, Origin, entry, last_hash
from custom_filters.core.mark import DEFAULT_TAG
from custom_filters.core.retire import Terms, failures
from custom_filters.custodian import clock
from custom_filters.custodian.filters import rules_of
from custom_filters.custodian.validation import OUR_OPERATION, policy_problem, unused_filter

#: Set by `c7n-unused run`, so that the log lines of one run carry one id.
RUN_ID_VARIABLE = "C7N_UNUSED_RUN_ID"
_TOLD_FAILURES = 5


class ActionLog:
    """Appends to a policy's c7n-unused-actions.jsonl; every line is on disk before `write` returns."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        """Continue the file in `folder` (the policy's output), or begin one."""
        self._path = folder / FILE_NAME
        self._origin = origin
        self._lock = threading.Lock()
        text = self._path.read_text("utf-8") if self._path.exists() else ""
        self._last = last_hash(text.splitlines())
        self._begin = "" if not text or text.endswith("\n") else "\n"

    def write(self, action: Action) -> None:
        """Add one line."""
        with self._lock:
            line = entry(action, self._origin, clock.now(), self._last)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(self._begin + _line(line))
                file.flush()
                os.fsync(file.fileno())
            self._last, self._begin = line["hash"], ""


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":")) + "\n"


class UnusedAction(BaseAction):
    """Base of our actions: one resource after another, CONCURRENCY at once, every step in the action log.

    A subclass gives `schema`, `permissions`, `caller`, `endpoint`, `act` or `act_on`, and `prepare` at need.
    """

    concurrency = 10
    #: How many resources `act_on` gets at once; more where a cloud takes changes in batches.
    at_once = 1

    def validate(self) -> UnusedAction:
        """Refuse a policy that would change users on weaker grounds than the contract allows."""
        problem = policy_problem(self.manager.data) or self.option_problem()
        if problem:
            raise PolicyValidationError(problem)
        return self

    def option_problem(self) -> str | None:
        """What is wrong with the action's own options."""
        return None

    @property
    def tag(self) -> str:
        """Where the mark is kept."""
        return str(self.data.get("tag", DEFAULT_TAG))

    def process(self, resources: list[dict[str, Any]]) -> None:
        """Act on every resource; raises PolicyExecutionError at the end when any of it failed."""
        problem = policy_problem(self.manager.data) or self.option_problem()
        if problem:
            raise PolicyExecutionError(f"{problem}: nothing was changed")
        clock.refuse_moved_clock(self.endpoint())
        if not resources:
            return
        self.prepare(resources)
        done = self._act_on_all(resources)
        self.finish()
        failed = failures(done)
        if failed:
            told = "; ".join(failed[:_TOLD_FAILURES])
            raise PolicyExecutionError(f"{len(failed)} failures on {len(resources)} resources: {told}")

    def _act_on_all(self, resources: list[dict[str, Any]]) -> list[Action]:
        log = ActionLog(Path(self.manager.ctx.log_dir), self._origin())

        def act(some: list[dict[str, Any]]) -> list[Action]:
            return list(_written(self.act_on(some), log))

        with ThreadPoolExecutor(self.concurrency) as pool:
            found = pool.map(act, chunks(resources, self.at_once))
            return [action for actions in found for action in actions]

    def _origin(self) -> Origin:
        run_id = os.environ.get(RUN_ID_VARIABLE) or self.manager.ctx.execution_id
        return Origin(run_id, self.caller(), self.manager.data.get("name", ""))

    def terms(self) -> Terms:
        """Days, kinds and match from the policy's one filter; the rest from the action's options."""
        data = unused_filter(self.manager.data)
        return Terms(
            rules=rules_of(data),
            match=data.get("match", "user"),
            op=OUR_OPERATION,
            require_mark=self.data.get("require-mark", True),
            include_admins=self.data.get("include-admins", False),
        )

    @abstractmethod
    def caller(self) -> str:
        """The identity that acts, in the cloud's words."""

    @abstractmethod
    def endpoint(self) -> str:
        """The URL that changes are sent to."""

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """Read what all resources need, before the first is acted on."""

    def act_on(self, resources: list[dict[str, Any]]) -> Iterator[Action]:
        """Act on some resources, at most `at_once` of them."""
        for resource in resources:
            yield from self.act(resource)

    @abstractmethod
    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """Act on one resource; errors of the cloud are `failed` actions, not exceptions."""

    def finish(self) -> None:
        """Called once all is done."""


def _written(actions: Iterable[Action], log: ActionLog) -> Iterator[Action]:
    """Each action, once it is in the log."""
    for action in actions:
        log.write(action)
        yield action


def attempt(
    do: Callable[[], None],
    done: Action,
    failed: Callable[[str], Action],
    errors: tuple[type[Exception], ...],
) -> Iterator[Action]:
    """`done` when `do` succeeds, else `failed` with the error's sentence."""
    try:
        do()
    except errors as error:
        yield failed(str(error))
    else:
        yield done
