"""The plan of an enforcing run: who, which credential, what, when, and how it is undone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from custom_filters.core.notes import stamp
from custom_filters.core.policy_data import actions
from custom_filters.core.report import Evaluation
from custom_filters.core.text import visible
from custom_filters.core.verdict import UNUSED
from custom_filters.core.vocabulary import DISABLE, ENABLE, MARK, NEUTRAL, RELEASING
from custom_filters.outputs.private import write_private
from custom_filters.runner.run.policy_files import Policy

_MOST_ROWS = 40


@dataclass(frozen=True)
class Step:
    """One line of the plan, as text."""

    provider: str
    account: str
    policy: str
    action: str
    user: str
    credential: str
    when: str
    undo: str


#: What the words under `undo` mean.
UNDO = {
    "unmark": "action unmark-unused; nothing is switched off by a mark",
    "restore": "c7n-unused restore OUT --user USER",
    "new password": "a deleted password can't be brought back, set a new one",
    "next run": "the next run marks again what is unused",
    "nothing": "it is not touched, unless the action says include-admins",
    "disable": "action disable-unused, when it is unused again",
    "unknown": "see Custodian's documentation of the action",
}


def make_plan(
    annotations: Iterable[tuple[Evaluation, Mapping[str, Any]]],
    policies: Iterable[Policy],
    now: datetime,
) -> list[Step]:
    """What the policies would do with what their dry run selected."""
    by_name = {(policy.provider, policy.name): policy for policy in policies}
    return [
        step
        for evaluation, value in annotations
        for action in actions(by_name[evaluation.provider, evaluation.policy].data)
        if action["type"] not in NEUTRAL
        for step in _steps(value, action, now)
    ]


def _steps(value: Mapping[str, Any], action: Mapping[str, Any], now: datetime) -> Iterator[Step]:
    kind = action["type"]
    if kind in RELEASING:
        yield _step(value, "", "", action, now)
        return
    for item in value["credentials"]:
        if item["verdict"] in UNUSED:
            credential = item["credential"]
            yield _step(value, credential["kind"], credential["id"], action, now)


def _step(value: Mapping[str, Any], kind: str, id: str, action: Mapping[str, Any], now: datetime) -> Step:
    where = value["provider"], value["account"], value["policy"]
    credential = kind if id in {kind, ""} else f"{kind} {id}"
    alone = _left_alone(value, action) if action["type"] in {MARK, DISABLE} else None
    told = (f"skipped: {alone}", "nothing") if alone else _when_and_undo(kind, action, now)
    return Step(*where, action["type"], value["user"], credential, *told)


def _when_and_undo(kind: str, action: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """When an action happens and how it is undone; nobody knows here whether foreign ones can be."""
    if action["type"] == MARK:
        return f"due {stamp(now + timedelta(hours=float(action.get('hours', 0))))}", "unmark"
    if action["type"] == DISABLE:
        return "now", "new password" if kind == "password" and not action.get("quarantine") else "restore"
    if action["type"] == ENABLE:
        return "now", "disable"
    return "now", "next run" if action["type"] in RELEASING else "unknown"


def _left_alone(value: Mapping[str, Any], action: Mapping[str, Any]) -> str | None:
    """Why the action will not touch somebody whom the policy selects."""
    protected = None if action.get("include-admins") else value.get("protected")
    return value.get("untouchable") or protected


def untold(policies: Iterable[Policy]) -> Iterator[str]:
    """A sentence for each policy that marks without telling anybody."""
    for policy in policies:
        words = {action["type"] for action in actions(policy.data)}
        if "mark-for-op" in words and "notify" not in words:
            yield f"{policy.name} marks, and nobody is told: it has no `notify` action."


def exempt_elsewhere(
    annotations: Iterable[tuple[Evaluation, Mapping[str, Any]]],
    exempt: Mapping[tuple[str, str], str] | None = None,
) -> list[str]:
    """A sentence for everybody whom a report calls exempt, and the policies of the plan do not.

    `exempt` holds whom earlier reports called so, by whatever way: provider and id -> reason. The tag is
    known without a report.
    """
    said, found = exempt or {}, set()
    for evaluation, value in annotations:
        reason = said.get((value["provider"], value["user_id"]))
        if value.get("exempt_tag") is not None:
            why = f"carries the exempt tag, which counts for reports only: {evaluation.policy} acts on it"
        elif reason is not None and value["user_verdict"] in UNUSED:
            why = (
                f"is exempt in the last report ({reason}), but not for {evaluation.policy}, which acts on it"
            )
        else:
            continue
        found.add(f"{value['user']} {why} all the same; write an exemption if that is not meant.")
    return sorted(found)


def plan_tables(steps: list[Step]) -> Iterator[Table]:
    """A table for each account, policy and action, with its first steps."""
    for (provider, account, policy, action), group in groupby(sorted(steps, key=_part), key=_part):
        mine = list(group)
        more = len(mine) - _MOST_ROWS
        title = f"{provider} {account}: {policy}: {action}, {len(mine)} steps"
        table = Table(title=escape(title), caption=f"and {more} more" if more > 0 else None, box=SIMPLE)
        for name in ("user", "credential"):
            table.add_column(name, overflow="fold")
        for name in ("when", "undo"):
            table.add_column(name, no_wrap=True)
        for step in mine[:_MOST_ROWS]:
            table.add_row(escape(visible(step.user)), escape(visible(step.credential)), step.when, step.undo)
        yield table


def _part(step: Step) -> tuple[str, str, str, str]:
    return step.provider, step.account, step.policy, step.action


def undo_lines(steps: Iterable[Step]) -> Iterator[str]:
    """The words under `undo` that the plan uses, explained."""
    for word in sorted({step.undo for step in steps}):
        yield f'undo "{word}": {UNDO[word]}'


def write_plan(steps: list[Step], path: Path) -> None:
    """Write all of the plan as JSON, for this user only."""
    write_private(path, [(json.dumps([asdict(step) for step in steps], indent=1) + "\n").encode()])


def limit_sentences(folder: Path, policies: Iterable[Policy]) -> Iterator[str]:
    """One sentence for each policy that selected more than its `max-resources`, and so did nothing."""
    for policy in policies:
        count = _over_limit(folder / policy.provider / policy.name / "metadata.json")
        if count is not None:
            yield (
                f"{policy.name} selected {count} identities, more than its max-resources of {_limit(policy)}"
                ", and changed nothing: look through the report, and if it is right raise max-resources "
                "in a copy of the policy file, or narrow the policy by a filter, and run the copy."
            )


def _limit(policy: Policy) -> str:
    """`max-resources` is a number, or {amount, percent, op}; `max-resources-percent` stands beside it."""
    limit = policy.data.get("max-resources")
    parts = limit if isinstance(limit, dict) else {"amount": limit}
    percent = parts.get("percent", policy.data.get("max-resources-percent"))
    amount = parts.get("amount")
    words = [str(amount)] if amount else []
    words += [f"{percent} %"] if percent else []
    return f" {parts.get('op', 'or')} ".join(words)


def _over_limit(metadata: Path) -> int | None:
    if not metadata.is_file():
        return None
    content = json.loads(metadata.read_text(encoding="utf-8"))
    metrics = {m["MetricName"]: m["Value"] for m in content.get("metrics") or ()}
    value = metrics.get("ResourceLimitExceeded")
    return None if value is None else int(value)
