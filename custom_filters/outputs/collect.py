"""Read any Custodian output: one policy's folder, a run's, c7n-org's, Lambda's dated ones in a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from custom_filters.core.errors import InputError
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.text import shown
from custom_filters.outputs.merge import merge
from custom_filters.outputs.policy_folder import NAMES, find_folders, parents
from custom_filters.outputs.policy_output import (
    Described,
    describe,
    read_annotations,
    read_findings,
    unseen,
)
from custom_filters.outputs.run_folder import MANIFEST, ManifestError, missing, newest_runs, read_manifest
from custom_filters.outputs.spool import Spool, lines_of, processes
from custom_filters.outputs.storage import Storage, open_storages

#: Outputs under one root that started this much before the newest one there belong to an earlier run.
RUN_SPREAD = timedelta(hours=12)
#: From this many accounts on they are read in several processes.
_FLEET = 50
Group = tuple[list[Evaluation], list[str], list[str]]


def collect(paths: Iterable[str], *, spread: timedelta = RUN_SPREAD) -> Report:
    """Everything in these outputs, with one row for each credential.

    Of several outputs of one policy, account and region the newest counts, even if it failed.
    Raises InputError when a path is not a folder or holds no Custodian output.
    """
    found = [_look(storage, spread) for storage in open_storages(paths)]
    described = _newest(contested([item for root in found for item in root[0]]))
    lost = [e for root in found for e in root[1]]
    spool, users = Spool(), Spool()
    evaluations = [*_read(described, spool, users), *lost]
    starts = [e.started for e in evaluations if e.started]
    ordered = sorted(evaluations, key=lambda e: (e.evaluated, *e.scope, e.region, e.folder))
    return Report(spool, tuple(ordered), max(starts, default=None), users=users)


def evaluated_annotations(paths: Iterable[str]) -> Iterator[tuple[Evaluation, dict[str, Any]]]:
    """Every `c7n:unused` annotation of the policies that were evaluated, as the policies wrote them."""
    found = [item for storage in open_storages(paths) for item in _look(storage, RUN_SPREAD)[0]]
    for item in _newest(contested(found)):
        if read_findings(item).evaluation.evaluated:
            yield from ((item.evaluation, value) for _, value in read_annotations(item))


def _look(storage: Storage, spread: timedelta) -> tuple[list[Described], list[Evaluation]]:
    """The folders under one root, described, and the evaluations of what is missing there."""
    files = _files(storage)
    runs = newest_runs(files)
    manifests = {path.rpartition("/")[0] for path in files if path.rpartition("/")[2] == MANIFEST}
    parts: dict[str | None, list[Described]] = {run: [] for run in runs}
    for folder in find_folders(storage, files):
        run = next((m for m in (folder.path, *parents(folder.path)) if m in manifests), None)
        if run is None or run in parts:  # else it belongs to an older run
            parts.setdefault(run, []).append(describe(folder))
    if not parts:
        raise InputError(f"{storage.root} holds no Custodian output: there is no metadata.json below it")
    looked = [_look_at(storage, run, described, spread) for run, described in parts.items()]
    lost = [unseen(storage, where, why) for where, why in storage.lost]
    return [d for found, _ in looked for d in found], [*lost, *(e for _, more in looked for e in more)]


def _files(storage: Storage) -> dict[str, float]:
    try:
        return dict(storage.files(NAMES | {MANIFEST}))
    except OSError as error:
        raise InputError(f"{storage.root} cannot be listed: {error}") from error


def _look_at(
    storage: Storage, run: str | None, described: list[Described], spread: timedelta
) -> tuple[list[Described], list[Evaluation]]:
    """One run with its manifest, or everything that no manifest covers."""
    if run is None:
        return _of_one_run(described, spread), _absent_in_some_accounts(described)
    where = shown(f"{storage.root.rstrip('/')}/{run}".rstrip("/"))
    try:
        manifest = read_manifest(storage, run)
    except ManifestError as error:
        lost = Evaluation("", "", "", "", f"{where}/{MANIFEST}", evaluated=False, problem=shown(str(error)))
        return _of_one_run(described, spread), [lost]
    older = "its output is older than this run: the policy left nothing this time"
    described = [_not_before(item, manifest.started, older) for item in described]
    left = [(item.folder.path.removeprefix(run).lstrip("/"), item.evaluation) for item in described]
    return described, missing(manifest, where, left)


def _of_one_run(described: list[Described], spread: timedelta) -> list[Described]:
    """Mark what an earlier run left: a policy that fails while loading does not touch its folder."""
    newest = max((item.evaluation.started for item in described if item.evaluation.started), default=None)
    if newest is None:
        return described
    hours = spread // timedelta(hours=1)
    problem = f"an earlier run left it: it began over {hours} hours before the newest output beside it"
    return [_not_before(item, newest - spread, problem) for item in described]


def _not_before(item: Described, limit: datetime, problem: str) -> Described:
    started = item.evaluation.started
    if not item.evaluation.evaluated or started is None or started >= limit:
        return item
    return _fail(item, problem)


def contested(described: list[Described]) -> list[Described]:
    """An account that two roots report is not evaluated: one of them may be forged.

    Within one output (a path that was given) an account has one root; across them a policy of an account has.
    """
    claims: dict[tuple[str, ...], set[str]] = {}
    for item in described:
        for claim in _claims(item):
            claims.setdefault(claim, set()).add(item.folder.root)
    return [_unless_contested(item, claims) for item in described]


def _claims(item: Described) -> list[tuple[str, ...]]:
    e = item.evaluation
    if not e.account:
        return []
    return [("within", item.folder.storage.root, e.provider, e.account), ("across", *e.scope)]


def _unless_contested(item: Described, claims: dict[tuple[str, ...], set[str]]) -> Described:
    for claim in _claims(item):
        if len(claims[claim]) > 1:
            problem = f"{' and '.join(sorted(map(shown, claims[claim])))} both claim to be of this account"
            return _fail(item, f"{problem}; remove the one that is not, or name each of your own by itself")
    return item


def _fail(item: Described, problem: str) -> Described:
    return replace(item, evaluation=replace(item.evaluation, evaluated=False, problem=problem))


def _absent_in_some_accounts(described: list[Described]) -> list[Evaluation]:
    """c7n-org drops an account's remaining policies when it is denied access; other accounts tell which."""
    undated = [d.evaluation for d in described if d.folder.date is None and d.evaluation.account]
    lost = []
    for provider in sorted({e.provider for e in undated}):
        of_provider = [e for e in undated if e.provider == provider]
        policies = {e.policy for e in of_provider}
        for account in sorted({e.account for e in of_provider}):
            there = [e for e in of_provider if e.account == account]
            where = there[0].folder.rpartition("/")[0]
            for policy in sorted(policies - {e.policy for e in there}):
                problem = "it left no output, though it did in other accounts of this run"
                lost.append(Evaluation(provider, account, "", policy, f"{where}/{policy}", False, problem))
    return lost


