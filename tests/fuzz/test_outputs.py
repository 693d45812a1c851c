"""Outputs with seeded damage: never a traceback, never somebody else's verdict, never much memory.

`C7N_UNUSED_FUZZ=100000 pytest tests/fuzz` is the long form; `C7N_UNUSED_FUZZ_SEED` is where the seeds begin.
A case that fails names its seed.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import shutil
from pathlib import Path
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.vocabulary import ANNOTATION
from custom_filters.custodian.exemptions import read_exemptions
from custom_filters.outputs.collect import collect
from custom_filters.outputs.run_folder import MANIFEST
from custom_filters.reports.formats import FORMATS
from tests.reports.samples import NOW, POLICY, Output, credential, exempt, user, value

CASES = int(os.environ.get("C7N_UNUSED_FUZZ", "800"))
FIRST = int(os.environ.get("C7N_UNUSED_FUZZ_SEED", "1"))
MOST_MEGABYTES = 300
#: So many damaged outputs lie beside Alice's at once, each of an account of its own.
ACCOUNTS = [f"2222222222{n}" for n in range(10, 50)]
ALICE = value(user("alice", credential(200)))
VALUES = {
    account: [
        value(user("mallory", credential(3), credential(id="AKIAEXAMPLE2"), account=account)),
        value(exempt("trudy", credential(400), account=account)),
    ]
    for account in ACCOUNTS
}
RUN = {
    "schema": 1, "run_id": "r", "started": "2026-11-23T05:59:59Z", "finished": None, "dryrun": True,
    "policies": [{"provider": "aws", "name": POLICY, "resource": "aws.iam-user", "folder": POLICY}],
    "children": [{"provider": "aws", "exit_code": 0, "log": "aws.log", "problem": None}],
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**18, 10**400, 0.5, 1e308, float("nan"), float("inf"), "", "x", "\ud800",
    "\x1b[2J", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "=1+1", "a" * 3000, [], {}, [[]], [{}],
    {"": None}, "111111111111", ALICE, ALICE["credentials"], json.loads("[" * 200 + "]" * 200),
)  # fmt: skip


def mutate(value: Any, dice: random.Random) -> Any:
    """The value with one thing in it, anywhere, replaced, removed, doubled or renamed."""
    if not isinstance(value, (dict, list)) or not value or dice.random() < 0.1:
        return dice.choice(ODD)
    places = list(value) if isinstance(value, dict) else range(len(value))
    place, what = dice.choice(places), dice.random()
    copy = dict(value) if isinstance(value, dict) else list(value)
    if what < 0.7:
        copy[place] = mutate(value[place], dice)
    elif what < 0.85:
        del copy[place]
    elif isinstance(copy, list):
        copy.append(value[place])
    else:
        copy[str(dice.choice(ODD))] = copy.pop(place)
    return copy


def damaged(content: bytes, dice: random.Random) -> bytes:
    """The bytes with some cut, changed or repeated."""
    at = dice.randrange(len(content) + 1)
    length = dice.choice((0, 1, 2, 40))
    put = dice.choice((b"", b"\x00", b"[", b"}", b"\\ud800", b"\xed\xa0\x80", b"\xff", b"9" * 50, content))
    return content[:at] + put + content[at + length :]


def hostile(root: Path, account: str, dice: random.Random) -> None:
    """Write an output of the account, damaged in its values or in its bytes."""
    folder = Output(VALUES[account], account=account).write(root / account / POLICY)
    (folder.parent / MANIFEST).write_text(json.dumps(RUN))
    path = dice.choice((folder / "metadata.json", folder / "resources.json", folder.parent / MANIFEST))
    change = by_value if dice.random() < 0.8 else damaged
    content = path.read_bytes()
    for _ in range(dice.choice((1, 1, 2, 5))):
        content = change(content, dice)
    if path.name != MANIFEST and dice.random() < 0.2:
        path.unlink()
        path, content = path.with_name(f"{path.name}.gz"), gzip.compress(content, mtime=NOW.timestamp() + 1)
        content = damaged(content, dice) if dice.random() < 0.5 else content
    path.write_bytes(content)


def by_value(content: bytes, dice: random.Random) -> bytes:
    """The JSON with one value changed."""
    return json.dumps(mutate(json.loads(content), dice)).encode()


def counted(folder: Path) -> int | None:
    """How many resources there are; None when not every one has its annotation."""
    path = folder / "resources.json"
    there = json.loads(
        path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    )
    return len(there) if all(ANNOTATION in found for found in there) else None


def test_damaged_outputs(tmp_path: Path) -> None:
    """Alice stays stale, or her account is not evaluated because another claims it; nothing is made up."""
    Output([ALICE]).write(tmp_path / "111111111111" / POLICY)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    for first in range(FIRST, FIRST + CASES, len(ACCOUNTS)):
        where = f"seeds {first} to {first + len(ACCOUNTS) - 1}"
        for seed, account in enumerate(ACCOUNTS, first):
            hostile(tmp_path, account, random.Random(seed))
        report = collect([str(tmp_path)])
        alices = [(f["user"], f["verdict"]) for f in report.findings if f["account"] == "111111111111"]
        claimed = any("both claim" in str(e.problem) for e in report.not_evaluated)
        assert claimed or alices == [("alice", "stale")], where
        for e in report.evaluations:
            assert f"{e.problem}{e.account}{e.policy}{e.folder}".isprintable(), where
            assert e.evaluated or e.problem, where
            if e.evaluated and e.judged:
                assert counted(Path(e.folder)) == e.resources, where
        for _, chunks in FORMATS[random.Random(first).choice(sorted(set(FORMATS) - {"xlsx"}))](report):
            assert sum(len(chunk if isinstance(chunk, bytes) else chunk.encode()) for chunk in chunks), where
        for account in ACCOUNTS:
            shutil.rmtree(tmp_path / account)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - before < MOST_MEGABYTES


EXEMPTIONS = b"""\
exemptions:
  - {provider: aws, account: "*", user: break-glass-*, reason: sealed, approved_by: c@x, expires: 2027-06-30}
  - provider: gcp
    account: "012345678901"
    user: a@b.example
    reason: parental leave
    approved_by: hr@example.com
    expires: 2027-03-31
"""


def test_damaged_exemptions(tmp_path: Path) -> None:
    """They are read whole, or refused in one sentence."""
    file, refused = tmp_path / "exemptions.yml", list[str]()
    for seed in range(FIRST, FIRST + CASES):
        file.write_bytes(damaged(damaged(EXEMPTIONS, random.Random(seed)), random.Random(-seed)))
        try:
            found = read_exemptions(str(file))
        except PolicyExecutionError as error:
            refused.append(str(error))
        else:
            assert all(e.reason and e.approved_by and e.expires for e in found), f"seed {seed}"
    assert [sentence for sentence in refused if not sentence.startswith(str(file))] == []
    assert 0 < len(refused) < CASES
