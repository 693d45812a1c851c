"""Tables and progress for people at a terminal."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from custom_filters.core.policy_data import asked_verdicts, days_of, unused_filter, unused_filters
from custom_filters.core.report import VERDICT_ORDER, Evaluation, Report
from custom_filters.core.verdict import UNUSED
from custom_filters.runner.run.children import Child
from custom_filters.runner.run.policy_files import Policy

_METADATA = "metadata.json"
_PLAIN_WIDTH, _WIDEST = 140, 1000
_TOLD_EVERY = 30.0
_MOST_PLACES = 3


def stdout() -> Console:
    """Where results go: as wide as the terminal or COLUMNS, else wide enough for the tables."""
    console = Console()
    known = console.is_terminal or "COLUMNS" in os.environ
    return console if known else Console(width=_PLAIN_WIDTH)


def show(table: Table) -> None:
    """Print a table; where the terminal is too narrow for it, a line for each row."""
    console = stdout()
    anywhere = console.options.update(width=_WIDEST)
    if console.measure(table, options=anywhere).minimum <= console.width:
        console.print(table)
        return
    console.print(table.title)
    for first, *rest in zip(*(column.cells for column in table.columns), strict=True):
        told = (f"{column.header} {cell}" for column, cell in zip(table.columns[1:], rest, strict=True))
        console.print(f"{first}: {', '.join(told)}")
    console.print(table.caption or "")


@contextmanager
def progress(root: Path) -> Iterator[Callable[[Sequence[Child]], None]]:
    """A line for each child on stderr: the policies done, and how far a long reading has come.

    In CI and off a terminal it is one line every half minute instead, as long as there is something to say.
    """
    console = Console(stderr=True)
    quiet = not console.is_terminal or bool(os.environ.get("CI"))
    policies = (MofNCompleteColumn(), TextColumn("policies"))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *policies, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        tasks: dict[str, TaskID] = {}
        told = time.monotonic()

        def tick(children: Sequence[Child]) -> None:
            nonlocal told
            lines = {child.batch.provider: text for child in children if (text := child.doing())}
            if quiet and lines and time.monotonic() - told >= _TOLD_EVERY:
                told = time.monotonic()
                console.print(*(f"{name}: {text}" for name, text in lines.items()), sep="\n", markup=False)
            for child in children:
                name, policies = child.batch.provider, child.batch.policies
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=len(policies))
                done = sum((root / name / policy.name / _METADATA).is_file() for policy in policies)
                said = f"{name}: {lines[name]}" if name in lines else name
                bar.update(tasks[name], completed=done, description=escape(said))

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
    """One line for each cause, with the policies that it stops, and where to look for the remedy."""
    causes: dict[tuple[str, str], list[Evaluation]] = {}
    for evaluation in report.not_evaluated:
        causes.setdefault((evaluation.provider, str(evaluation.problem)), []).append(evaluation)
    for (provider, problem), stopped in causes.items():
        yield f"not evaluated: {' '.join(filter(None, (provider, _places(stopped))))}: {problem}"
    for provider in sorted({provider for provider, _ in causes if provider}):
        yield f"`c7n-unused doctor -p {provider}` checks what a run needs."


def _places(evaluations: Sequence[Evaluation]) -> str:
    places = [" ".join(filter(None, (e.account, e.policy))) for e in evaluations]
    more = len(places) - _MOST_PLACES
    return ", ".join(places[:_MOST_PLACES]) + (f" and {more} more" if more > 0 else "")


def threshold_table(policies: Iterable[Policy], report: Report) -> Table:
    """How many unused users and credentials each threshold would hit, exempt users left out."""
    users = _unused_users(report)
    done = {(e.provider, e.policy) for e in report.evaluations if e.evaluated}
    table = Table("provider", "policy", title="Unused at each threshold")
    for name in ("days", "users", "credentials"):
        table.add_column(name, justify="right")
    for policy in policies:
        if UNUSED.isdisjoint(asked_verdicts(policy.data)):
            continue
        for number in sorted({n for found in unused_filters(policy.data) for n in days_of(found.data)}):
            hit = _hit(users.get((policy.provider, policy.name), {}).values(), policy, number)
            evaluated = (policy.provider, policy.name) in done
            shown = (str(len(hit)), str(sum(hit))) if evaluated else ("not evaluated", "")
            table.add_row(policy.provider, escape(policy.name), str(number), *shown)
    return table


def _hit(users: Iterable[list[list[int]]], policy: Policy, days: int) -> list[int]:
    """The number of credentials of each user that the policy would select at this threshold.

    Under `match: user` nobody with a credential in use since then is selected.
    """
    whole = unused_filter(policy.data).get("match", "user") == "user"
    counts = [(sum(days in exceeds for exceeds in user), len(user)) for user in users]
    return [found for found, all_of_them in counts if found and (found == all_of_them or not whole)]


def _unused_users(report: Report) -> dict[tuple[str, str], dict[int, list[list[int]]]]:
    """(provider, policy) -> user (a hash) -> what each unused credential of the user exceeds."""
    users: dict[tuple[str, str], dict[int, list[list[int]]]] = {}
    for finding in report.findings:
        user = hash((finding["account"], finding["user_id"]))
        for said in finding["policies"] if finding["user_verdict"] != "exempt" else ():
            if said["verdict"] in UNUSED:
                by_user = users.setdefault((finding["provider"], said["policy"]), {})
                by_user.setdefault(user, []).append(said["exceeds"])
    return users
