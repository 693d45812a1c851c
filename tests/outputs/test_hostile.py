"""Outputs that somebody else can write: each attack costs that output only."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from custom_filters.core.errors import InputError
from custom_filters.core.report import Report
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.outputs.action_logs import journals_of, lines_of
from custom_filters.outputs.collect import collect
from custom_filters.outputs.history import with_history
from custom_filters.outputs.json_list import entries
from custom_filters.outputs.private import write_private
from custom_filters.reports.csv import render
from tests.reports.samples import NOW, POLICY, Output, credential, report, user, value

ACCOUNT, OTHER = "111111111111", "222222222222"
ALICE = value(user("alice", credential(200)))
MALLORY = value(user("mallory", credential(3), account=OTHER))


def two_accounts(root: Path) -> Path:
    """Alice's account, and Mallory's folder, which she may write."""
    Output([ALICE]).write(root / ACCOUNT / POLICY)
    return Output([MALLORY], account=OTHER).write(root / OTHER / POLICY)


def problems(report: Report) -> dict[str, str]:
    return {e.folder.rpartition("/")[0].rpartition("/")[2]: e.problem or "" for e in report.not_evaluated}


def users(report: Report) -> list[str]:
    return sorted(f["user"] for f in report.findings)


CLAIMS: dict[str, Output] = {
    "the same policy, newer and empty": Output([], start=NOW + timedelta(minutes=5)),
    "the same policy, older": Output([ALICE], start=NOW - timedelta(minutes=5)),
    "a policy of another name": Output([value(user("alice", credential(0.5)))], policy="another"),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_an_account_that_two_roots_claim_is_not_evaluated(tmp_path: Path, claim: Output) -> None:
    two_accounts(tmp_path)
    claim.write(tmp_path / OTHER / "us-east-1" / "forged" / claim.policy)
    found = collect([str(tmp_path)])
    assert users(found) == ["mallory"]
    told = [e.problem or "" for e in found.not_evaluated if e.account == ACCOUNT]
    assert all(f"{tmp_path / ACCOUNT} and " in text and "forged both claim" in text for text in told)
    assert told


def test_across_outputs_one_policy_has_one_root(tmp_path: Path) -> None:
    Output([ALICE]).write(tmp_path / "daily" / POLICY)
    Output([ALICE], policy="weekly").write(tmp_path / "weekly" / "weekly")
    assert collect([str(tmp_path / "daily"), str(tmp_path / "weekly")]).not_evaluated == ()
    Output([]).write(tmp_path / "weekly" / POLICY)
    assert len(collect([str(tmp_path / "daily"), str(tmp_path / "weekly")]).not_evaluated) == 1
    assert collect([str(tmp_path / "daily"), f"{tmp_path}/./daily/"]).not_evaluated == ()


def test_dates_regions_and_runs_make_no_other_root(tmp_path: Path) -> None:
    Output([ALICE]).write(tmp_path / "us-east-1" / POLICY)
    Output([ALICE]).write(tmp_path / "eu-west-1" / "other")
    Output([ALICE]).write(tmp_path / POLICY / "2026/11/23/06", packed=True)
    Output([ALICE]).write(tmp_path / "20261123T060000Z-aaaaaa" / "aws" / POLICY)
    assert collect([str(tmp_path)]).not_evaluated == ()


FRAMES = {
    "findings of another account": ([ALICE], "its findings are of aws 111111111111"),
    "findings of another cloud": ([MALLORY | {"provider": "gcp"}], ", not that of its credential"),
    "the uid of another's credential": (
        [MALLORY | {"credentials": [MALLORY["credentials"][0] | {"uid": ALICE["credentials"][0]["uid"]}]}],
        ", not that of its credential",
    ),
}


@pytest.mark.parametrize(("values", "says"), FRAMES.values(), ids=FRAMES)
def test_nobody_is_framed(tmp_path: Path, values: list[dict[str, object]], says: str) -> None:
    two_accounts(tmp_path)
    Output(values, account=OTHER).write(tmp_path / OTHER / POLICY)
    found = collect([str(tmp_path)])
    assert users(found) == ["alice"]
    assert says in problems(found)[OTHER]


def link(folder: Path) -> None:
    (folder / "resources.json").unlink()
    (folder / "resources.json").symlink_to(folder.parents[1] / ACCOUNT / POLICY / "resources.json")


def pipe(folder: Path) -> None:
    (folder / "resources.json").unlink()
    os.mkfifo(folder / "resources.json")


def text(name: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


def metadata(**changes: object) -> Callable[[Path], object]:
    return text("metadata.json", json.dumps(Output([MALLORY], account=OTHER).metadata() | changes))


def count(value: object) -> Callable[[Path], object]:
    return metadata(metrics=[{"MetricName": "ResourceCount", "Value": value}])


def policy(**changes: object) -> Callable[[Path], object]:
    return metadata(policy=Output().metadata()["policy"] | changes)


unhashable = policy(filters=[{"type": "unused-credentials", "verdicts": [[]]}])


def annotation(**changes: object) -> Callable[[Path], object]:
    return text("resources.json", json.dumps([{"c7n:unused": MALLORY | changes}]))


def row(**changes: object) -> Callable[[Path], object]:
    return annotation(credentials=[MALLORY["credentials"][0] | changes])


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "resources are a link": (link, "links are not followed"),
    "resources are a pipe": (pipe, "not a plain file"),
    "a start in a thousand years": (metadata(execution={"start": 4e10}), "started in the future"),
    "metrics are a number": (metadata(metrics=5), "no ResourceCount"),
    "a metric's name is a list": (metadata(metrics=[{"MetricName": []}]), "no ResourceCount"),
    "true resources": (
        count(True),
        "no ResourceCount",
    ),
    "less than none": (count(-1), "not believed"),
    "verdicts are a number": (policy(filters=[{"type": "unused-credentials", "verdicts": 5}]), "not written"),
    "a verdict is a list": (unhashable, "not written"),
    "a number of 5,000 digits": (text("metadata.json", '{"policy": ' + "9" * 5000 + "}"), "digits"),
    "raw surrogates": (text("resources.json", b'["\xed\xa0\x80"]'), "truncated or not JSON"),
    "a verdict is an object": (annotation(user_verdict={}), "its user_verdict is {}"),
    "the user is a list, very deep": (annotation(user=json.loads("[" * 500 + "]" * 500)), "its user is [[["),
    "credentials are an object": (annotation(credentials={"a": 1}), "not a list of objects"),
    "schema true": (annotation(schema=True), "schema True"),
    "a date before every cloud": (annotation(as_of="0001-01-01T00:00:00Z"), "before any cloud"),
    "an endless date": (annotation(as_of="9" * 100_000), "RFC 3339"),
    "exceeds without end": (row(exceeds=[10**4000]), "its exceeds is"),
    "an exemption without a field": (
        annotation(exemption={"reason": "x", "approved_by": "y"}),
        "has expires None",
    ),
    "evidence is text": (row(evidence=["x"]), "its evidence is 'x'"),
    "one entry of 12 MB": (text("resources.json", '[{"a": "' + "x" * 12_000_000 + '"}]'), "longer than"),
    "nested too deep": (text("resources.json", "[{" + '"a": [' * 100_000), "truncated or not JSON"),
    "metadata nested too deep": (text("metadata.json", "[" * 100_000), "truncated or not JSON"),
    "metadata of 17 MB": (text("metadata.json", " " * 17 * 1024**2), "larger than"),
    "something behind the list": (text("resources.json", "[{}] {}"), "something follows its list"),
}


@pytest.mark.parametrize(("attack", "says"), ATTACKS.values(), ids=ATTACKS)
def test_a_hostile_output_costs_itself_only(
    tmp_path: Path, attack: Callable[[Path], object], says: str
) -> None:
    attack(two_accounts(tmp_path))
    found = collect([str(tmp_path)])
    assert users(found) == ["alice"]
    assert says in problems(found)[OTHER]
    assert len(problems(found)[OTHER]) < 2_500


def test_a_name_that_is_not_text_and_controls_are_shown(tmp_path: Path) -> None:
    two_accounts(tmp_path)
    name = os.fsdecode(b"\xff\x1b[2J")
    Output([], account="\x1b]0;x\x07", policy="p\x9b1m\ud800", metrics={}).write(tmp_path / name / "x" / "p")
    lost = collect([str(tmp_path)]).not_evaluated
    shown = "".join(f"{seen.folder}{seen.account}{seen.policy}{seen.problem}" for seen in lost)
    assert shown.isprintable()
    assert "\\u001b[2J" in shown


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = two_accounts(tmp_path)
    folder.chmod(0)
    found = collect([str(tmp_path)])
    folder.chmod(0o700)
    assert "cannot be read" in problems(found)[OTHER]


def test_folders_without_end_are_told(tmp_path: Path) -> None:
    two_accounts(tmp_path)
    (tmp_path / OTHER / "/".join("d" * 40)).mkdir(parents=True)
    [seen] = collect([str(tmp_path)]).not_evaluated
    assert "folders more than 32 deep" in (seen.problem or "")


MANIFESTS = {
    "nested too deep": "[" * 100_000,
    "17 MB": " " * 17 * 1024**2,
    "a policy without a name": {"policies": [{"provider": "aws"}]},
    "a provider is a list": {"policies": [{"provider": [], "name": "", "resource": "", "folder": ""}]},
    "children are numbers": {"children": [1]},
    "policies are null": {"policies": None},
}


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS)
def test_a_hostile_manifest_costs_its_run_only(tmp_path: Path, change: object) -> None:
    folder = two_accounts(tmp_path)
    good = {"schema": 1, "run_id": "r", "started": "2026-11-23T06:00:00Z", "finished": None, "dryrun": True}
    whole = {**good, "policies": [], "children": [], **change} if isinstance(change, dict) else change
    content = whole if isinstance(whole, str) else json.dumps(whole)
    (folder.parent / "c7n-unused-run.json").write_text(content)
    found = collect([str(tmp_path)])
    assert "alice" in users(found)
    [seen] = found.not_evaluated
    assert OTHER in seen.folder


BOMBS: dict[str, tuple[bytes, bytes, bytes, str]] = {
    # What it begins with, what is repeated, what it ends with, and what is said.
    "spaces": (b"[", b" ", b"]", "larger than"),
    "one text": (b'[{"a": "', b"x", b'"}]', "longer than"),
    "empty objects": (b"[{}", b",{}", b"]", "more than the 1 resources"),
}
_PEAK = """
import resource, sys
from custom_filters.outputs import storage
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.outputs.action_logs import journals_of, lines_of
from custom_filters.outputs.collect import collect
storage.MOST_BYTES = 100 * 1024**2
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
[seen] = collect([sys.argv[1]]).not_evaluated
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, seen.problem)
"""


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_needs_little_memory(tmp_path: Path, bomb: tuple[bytes, bytes, bytes, str]) -> None:
    first, again, last, says = bomb
    folder = two_accounts(tmp_path)
    (folder / "resources.json").unlink()
    with gzip.open(folder / "resources.json.gz", "wb", compresslevel=1) as packed:
        packed.write(first)
        for _ in range(150):
            packed.write(again * (1024**2 // len(again)))
        packed.write(last)
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    megabytes, _, problem = done.stdout.partition(" ")
    assert says in problem
    assert int(megabytes) < 150


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_list_is_read_whatever_the_pieces(size: int) -> None:
    there = [{"a": 'ü\U0001f600 "]},'}, {}, {"b": [1, {"c": None}]}, {"d": -1.5e3}]
    content = json.dumps(there, indent=2, ensure_ascii=False).encode()
    pieces = (content[n : n + size] for n in range(0, len(content), size))
    assert list(entries(pieces)) == there


def test_writers_follow_no_link_and_are_private(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "report.csv").symlink_to(victim)
    write_private(tmp_path / "report.csv", [b"ours"])
    assert (victim.read_text(), (tmp_path / "report.csv").read_text()) == ("mine", "ours")
    assert stat.S_IMODE((tmp_path / "report.csv").lstat().st_mode) == 0o600


def test_the_history_follows_no_link_and_is_private(tmp_path: Path) -> None:
    (tmp_path / "h.sqlite").touch(mode=0o644)
    with_history(report(ALICE), tmp_path / "h.sqlite")
    assert stat.S_IMODE((tmp_path / "h.sqlite").stat().st_mode) == 0o600
    (tmp_path / "h.sqlite-journal").symlink_to(tmp_path / "victim")
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "victim")
    for name in ("h.sqlite", "link.sqlite"):
        with pytest.raises(InputError, match="cannot be used"):
            with_history(report(ALICE), tmp_path / name)
    assert not (tmp_path / "victim").exists()


CELLS = {
    "after a semicolon": ("x;=1+1", "x;'=1+1"),
    "after a semicolon and a quote": ('x;"=1+1', "x;\"'=1+1"),
    "after a tab and a space": ("x\t @SUM(1)", "x\\u0009 @SUM(1)"),
    "first": ("=1+1", "'=1+1"),
    "not at all": ("a-b; c=d", "a-b; c=d"),
}


@pytest.mark.parametrize(("name", "cell"), CELLS.values(), ids=CELLS)
def test_csv_is_safe_where_semicolons_separate(name: str, cell: str) -> None:
    text = "".join(render(report(value(user(name, credential(200))))))
    [seen] = csv.DictReader(io.StringIO(text))
    assert seen["user"] == cell
    for line in csv.reader(io.StringIO(text), delimiter=";"):
        assert [part for part in line if part.lstrip(' "').startswith(("=", "@"))] == []


JOURNALS: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "damaged": lambda path: path.with_name(f"{path.name}.gz").write_bytes(b"\x1f\x8bno"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00\n{}\n"),
}


@pytest.mark.parametrize("make", JOURNALS.values(), ids=JOURNALS)
def test_a_journal_that_cannot_be_read_costs_no_other(tmp_path: Path, make: Callable[[Path], object]) -> None:
    hostile = two_accounts(tmp_path)
    make(hostile / ACTIONS_FILE)
    found = journals_of([str(tmp_path)], collect([str(tmp_path)]).evaluations)
    assert any(str(hostile) in problem for one in found for problem in one.problems)
    assert lines_of(found) == []
