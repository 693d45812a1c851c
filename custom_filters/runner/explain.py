"""`c7n-unused explain`: why a user's credentials were judged as they were, and what would change that."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from custom_filters.core.errors import InputError, NotEvaluatedError
from custom_filters.core.text import printable
from custom_filters.core.verdict import UNUSED
from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED

#: The rules of `core.judge`, by number, in words.
RULES = {
    0: "it is switched off, so it does not count",
    1: "a source saw use less than {days} days ago",
    2: "a source that was asked failed, is late or partial, or no source covers this kind",
    3: "the newest use is {days} days or more ago",
    4: "every source says that it was never used",
}
_NEAR = 5


@click.command()
@click.argument("out")
@click.option("--user", required=True, help="Name or id, as in the report.")
@click.pass_context
def explain(ctx: click.Context, out: str, user: str) -> None:
    """Explain a user's verdicts.

    For each credential in OUT: raw evidence, the rule that decided, what would change the verdict and when.

    Exit code 2 when the user is not in OUT, 3 when a policy in OUT was not evaluated.
    """
    from custom_filters.outputs.collect import collect, evaluated_annotations
    from custom_filters.outputs.run_folder import find_run
    from custom_filters.runner.tables import not_evaluated_lines

    where = out if "://" in out else str(find_run(Path(out)))
    report = collect([where])
    missing = list(not_evaluated_lines(report))
    values = [value for _, value in evaluated_annotations([where])]
    found = [value for value in values if user.casefold() in {n.casefold() for n in _names(value)}]
    lines = [line for value in found for line in explain_lines(value)]
    if not found:
        found = [row for row in report.users if user.casefold() in {n.casefold() for n in _names(row)}]
        lines = [line for row in found for line in population_lines(row)]
    for line in lines:
        click.echo(printable(line))
    for line in missing:
        click.echo(line, err=True)
    if not found:
        everybody = {name for value in (*values, *report.users) for name in _names(value)}
        _refuse(user, out, sorted(everybody), bool(missing))
    ctx.exit(NOT_EVALUATED if missing else EVALUATED)


def _names(value: Mapping[str, Any]) -> tuple[str, str]:
    return value["user"], value["user_id"]


def _refuse(user: str, out: str, names: list[str], missing: bool) -> None:
    close = difflib.get_close_matches(user, names, _NEAR) or [
        n for n in names if user.casefold() in n.casefold()
    ]
    near = f" Near: {', '.join(close[:_NEAR])}." if close else ""
    sentence = f"nobody in {out} is called {user}: no policy examined such a user.{near}"
    raise (
        NotEvaluatedError(f"{sentence} Not every policy was evaluated.") if missing else InputError(sentence)
    )


def explain_lines(value: Mapping[str, Any]) -> Iterator[str]:
    """The explanation of one `c7n:unused` annotation, line by line."""
    policy = f"policy {value['policy']}, {value['threshold_days']} days, as of {value['as_of']}"
    after = f", next {value['next_action']} at {value['next_action_at']}" if value["next_action"] else ""
    told = (
        policy,
        f"verdict {value['user_verdict']}: {value['user_reason']}",
        f"phase {value['phase']}{after}",
    )
    yield from _about(value, *told)
    for item in value["credentials"]:
        yield from _credential(item, value["threshold_days"])
    yield ""


def population_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """The explanation of somebody whom a policy examined and did not select."""
    policy = f"policy {row['policy']} examined this user and did not select it, as of {row['as_of']}"
    yield from _about(row, policy, f"verdict {row['verdict']}: {row['reason']}")
    for item in row["credentials"]:
        yield f"  {_name(item)}"
        yield f"    verdict   {item['verdict']}: {item['reason']}"
        yield f"    last used {item['last_used'] or 'no use known'}"
        yield f"    changes   {_change(item)}"
    yield ""


def _about(user: Mapping[str, Any], *told: str) -> Iterator[str]:
    yield f"{user['provider']} {user['account']}: {user['user']} ({user['user_id']}, {user['user_type']})"
    yield from (f"  {line}" for line in told)
    if exemption := user["exemption"]:
        ends = f"approved by {exemption['approved_by']}, until {exemption['expires']}"
        yield f"  exemption: {exemption['reason']}, {ends}"


def _name(credential: Mapping[str, Any]) -> str:
    kind, name = credential["kind"], credential["id"]
    return kind if name == kind else f"{kind} {name}"


def _credential(item: Mapping[str, Any], days: int) -> Iterator[str]:
    credential = item["credential"]
    created = credential["created"] or "at an unknown time"
    yield f"  {_name(credential)} ({credential['status']}, created {created})"
    yield f"    verdict   {item['verdict']}: {item['reason']}"
    yield f"    rule {item['rule']}    {RULES[item['rule']].format(days=days)} (decided by {item['basis']})"
    for evidence in item["evidence"]:
        observed = f", observed {evidence['observed_at']}" if evidence["observed_at"] else ""
        yield f"    evidence  {evidence['source']}: {evidence['value']}{observed}"
    yield f"    changes   {_change(item)}"


def _change(item: Mapping[str, Any]) -> str:
    if item["verdict"] == "exempt":
        return f"counts as {item['becomes']} again at {item['changes_at']}"
    if item["becomes"]:
        return f"becomes {item['becomes']} at {item['changes_at']} without further use"
    if item["verdict"] in UNUSED:
        return "becomes active when it is used; by itself it stays"
    if item["verdict"] == "disabled":
        return "counts again when it is switched on"
    return "when the source can tell"