def _newest(described: list[Described]) -> list[Described]:
    """The newest of each policy, account and Region; an output without a start is kept as it is."""
    started = [item for item in described if item.evaluation.started]
    started.sort(key=_start)
    newest = {(*item.evaluation.scope, item.evaluation.region): item for item in started}
    return [*newest.values(), *(item for item in described if not item.evaluation.started)]


def _start(item: Described) -> float:
    return item.evaluation.started.timestamp() if item.evaluation.started else 0.0


def _read(described: list[Described], spool: Spool, users: Spool) -> Iterator[Evaluation]:
    """Read one account after the other (a tenant has one listing over all subscriptions: one provider)."""
    groups = [list(items) for _, items in groupby(sorted(described, key=_group), key=_group)]
    with processes() if len(groups) >= _FLEET else nullcontext() as pool:
        found = pool.map(_read_group, groups, chunksize=4) if pool else map(_read_group, groups)
        for evaluations, lines, people in found:
            spool.append(lines)
            users.append(people)
            yield from evaluations


def _read_group(items: list[Described]) -> Group:
    """The evaluations of one group, and its merged findings and its users as lines for the spools."""
    evaluations: list[Evaluation] = []
    judged: list[tuple[str, Finding]] = []
    users: list[str] = []
    for item in items:
        told = read_findings(item)
        judged += ((told.evaluation.account, finding) for finding in told.findings)
        users += lines_of(told.users)
        evaluations.append(told.evaluation)
    return evaluations, list(lines_of(merge(judged))), users


def _group(item: Described) -> tuple[str, str]:
    e = item.evaluation
    return e.provider, e.account if e.provider == "aws" else ""
