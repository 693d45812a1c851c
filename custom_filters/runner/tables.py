"""Tables and progress for people at a terminal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from custom_filters.core.report import VERDICT_ORDER, Evaluation, Report
from custom_filters.core.verdict import UNUSED
from custom_filters.runner.run.children import Child
from custom_filters.runner.run.policy_files import Policy
from custom_filters.runner.run.thresholds import asked_verdicts, judging_days

_METADATA = "metadata.json"
_PLAIN_WIDTH = 140


def stdout() -> Console:
    """Where results go; wide enough for the tables where there is no terminal to ask for its width."""
    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)


@contextmanager
def progress(root: Path) -> Iterator[Callable[[Sequence[Child]], None]]:
    """A line for each child on stderr, counting the policies done; quiet in CI and off a terminal."""
    console = Console(stderr=True)
    quiet = not console.is_terminal or bool(os.environ.get("CI"))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        tasks: dict[str, TaskID] = {}

        def tick(children: Sequence[Child]) -> None:
            for child in children:
                name, policies = child.batch.provider, child.batch.policies
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=len(policies))
                done = sum((root / name / policy.name / _METADATA).is_file() for policy in policies)
                bar.update(tasks[name], completed=done)

        yield tick


def verdict_table(report: Report) -> Table:
    """Credentials by provider and verdict, and how many policies could be evaluated."""
    counts: dict[str, Counter[str]] = {e.provider: Counter() for e in report.evaluations}
    for finding in report.findings:
        counts.setdefault(finding["provider"], Counter())[finding["counts_as"]] += 1
    seen = [verdict for verdict in VERDICT_ORDER if any(counter[verdict] for counter in counts.values())]
    table = Table(title="Credentials by verdict")
    table.add_column("provider")
    for verdict in seen:
        table.add_column(verdict, justify="right")
    table.add_column("policies evaluated", justify="right")
    for provider, counter in counts.items():
        table.add_row(provider, *(str(counter[v]) for v in seen), _evaluated(provider, report.evaluations))
    return table


def _evaluated(provider: str, evaluations: Iterable[Evaluation]) -> str:
    mine = [e for e in evaluations if e.provider == provider]
    good = sum(e.evaluated for e in mine)
    return f"{good} of {len(mine)}" if good == len(mine) else f"[bold red]{good} of {len(mine)}"


def not_evaluated_lines(report: Report) -> Iterator[str]:
    """One line for each policy of which nothing is known, and where to look for the remedy."""
    for evaluation in report.not_evaluated:
        names = (evaluation.provider, evaluation.account, evaluation.policy)
        yield f"not evaluated: {' '.join(filter(None, names))}: {evaluation.problem}"
    for provider in sorted({e.provider for e in report.not_evaluated if e.provider}):
        yield f"`c7n-unused doctor -p {provider}` checks what a run needs."


def threshold_table(
    policies: Iterable[Policy], report: Report, annotations: Iterable[tuple[Evaluation, dict[str, Any]]]
) -> Table:
    """How many unused users and credentials each threshold would hit, exempt users left out."""
    users: Counter[tuple[str, str]] = Counter()
    credentials: Counter[tuple[str, str]] = Counter()
    for evaluation, value in annotations:
        if value["user_verdict"] != "exempt":
            unused = [c for c in value["credentials"] if c["verdict"] in UNUSED]
            users[evaluation.provider, evaluation.policy] += bool(unused)
            credentials[evaluation.provider, evaluation.policy] += len(unused)
    done = {(e.provider, e.policy) for e in report.evaluations if e.evaluated}
    table = Table("provider", "policy", title="Unused at each threshold")
    for name in ("days", "users", "credentials"):
        table.add_column(name, justify="right")
    for policy in policies:
        if UNUSED.intersection(asked_verdicts(policy)):
            key = policy.provider, policy.name
            days = str(next(judging_days(policy)))
            shown = (str(users[key]), str(credentials[key])) if key in done else ("not evaluated", "")
            table.add_row(policy.provider, escape(policy.name.removesuffix(f"-{days}d")), days, *shown)
    return table
