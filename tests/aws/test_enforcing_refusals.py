"""What is refused: by `custodian validate`, and again at run time when validation was skipped."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.sandbox.aws.people import Key, Password, Person, days
from tests.aws.inside import calling, collection
from tests.aws.inside import run as run_inside
from tests.aws.runs import embedded, give_notice, run, validate, written

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DUE = {"type": "unused-mark", "state": "due"}
DISABLE = {"type": "disable-unused"}
MARK = {"type": "mark-for-op", "op": "disable-unused", "hours": 336}


def unused(**options: Any) -> dict[str, Any]:
    return {"type": "unused-credentials", "exemptions": "none", **options}


UNUSED = unused()
NO_EXEMPTIONS = {"type": "unused-credentials"}
REFUSED: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "unknown": ([unused(verdicts=["stale", "unknown"])], DISABLE, "never-used only; remove unknown"),
    "active": ([unused(verdicts=["active"])], DISABLE, "never-used only; remove active"),
    "negated": ([{"not": [UNUSED]}], DISABLE, "outside of `not:`"),
    "one-of": ([{"or": [UNUSED, {"UserName": "sam"}]}], DISABLE, "outside of `or:`"),
    "deep": ([{"and": [{"not": [UNUSED]}]}], DISABLE, "outside of `not:`"),
    "no-exemptions": ([NO_EXEMPTIONS], DISABLE, "needs `exemptions:` on its 'unused-credentials' filter"),
    "two-filters": ([UNUSED, unused(days=10)], DISABLE, "exactly one 'unused-credentials' filter, and 2 are"),
    "no-filter": ([], DISABLE, "exactly one 'unused-credentials' filter, and 0 are there"),
    "mark-only": ([{"type": "unused-mark", "state": "due"}], DISABLE, "and 0 are there"),
    "no-notice": ([UNUSED], {**MARK, "hours": 0}, "needs `hours:` above 0"),
    "by-days": ([UNUSED], {"type": "mark-for-op", "op": "disable-unused", "days": 14}, "`hours:` above 0"),
    "zone": ([UNUSED], {**MARK, "tz": "est"}, "takes no `tz:` but utc"),
    "message": ([UNUSED], {**MARK, "msg": "gone soon"}, "`msg:` must end in ': {op}@{action_date}'"),
    "alphabet": ([UNUSED], {**MARK, "msg": "(!): {op}@{action_date}"}, "digits, spaces and _.:/=+-@"),
    "length": ([UNUSED], {**MARK, "msg": "x" * 250 + ": {op}@{action_date}"}, "at most 256 characters"),
    "without-mark": ([UNUSED], DISABLE, "needs the filter {type: unused-mark, state: due}"),
    "pending-too": ([UNUSED, {**DUE, "state": ["due", "pending"]}], DISABLE, "state: due}, so that notice"),
    "due-or": ([UNUSED, {"or": [DUE, {"UserName": "sam"}]}], DISABLE, "state: due}, so that notice"),
    "long-notice": ([UNUSED], {**MARK, "hours": 2161}, "at most 90 days' notice"),
    "quarantined-key": ([unused(match="credential"), DUE], {**DISABLE, "quarantine": True},
                        "needs `match: user`"),
    "mark-unknown": ([unused(verdicts=["unknown"])], MARK, "never-used only; remove unknown"),
    "delete": ([unused(verdicts=["unknown"])], {"type": "delete"}, "never-used only; remove unknown"),
    "remove-keys": ([NO_EXEMPTIONS], {"type": "remove-keys"}, "needs `exemptions:`"),
}  # fmt: skip


def policies() -> list[dict[str, Any]]:
    common = {"resource": "aws.iam-user", "source": "unused-bulk"}
    return [{"name": n, **common, "filters": f, "actions": [a]} for n, (f, a, _) in REFUSED.items()]


def test_validate_says_why_in_one_sentence(tmp_path: Path) -> None:
    done = validate(tmp_path, policies())
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if " is invalid: " in line]
    assert len(told) == len(REFUSED)
    for line, (name, (_, _, says)) in zip(told, REFUSED.items(), strict=True):
        assert f"Policy: {name} is invalid: " in line
        assert says in line


@pytest.mark.slow
def test_skipping_validation_does_not_get_past(tmp_path: Path) -> None:
    """Stock `--skip-validation` first; then without any validation at all, as a program may run it."""
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(Person("sam", password=Password(used=days(200)), keys=(Key(used=days(200)),)))
        give_notice(sandbox, "sam", tag="maid_status")
        before = sandbox.aws.snapshot()
        arguments = ("run", "--skip-validation", "--cache-period", "0", "-s", str(tmp_path))
        done = run(*arguments, *written(tmp_path, policies()), env=sandbox.child_environment(), cwd=tmp_path)
        assert done.returncode != 0
        for one in policies():
            with pytest.raises(PolicyExecutionError) as caught:
                run_inside(sandbox, tmp_path, one)
            assert REFUSED[one["name"]][2] in str(caught.value)
        assert sandbox.aws.snapshot() == before


def test_a_moved_clock_is_refused_outside_the_sandbox(tmp_path: Path) -> None:
    """The endpoint is not on loopback: it is refused before anything is sent there."""
    with embedded(now=NOW) as sandbox, calling(sandbox, AWS_ENDPOINT_URL_IAM="http://192.0.2.1:9"):
        (one,) = collection(sandbox, tmp_path, [{**policies()[0], "filters": [UNUSED, DUE]}])
        (action,) = one.resource_manager.actions
        with pytest.raises(PolicyExecutionError, match="C7N_UNUSED_NOW is set, but http://192"):
            action.process([{"UserName": "sam"}])


def test_marks_of_other_policies_are_the_stock_ones(tmp_path: Path) -> None:
    """No filter of ours, another operation: date only, nothing recorded, no action log."""
    mark = {"type": "mark-for-op", "tag": "team-mark", "op": "delete", "days": 4}
    theirs = {
        "name": "theirs",
        "resource": "aws.iam-user",
        "filters": [{"UserName": "sam"}],
        "actions": [mark],
    }
    with embedded() as sandbox:
        sandbox.aws.add(Person("sam", keys=(Key(),)))
        with calling(sandbox):
            (one,) = collection(sandbox, tmp_path, [theirs])
            one.validate()
            one.run()
        tags = sandbox.aws.snapshot()["sam"]["tags"]
        due = (sandbox.clock.now() + timedelta(days=4)).strftime("%Y/%m/%d")
    assert tags == {"team-mark": f"Resource does not meet policy: delete@{due}"}
    assert not (tmp_path / "theirs" / "c7n-unused-actions.jsonl").exists()


def test_a_user_without_room_for_a_mark_and_its_list_is_not_marked(tmp_path: Path) -> None:
    """Both or none: 48 tags leave room, 49 do not; the others are marked, and the policy fails."""
    marking = {
        **policies()[0],
        "name": "marking",
        "filters": [UNUSED],
        "actions": [{**MARK, "tag": "c7n-unused"}],
    }
    with embedded(now=NOW) as sandbox:
        for number in (48, 49):
            tags = {f"tag-{n}": "x" for n in range(number)}
            sandbox.aws.add(Person(f"user.{number}", keys=(Key(used=days(200)),), tags=tags))
        says = "user.49: the notes do not fit: they need 2 texts and there is room for 1; "
        says += "there are at most 50 tags"
        with pytest.raises(PolicyExecutionError, match=says):
            run_inside(sandbox, tmp_path, marking)
        users = sandbox.aws.snapshot()
    assert {"c7n-unused", "c7n-unused-record"} < users["user.48"]["tags"].keys()
    assert len(users["user.49"]["tags"]) == 49
