"""One policy's output folder: find it, and say whether it can be believed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.core.policy_data import asked_verdicts, has_unused_filter, unused_filters
from custom_filters.core.population import FILE_NAME, Population, PopulationError, parse
from custom_filters.core.report import Evaluation, Finding
from custom_filters.core.text import visible
from custom_filters.core.vocabulary import ANNOTATION, FILTER
from custom_filters.outputs.storage import Storage, open_storages, read
from custom_filters.outputs.validate_findings import checked_findings

METADATA, RESOURCES, LOG = "metadata.json", "resources.json", "custodian-run.log"
_READ = (METADATA, RESOURCES, LOG, FILE_NAME)
#: Files of a policy's folder that are read; Custodian packs them for a bucket.
NAMES = frozenset(name + end for name in _READ for end in ("", ".gz"))
_DATED = re.compile(r"(?:(?P<base>.*)/)?(?P<date>\d{4}/\d{2}/\d{2}/\d{2})")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
#: File times are coarser than the clock of a run; a gzip header holds whole seconds.
_FILE_TIME_SLACK = 1.0
_LOG_LINE = 300


@dataclass(frozen=True)
class Folder:
    """A policy's output: `files` maps the plain name (`resources.json`) to path and time of change.

    `base` is the folder without the date that Custodian puts below it in a bucket.
    """

    storage: Storage
    path: str
    base: str
    date: str | None
    files: dict[str, tuple[str, float]] = field(default_factory=dict)

    def read(self, name: str) -> tuple[bytearray, float]:
        """Content and time of change; raises NotEvaluatedError."""
        if name not in self.files:
            raise NotEvaluatedError(f"there is no {name}")
        path, changed = self.files[name]
        try:
            content, packed = read(self.storage, path)
        except OSError as error:
            raise NotEvaluatedError(f"{name} cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise NotEvaluatedError(str(error)) from error
        return content, changed if packed is None else packed


def find_folders(storage: Storage, files: dict[str, float]) -> list[Folder]:
    """Every policy folder among the files; of a policy's dated folders the newest."""
    folders: dict[str, Folder] = {}
    for path, changed in sorted(files.items()):
        parent, _, name = path.rpartition("/")
        plain = name.removesuffix(".gz")
        if plain in _READ:
            folders.setdefault(parent, _folder(storage, parent)).files[plain] = (path, changed)
    newest = {f.base: f for f in sorted(_policies(folders), key=lambda f: f.date or "")}
    return list(newest.values())


def _folder(storage: Storage, path: str) -> Folder:
    match = _DATED.fullmatch(path)
    if match is None:
        return Folder(storage, path, path, None)
    return Folder(storage, path, match["base"] or "", match["date"])


def _policies(folders: dict[str, Folder]) -> Iterator[Folder]:
    """Leave out a log that lies above policy folders: it is that of a whole run."""
    for path, folder in folders.items():
        below = (other for other in folders if not path or other.startswith(f"{path}/"))
        if set(folder.files) == {LOG} and any(other != path for other in below):
            continue
        yield folder


@dataclass(frozen=True)
class Described:
    """A folder with what its metadata tells; `evaluation` may turn out not evaluated when it is read."""

    folder: Folder
    evaluation: Evaluation
    expected: int = 0
    required: bool = False


def describe(folder: Folder) -> Described:
    """Read a folder's metadata.json; every problem is put into the evaluation."""
    bare = _bare(folder)
    try:
        metadata = _object(folder, METADATA)
        known = _with_metadata(bare, metadata)
    except NotEvaluatedError as error:
        return Described(folder, _failed(bare, error))
    try:
        count = _resource_count(folder, metadata)
    except NotEvaluatedError as error:
        return Described(folder, _failed(known, error))
    required = any(set(f.blocks) <= {"and"} for f in unused_filters(metadata["policy"]))
    return Described(folder, replace(known, evaluated=True), count, required)


def policies_of(
    paths: Iterable[str], evaluations: Iterable[Evaluation]
) -> Iterator[tuple[Evaluation, dict[str, Any]]]:
    """The policies as they ran, from the metadata of their outputs; what cannot be read is left out."""
    told = {e.folder: e for e in evaluations}
    for storage in open_storages(paths):
        for folder in find_folders(storage, dict(storage.files(NAMES))):
            evaluation = told.get(_bare(folder).folder)
            with suppress(NotEvaluatedError):
                policy = _object(folder, METADATA).get("policy")
                if evaluation and isinstance(policy, dict):
                    yield evaluation, policy


def _failed(evaluation: Evaluation, error: NotEvaluatedError) -> Evaluation:
    """Not evaluated, and why; the sentence may quote what a file holds."""
    return replace(evaluation, evaluated=False, problem=visible(str(error)))


def _bare(folder: Folder) -> Evaluation:
    name = folder.base.rpartition("/")[2] or folder.storage.root.rstrip("/").rpartition("/")[2]
    where = f"{folder.storage.root.rstrip('/')}/{folder.path}".rstrip("/")
    return Evaluation("", "", "", name, where, evaluated=False)


