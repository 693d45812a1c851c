"""The auditor's pack: one archive with population, findings, decisions, journals, and how to re-perform it.

What stands beside the report is handed in as Material; nothing is read from disk here, and the same material
gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any

from custom_filters.core.outcome import outcomes
from custom_filters.core.population import ORDER
from custom_filters.core.report import Report
from custom_filters.core.times import format_optional
from custom_filters.reports.json import evaluation_as_dict

_FIRST = (1980, 1, 1, 0, 0, 0)  # the earliest time that an archive can hold
_README = """\
# Auditor's pack: unused credentials, as of {as_of}

| file | holds |
| --- | --- |
| manifest.json | who ran it, with which calls, every policy run, and the sums below |
| population.jsonl | everybody who was examined, one identity a line |
| findings.jsonl | every credential that a policy reported, one a line |
| exemptions.json | the exemptions in force among them |
| decisions.json | what reviewers decided (empty: no review) |
| journals/ | what enforcing runs did, a line for each step, chained by hashes |
| policies/ | the policies as they ran, {commit} |
| SHA256SUMS | the hash of every other file |

Check first that nothing was changed: `sha256sum -c SHA256SUMS`. Then perform three sums again.

1. **Population.** Count the lines of population.jsonl by `policy`, `account` and `verdict`. Each count is
   the one under `evaluations[].examined` in manifest.json; a policy's seven verdicts add up to its lines.
   A policy without `examined` left no population: {silent} of {evaluations}.
2. **Findings.** Count the lines of findings.jsonl by `counts_as`. The counts are `totals` in manifest.json.
3. **Actions.** Count the lines of journals/ with `result` = `done` by `operation` (leave out those with
   `step` = `intent`). The counts are `done` in manifest.json.

`calls` in manifest.json is the sum of `calls_by_policy`: {counted} of {runs} policy runs counted theirs.
"""


@dataclass(frozen=True)
class Material:
    """What a pack holds besides the report. Names of files are relative.

    `commit` is that of the policies, None where they are not in one as they ran. `calls` counts the calls to
    a cloud by policy run, named like its file in policies/, and by name.
    """

    who: str
    calls: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    commit: str | None = None
    decisions: bytes | None = None
    journals: Mapping[str, bytes] = field(default_factory=dict)
    policies: Mapping[str, bytes] = field(default_factory=dict)


def write_pack(file: IO[bytes], report: Report, material: Material) -> None:
    """Write the archive; big parts are streamed. `file` need not be seekable."""
    sums: list[str] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chunks in _files(report, material):
            sums.append(f"{_add(archive, name, chunks)}  {name}\n")
        _add(archive, "SHA256SUMS", [line.encode() for line in sorted(sums, key=lambda s: s[66:])])


def _add(archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes]) -> str:
    entry = zipfile.ZipInfo(name, _FIRST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    digest = hashlib.sha256()
    with archive.open(entry, "w", force_zip64=True) as member:
        for chunk in chunks:
            digest.update(chunk)
            member.write(chunk)
    return digest.hexdigest()


def _files(report: Report, material: Material) -> Iterator[tuple[str, Iterable[bytes]]]:
    totals: Counter[str] = Counter()
    yield "population.jsonl", _lines(report.users)
    yield "findings.jsonl", _lines(_counted(report.findings, totals))
    yield "exemptions.json", [_json(_exemptions(report))]
    yield "decisions.json", [material.decisions or b'{"schema": 1, "report_sha256": "", "decisions": []}\n']
    for folder, files in (("journals", material.journals), ("policies", material.policies)):
        for name, content in sorted(files.items()):
            yield f"{folder}/{_inside(name)}", [content]
    yield "manifest.json", [_json(_manifest(report, material, totals))]
    yield "README.md", [_readme(report, material).encode()]


def _inside(name: str) -> str:
    """A name that stays below its folder, whatever it was."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _counted(findings: Iterable[dict[str, Any]], totals: Counter[str]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        totals[finding["counts_as"]] += 1
        yield finding


def _lines(rows: Iterable[Any]) -> Iterator[bytes]:
    return (json.dumps(row).encode() + b"\n" for row in rows)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _exemptions(report: Report) -> list[dict[str, Any]]:
    """Each exempt identity once, from the population where there is one and from the findings."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in chain(report.users, report.findings):
        verdict = row.get("user_verdict") or row["verdict"]
        if verdict == "exempt" and row["exemption"]:
            who = {name: row[name] for name in ("provider", "account", "user", "user_id")}
            found.setdefault(tuple(who.values()), {**who, **row["exemption"]})
    return sorted(found.values(), key=lambda e: (e["provider"], e["account"], e["user"]))


def _manifest(report: Report, material: Material, totals: Mapping[str, int]) -> dict[str, Any]:
    done = Counter(e["operation"] for e in outcomes(report.actions) if e["result"] == "done")
    return {
        "schema": 1,
        "as_of": format_optional(report.as_of),
        "who": material.who,
        "calls": dict(sum(map(Counter, material.calls.values()), Counter[str]())),
        "calls_by_policy": material.calls,
        "policies_commit": material.commit or f"sha256:{_digest(material.policies)}",
        "evaluations": [evaluation_as_dict(e) for e in report.evaluations],
        "verdicts": ORDER,
        "totals": dict(sorted(totals.items())),
        "done": dict(sorted(done.items())),
        "review": report.review and report.review.sentence(),
    }


def _digest(files: Mapping[str, bytes]) -> str:
    """The hash of files that no commit holds: over their hashes and names, as `sha256sum` lists them."""
    listed = sorted((_inside(name), content) for name, content in files.items())
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in listed)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _readme(report: Report, material: Material) -> str:
    silent = sum(e.judged and e.examined is None for e in report.evaluations)
    return _README.format(
        as_of=format_optional(report.as_of) or "no run",
        commit=f"of commit {material.commit}" if material.commit else "which no commit holds like this",
        counted=len(material.calls),
        runs=len(report.evaluations),
        silent=silent,
        evaluations=sum(e.judged for e in report.evaluations),
    )
