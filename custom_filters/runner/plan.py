"""The plan of an enforcing run: who, which credential, what, when, and how it is undone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from custom_filters.core.mark import stamp
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.model import Evaluation
from custom_filters.runner.policies import Policy
from custom_filters.runner.thresholds import actions

_MOST_ROWS = 40


@dataclass(frozen=True)
class Step:
    """One line of the plan, as text."""

    provider: str
    account: str
    user: str
    credential: str
    action: str
    when: str
    undo: str


@dataclass(frozen=True)
class _Subject:
    user: str
    kind: str
    action: Mapping[str, Any]
    out: Path
    now: datetime


def _mark(subject: _Subject) -> tuple[str, str]:
    due = stamp(subject.now + timedelta(hours=float(subject.action.get("hours", 0))))
    return f"now; {subject.action.get('op')} is due at {due}", "remove the mark: unmark-unused"


def _disable(subject: _Subject) -> tuple[str, str]:
    if subject.kind == "password" and not subject.action.get("quarantine"):
        return "now", "can't be undone: set a new password"
    return "now", f"c7n-unused restore {shlex.quote(str(subject.out))} --user {shlex.quote(subject.user)}"


def _release(_: _Subject) -> tuple[str, str]:
    return "now", "the next run marks again"


def _foreign(_: _Subject) -> tuple[str, str]:
    return "now", "see Custodian's documentation of the action"


# Our actions and what to say of them; of any other one nobody knows here whether it can be undone.
_ACTIONS: dict[str, Callable[[_Subject], tuple[str, str]]] = {
    "mark-for-op": _mark,
    "disable-unused": _disable,
    "unmark-unused": _release,
    "remove-tag": _release,
    "unmark": _release,
    "untag": _release,
    "enable-unused": lambda _: ("now", "disable-unused, when it is unused again"),
}
_ON_ANY_VERDICT = frozenset({"unmark-unused", "remove-tag", "unmark", "untag", "enable-unused"})
_NEUTRAL = frozenset({"notify", "webhook", "put-metric", "post-finding"})


def make_plan(
    annotations: Iterable[tuple[Evaluation, Mapping[str, Any]]],
    policies: Iterable[Policy],
    out: Path,
    now: datetime,
) -> list[Step]:
    """What the policies would do with what their dry run selected."""
    by_name = {(policy.provider, policy.name): policy for policy in policies}
    return [
        step
        for evaluation, value in annotations
        for action in actions(by_name[evaluation.provider, evaluation.policy])
        if action["type"] not in _NEUTRAL
        for step in _steps(value, action, out, now)
    ]


def _steps(value: Mapping[str, Any], action: Mapping[str, Any], out: Path, now: datetime) -> Iterator[Step]:
    kind = action["type"]
    if kind in _ON_ANY_VERDICT:
        yield _step(value, "", "", action, out, now)
        return
    for item in value["credentials"]:
        if item["verdict"] in UNUSED:
            credential = item["credential"]
            yield _step(value, credential["kind"], credential["id"], action, out, now)


def _step(
    value: Mapping[str, Any], kind: str, id: str, action: Mapping[str, Any], out: Path, now: datetime
) -> Step:
    explain = _ACTIONS.get(action["type"], _foreign)
    when, undo = explain(_Subject(value["user"], kind, action, out, now))
    credential = kind if id in {kind, ""} else f"{kind} {id}"
    return Step(value["provider"], value["account"], value["user"], credential, action["type"], when, undo)


def plan_table(steps: list[Step]) -> Table:
    """The first lines of the plan, and how many more there are."""
    shown, more = steps[:_MOST_ROWS], len(steps) - _MOST_ROWS
    caption = f"and {more} more" if more > 0 else None
    table = Table("provider", "account", "user", "credential", "action", "when", "undo", caption=caption)
    table.title = f"Plan: {len(steps)} steps"
    for step in shown:
        table.add_row(*map(escape, astuple(step)))
    return table


def limit_sentences(folder: Path, policies: Iterable[Policy]) -> Iterator[str]:
    """One sentence for each policy that selected more than its `max-resources`, and so did nothing."""
    for policy in policies:
        count = _over_limit(folder / policy.provider / policy.name / "metadata.json")
        if count is not None:
            limit = policy.data.get("max-resources") or f"{policy.data.get('max-resources-percent')} %"
            yield (
                f"{policy.name} selected {count} identities, more than its max-resources of {limit}, and "
                "changed nothing: look through the report, and if it is right raise max-resources in a copy "
                "of the policy file, or narrow the policy by a filter, and run the copy."
            )


def _over_limit(metadata: Path) -> int | None:
    if not metadata.is_file():
        return None
    content = json.loads(metadata.read_text(encoding="utf-8"))
    metrics = {m["MetricName"]: m["Value"] for m in content.get("metrics") or ()}
    value = metrics.get("ResourceLimitExceeded")
    return None if value is None else int(value)