def _with_metadata(bare: Evaluation, metadata: dict[str, Any]) -> Evaluation:
    policy, config, execution = (metadata.get(key) for key in ("policy", "config", "execution"))
    if not isinstance(policy, dict) or not isinstance(config, dict) or not isinstance(execution, dict):
        raise NotEvaluatedError(f"{METADATA} was not written by Custodian")
    resource = str(policy.get("resource"))
    start = execution.get("start")
    return replace(
        bare,
        provider=resource.partition(".")[0] if "." in resource else "aws",
        account=str(config.get("account_id") or ""),
        region=str(config.get("region") or ""),
        policy=str(policy.get("name") or bare.policy),
        started=_start(start),
        judged=has_unused_filter(policy),
        asks_active="active" in asked_verdicts(policy),
        execution=str(execution.get("id") or ""),
        description=str(policy.get("description") or "").strip(),
    )


def _start(value: object) -> datetime:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, timezone.utc)
        except (ValueError, OverflowError, OSError):
            pass
    raise NotEvaluatedError(f"{METADATA} does not tell when the run started")


def _resource_count(folder: Folder, metadata: dict[str, Any]) -> int:
    metrics = metadata.get("metrics")
    values = {m.get("MetricName"): m.get("Value") for m in metrics or () if isinstance(m, dict)}
    if values.get("PolicyException"):
        raise NotEvaluatedError(f"the policy failed{_last_error(folder)}")
    count = values.get("ResourceCount")
    if not isinstance(count, int):
        raise NotEvaluatedError(f"the policy did not finish: {METADATA} has no ResourceCount")
    return count


def _last_error(folder: Folder) -> str:
    """The exception at the end of the policy's log, where there is a log."""
    try:
        lines = folder.read(LOG)[0].decode("utf-8", "replace").splitlines()
    except NotEvaluatedError:
        return f" (it left no {LOG})"
    message = next((line.strip() for line in reversed(lines) if line[:1].strip()), "")
    return f": {message[:_LOG_LINE]}" if message else ""


def _object(folder: Folder, name: str) -> dict[str, Any]:
    value = _json(folder, name)[0]
    if not isinstance(value, dict):
        raise NotEvaluatedError(f"{name} was not written by Custodian: it holds no JSON object")
    return value


def _json(folder: Folder, name: str) -> tuple[Any, float]:
    content, changed = folder.read(name)
    try:
        value = json.loads(content)
        # Half a surrogate pair is valid in JSON and in no file that a report writes.
        if _SURROGATE.search(content):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return value, changed
    except (ValueError, RecursionError) as error:
        raise NotEvaluatedError(f"{name} is truncated or not JSON: {error}") from error


def read_annotations(described: Described, not_before: datetime | None = None) -> list[tuple[int, Any]]:
    """Number and `c7n:unused` annotation of each resource that has one.

    Raises NotEvaluatedError when resources.json is not, whole, what this run selected. `not_before` is the
    start of the run that the folder must belong to, where that is known.
    """
    resources, changed = _json(described.folder, RESOURCES)
    starts = [at.timestamp() for at in (described.evaluation.started, not_before) if at]
    if changed + _FILE_TIME_SLACK < max(starts, default=0.0):
        raise NotEvaluatedError(f"{RESOURCES} is older than the run: it is what an earlier run left there")
    if not isinstance(resources, list) or not all(isinstance(r, dict) for r in resources):
        raise NotEvaluatedError(f"{RESOURCES} was not written by Custodian: it holds no list of resources")
    if len(resources) != described.expected:
        raise NotEvaluatedError(
            f"{RESOURCES} holds {len(resources)} resources, but the policy counted {described.expected}"
        )
    marked = [(n, r[ANNOTATION]) for n, r in enumerate(resources) if ANNOTATION in r]
    if described.required and len(marked) != len(resources):
        raise NotEvaluatedError(
            f"{len(resources) - len(marked)} of {len(resources)} resources carry no {ANNOTATION}, "
            f"though the policy filters on {FILTER}"
        )
    return marked


class Told(NamedTuple):
    """What a folder tells: the evaluation, now final, the findings, and everybody whom the policy judged."""

    evaluation: Evaluation
    findings: list[Finding] = []  # noqa: RUF012 (never changed)
    users: list[Finding] = []  # noqa: RUF012


def read_findings(described: Described, not_before: datetime | None = None) -> Told:
    """What the folder tells; findings and users only where it was evaluated."""
    evaluation = described.evaluation
    if not evaluation.evaluated:
        return Told(evaluation)
    try:
        findings = _all_findings(read_annotations(described, not_before))
        population = _population(described.folder) if evaluation.judged else None
    except NotEvaluatedError as error:
        return Told(_failed(evaluation, error))
    evaluation = replace(evaluation, resources=described.expected, findings=len(findings))
    if population is None:
        return Told(evaluation, findings)
    counts, filtered_out = population.counts(), population.filtered_out
    whose = {name: getattr(evaluation, name) for name in ("provider", "account", "policy")}
    users = [{**whose, **row} for row in population.rows]
    return Told(replace(evaluation, examined=counts, filtered_out=filtered_out), findings, users)


def _population(folder: Folder) -> Population | None:
    """Everybody whom the policy judged; None where it left no such file. A damaged one is an error."""
    if FILE_NAME not in folder.files:
        return None
    try:
        return parse(folder.read(FILE_NAME)[0].decode("utf-8", "replace").splitlines())
    except PopulationError as error:
        raise NotEvaluatedError(str(error)) from error


def _all_findings(annotations: list[tuple[int, Any]]) -> list[Finding]:
    return [finding for number, value in annotations for finding in _checked(number, value)]


def _checked(number: int, value: object) -> list[Finding]:
    try:
        return checked_findings(value)
    except ValueError as error:
        raise NotEvaluatedError(f"resource {number + 1} in {RESOURCES} is damaged: {error}") from error
