"""Writing the auditor's pack of a report: what stands beside it is gathered from the same outputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from custom_filters.core.report import Evaluation, Report
from custom_filters.outputs.action_logs import Journal, journals_of, lines_of
from custom_filters.outputs.policy_output import metadata_of
from custom_filters.outputs.private import private_file
from custom_filters.outputs.run_folder import manifests_of
from custom_filters.reports.pack import Material, write_pack


def write(report: Report, outputs: Sequence[str], decisions: bytes | None, target: Path) -> Path:
    """Write the pack, for this user only, whole or not at all."""
    found = _each_once(journals_of(outputs, report.evaluations))
    callers = sorted({str(line.get("caller")) for line in lines_of(found)})
    folders = {e.folder: _name(e) for e in report.evaluations}
    journals = {_place(one, folders): "".join(f"{text}\n" for text in one.texts).encode() for one in found}
    metadata = list(metadata_of(outputs, report.evaluations))
    policies = {
        f"{_name(e)}.json": json.dumps(told.get("policy"), indent=1).encode() + b"\n" for e, told in metadata
    }
    manifests = list(manifests_of(outputs))
    started = sorted({m.ran_by for m in manifests if m.ran_by})
    who = ", ".join([*started, *callers]) or "not recorded"
    commits = {m.policies_commit for m in manifests} or {""}
    commit = ", ".join(sorted(commits)) if all(commits) else None
    with private_file(target) as file:
        write_pack(file, report, Material(who, _calls(metadata), commit, decisions, journals, policies))
    return target


def _calls(metadata: Iterable[tuple[Evaluation, dict[str, Any]]]) -> dict[str, dict[str, int]]:
    """Calls by policy run and name, of the policy runs that counted them."""
    told = ((_name(e), value.get("api-stats")) for e, value in metadata)
    return {
        name: {str(call): n for call, n in sorted(stats.items()) if type(n) is int}
        for name, stats in told
        if isinstance(stats, dict)
    }


def _name(e: Evaluation) -> str:
    return "/".join(filter(None, (e.provider, e.account, e.region, e.policy)))


def _place(one: Journal, folders: dict[str, str]) -> str:
    folder, _, name = one.where.rpartition("/")
    return f"{folders[folder]}/{name}" if folder in folders else f"journal/{name}.jsonl"


def _each_once(journals: Iterable[Journal]) -> list[Journal]:
    """A journal that lies in a policy's folder and in objects of its own, whole or in part, once."""
    taken: set[str] = set()
    found = []
    for one in sorted(journals, key=lambda one: -len(one.texts)):
        texts = set(one.texts)
        if not texts <= taken:
            found.append(one)
            taken |= texts
    return found
