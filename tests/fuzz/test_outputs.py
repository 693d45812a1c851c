"""Outputs with seeded damage: never a traceback, never somebody else's verdict, never much memory.

`C7N_UNUSED_FUZZ=100000 pytest -s tests/fuzz` is the long form, which prints the peak of memory;
`C7N_UNUSED_FUZZ_SEED` is where the seeds begin. A case that fails names its seed.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

from custom_filters.core.outcome import told, with_actions
from custom_filters.core.population import FILE_NAME
from custom_filters.core.report import Evaluation
from custom_filters.core.vocabulary import ACTIONS_FILE, ANNOTATION
from custom_filters.outputs.action_logs import journals_of, lines_of
from custom_filters.outputs.collect import collect
from custom_filters.outputs.run_folder import MANIFEST
from custom_filters.reports.formats import FORMATS
from tests.core.test_journal import WHOLE
from tests.fuzz.mutation import ODD, damaged, mutate_line, mutate_text
from tests.reports.samples import NOW, POLICY, Output, credential, exempt, user, value

CASES = int(os.environ.get("C7N_UNUSED_FUZZ", "800"))
FIRST = int(os.environ.get("C7N_UNUSED_FUZZ_SEED", "1"))
MOST_MEGABYTES = 300
#: So many damaged outputs lie beside Alice's at once, each of an account of its own.
ACCOUNTS = [f"2222222222{n}" for n in range(10, 50)]
ALICE = value(user("alice", credential(200)))
PEOPLE = {
    account: (
        user("mallory", credential(3), credential(id="AKIAEXAMPLE2"), account=account),
        exempt("trudy", credential(400), account=account),
    )
    for account in ACCOUNTS
}
RUN = {
    "schema": 1, "run_id": "r", "started": "2026-11-23T05:59:59Z", "finished": None, "dryrun": True,
    "policies": [{"provider": "aws", "name": POLICY, "resource": "aws.iam-user", "folder": POLICY}],
    "children": [{"provider": "aws", "exit_code": 0, "log": "aws.log", "problem": None}],
}  # fmt: skip
VALUES = (*ODD, ALICE, ALICE["credentials"])
#: What is damaged in a policy's folder, and how by value.
FILES = {
    "metadata.json": mutate_text,
    "resources.json": mutate_text,
    FILE_NAME: mutate_line,
    ACTIONS_FILE: mutate_line,
    f"../{MANIFEST}": mutate_text,
}


def whole(root: Path, account: str) -> Path:
    """An output of the account as it should be, in a run's folder of its own."""
    people = PEOPLE[account]
    folder = Output([value(p) for p in people], account=account, people=people).write(root / account / POLICY)
    (folder.parent / MANIFEST).write_text(json.dumps(RUN))
    (folder / ACTIONS_FILE).write_text("".join(f"{line}\n" for line in WHOLE))
    return folder


def damage(folder: Path, dice: random.Random) -> Callable[[], object]:
    """Damage one file of it, in its values or in its bytes; what makes it whole again."""
    name = dice.choice(list(FILES))
    path = folder / name
    by_value = dice.random() < 0.8
    content = before = path.read_bytes()
    for _ in range(dice.choice((1, 1, 2, 5))):
        content = FILES[name](content, dice, VALUES) if by_value else damaged(content, dice)
    if name.endswith(MANIFEST) or dice.random() < 0.8:
        path.write_bytes(content)
        return lambda: path.write_bytes(before)
    path.unlink()
    packed, content = Path(f"{path}.gz"), gzip.compress(content, mtime=NOW.timestamp() + 1)
    packed.write_bytes(damaged(content, dice) if dice.random() < 0.5 else content)

    def mend() -> None:
        packed.unlink()
        path.write_bytes(before)

    return mend


def lying(folder: Path, name: str) -> bytes:
    """A file's content, packed or not."""
    path = folder / name
    return path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())


def believable(evaluation: Evaluation) -> bool:
    """Whether the folder of what was evaluated bears it out, read the plain way."""
    folder = Path(evaluation.folder)
    metadata, resources = (json.loads(lying(folder, f"{name}.json")) for name in ("metadata", "resources"))
    metrics = {str(m.get("MetricName")): m.get("Value") for m in metadata["metrics"] if isinstance(m, dict)}
    whose = {found[ANNOTATION]["account"] for found in resources if ANNOTATION in found}
    if evaluation.judged and not all(ANNOTATION in found for found in resources):
        return False
    return (
        not metrics.get("PolicyException")
        and metrics["ResourceCount"] == len(resources) == evaluation.resources
        and whose <= {evaluation.account}
        and evaluation.account == metadata["config"]["account_id"]
    )


def rendered(report: Any, dice: random.Random) -> int:
    """Characters of one format of the report, and of what a terminal shows."""
    _, chunks = next(iter(FORMATS[dice.choice(sorted(set(FORMATS) - {"xlsx"}))](report)))
    size = sum(len(chunk if isinstance(chunk, bytes) else chunk.encode()) for chunk in chunks)
    lines = list(told(report))
    assert all(line.isprintable() for line in lines), lines
    return size + len(lines)


def test_damaged_outputs(tmp_path: Path) -> None:
    """Alice stays stale, or her account is not evaluated because another claims it; nothing is made up."""
    Output([ALICE]).write(tmp_path / "111111111111" / POLICY)
    folders = [whole(tmp_path, account) for account in ACCOUNTS]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    evaluated = 0
    for first in range(FIRST, FIRST + CASES, len(ACCOUNTS)):
        where = f"seeds {first} to {first + len(ACCOUNTS) - 1}"
        mend = [damage(folder, random.Random(seed)) for seed, folder in enumerate(folders, first)]
        report = collect([str(tmp_path)])
        alices = [(f["user"], f["verdict"]) for f in report.findings if f["account"] == "111111111111"]
        claimed = any("both claim" in str(e.problem) for e in report.not_evaluated)
        assert claimed or alices == [("alice", "stale")], where
        for e in report.evaluations:
            assert f"{e.problem}{e.account}{e.policy}{e.folder}".isprintable(), where
            assert not e.problem if e.evaluated else e.problem, where
            assert not e.evaluated or believable(e), where
        good = {e.account for e in report.evaluations if e.evaluated}
        evaluated += len(good) - 1
        assert {f["account"] for f in report.findings} <= good, where
        lines = lines_of(journals_of([str(tmp_path)], report.evaluations))
        assert rendered(with_actions(report, lines), random.Random(first)), where
        for undo in mend:
            undo()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"seeds {FIRST} to {FIRST + CASES - 1}: {evaluated} evaluated, peak {peak} MB (began at {before})")
    assert peak - before < MOST_MEGABYTES
    assert 0 < evaluated < CASES
