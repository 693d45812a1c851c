"""One policy's output folder: find it, and say whether it can be believed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.core.policy_data import asked_verdicts, has_unused_filter, is_ours, unused_filters
from custom_filters.core.population import FILE_NAME, Population, parse
from custom_filters.core.report import Evaluation, Finding
from custom_filters.core.text import shown
from custom_filters.core.vocabulary import ANNOTATION, AWS, FILTER
from custom_filters.outputs.json_list import entries, may_hold_surrogates, without_surrogates
from custom_filters.outputs.policy_folder import (
    LOG,
    METADATA,
    NAMES,
    RESOURCES,
    Folder,
    find_folders,
)
from custom_filters.outputs.storage import (
    MOST_BYTES,
    Storage,
    open_storages,
    pieces,
    read,
    read_end,
)
from custom_filters.outputs.validate_findings import checked_findings

#: A policy that lists more resources than this is not believed.
_MOST_RESOURCES = 2_000_000
_LOG_END = 64 * 1024
#: A start this much later than now and than its own file (seconds) is wrong data, not clock skew.
_START_TOLERANCE = 3600.0
#: Resources whose findings name a tenant, whatever subscription or project Custodian runs on.
_OF_A_TENANT = "directory-user"
#: File times are coarser than the clock of a run; a gzip header holds whole seconds.
_FILE_TIME_SLACK = 1.0
_LOG_LINE = 300
#: The end of a traceback (`c7n.exceptions.PolicyExecutionError: why`), or what Custodian logs as an error.
_ERROR_LINE = re.compile(
    r"(?:(?:\w+\.)+[A-Z]\w+|(?P<builtin>[A-Z]\w*(?:Error|Exception|Exit|Interrupt))|.*:(?:ERROR|CRITICAL))"
    r" ?:? ?(?P<why>.+)"
)
#: What Custodian logs after the errors themselves.
_SUMMARY = re.compile("The following policies had errors|Error while executing policy")


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn every way in which a foreign file cannot be read into a NotEvaluatedError."""
    try:
        yield
    except OSError as error:
        raise NotEvaluatedError(f"{name} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotEvaluatedError(f"{name} is truncated or not JSON: {error}") from error
    except ValueError as error:
        told = str(error)
        raise NotEvaluatedError(
            told if name in told else f"{name} is truncated or damaged: {told}"
        ) from error


@dataclass(frozen=True)
class Described:
    """A folder with what its metadata tells; `evaluation` may turn out not evaluated when it is read."""

    folder: Folder
    evaluation: Evaluation
    expected: int = 0
    required: bool = False
    tenant: bool = False


def describe(folder: Folder) -> Described:
    """Read a folder's metadata.json; every problem is put into the evaluation."""
    bare = _bare(folder)
    try:
        metadata = _metadata(folder)
        known = _with_metadata(bare, metadata, folder.file(METADATA)[1])
        required = any(set(f.blocks) <= {"and"} for f in unused_filters(metadata["policy"]))
    except NotEvaluatedError as error:
        return Described(folder, _failed(bare, error))
    except (TypeError, AttributeError, RecursionError):  # a filter of a type that no policy has
        return Described(folder, _failed(bare, NotEvaluatedError(f"{METADATA} was not written by Custodian")))
    try:
        count = _resource_count(folder, metadata)
    except NotEvaluatedError as error:
        return Described(folder, _failed(known, error))
    tenant = str(metadata["policy"].get("resource")).endswith(_OF_A_TENANT)
    return Described(folder, replace(known, evaluated=True), count, required, tenant)


def metadata_of(
    paths: Iterable[str], evaluations: Iterable[Evaluation]
) -> Iterator[tuple[Evaluation, dict[str, Any]]]:
    """Custodian's metadata of these policy runs; what cannot be read is left out."""
    told = {e.folder: e for e in evaluations}
    for storage in open_storages(paths):
        for folder in find_folders(storage, dict(storage.files(NAMES))):
            evaluation = told.get(_bare(folder).folder)
            with suppress(NotEvaluatedError):
                if evaluation:
                    yield evaluation, _metadata(folder)


def _failed(evaluation: Evaluation, error: NotEvaluatedError) -> Evaluation:
    """Not evaluated, and why; the sentence may quote what a file holds."""
    return replace(evaluation, evaluated=False, problem=shown(str(error)))


def _bare(folder: Folder) -> Evaluation:
    name = folder.base.rpartition("/")[2] or folder.storage.root.rstrip("/").rpartition("/")[2]
    where = f"{folder.storage.root.rstrip('/')}/{folder.path}".rstrip("/")
    return Evaluation("", "", "", shown(name), shown(where), evaluated=False)


def unseen(storage: Storage, where: str, why: str) -> Evaluation:
    """The evaluation of a folder that could not be read."""
    return replace(_bare(Folder(storage, where, where, None)), problem=shown(why))


def _with_metadata(bare: Evaluation, metadata: dict[str, Any], written: float) -> Evaluation:
    policy, config, execution = (metadata.get(key) for key in ("policy", "config", "execution"))
    if not isinstance(policy, dict) or not isinstance(config, dict) or not isinstance(execution, dict):
        raise NotEvaluatedError(f"{METADATA} was not written by Custodian")
    resource = str(policy.get("resource"))
    return replace(
        bare,
        provider=shown(resource.partition(".")[0]) if "." in resource else AWS,
        account=shown(str(config.get("account_id") or "")),
        region=shown(str(config.get("region") or "")),
        policy=shown(str(policy.get("name") or bare.policy)),
        started=_start(execution.get("start"), max(time.time(), written)),
        judged=has_unused_filter(policy),
        retires=is_ours(policy) and not has_unused_filter(policy),
        asks_active="active" in asked_verdicts(policy),
        execution=shown(str(execution.get("id") or "")),
        description=shown(str(policy.get("description") or "").strip()),
    )


def _start(value: object, latest: float) -> datetime:
    """When the run started; nobody may make an output the newest for ever by a start in the future."""
    try:
        if type(value) not in {int, float}:
            raise ValueError
        started = datetime.fromtimestamp(value, timezone.utc)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError) as error:
        raise NotEvaluatedError(f"{METADATA} does not tell when the run started") from error
    if started.timestamp() > latest + _START_TOLERANCE:
        raise NotEvaluatedError(f"{METADATA} says that the run started in the future")
    return started


def _resource_count(folder: Folder, metadata: dict[str, Any]) -> int:
    metrics = metadata.get("metrics")
    told = metrics if isinstance(metrics, list) else ()
    values = {str(m.get("MetricName")): m.get("Value") for m in told if isinstance(m, dict)}
    if values.get("PolicyException"):
        raise NotEvaluatedError(f"the policy failed{_last_error(folder)}")
    count = values.get("ResourceCount")
    if type(count) is not int:
        raise NotEvaluatedError(f"the policy did not finish: {METADATA} has no ResourceCount")
    if not 0 <= count <= _MOST_RESOURCES:
        raise NotEvaluatedError(f"{METADATA} counts {count} resources, which is not believed")
    return count


def _last_error(folder: Folder) -> str:
    """What the policy's log ends in, where there is a log."""
    try:
        with _reading(LOG):
            end = read_end(folder.storage, folder.file(LOG)[0], _LOG_END)
    except NotEvaluatedError:
        return f" (it left no {LOG} that can be read)"
    message = last_error(end.decode("utf-8", "replace"))
    return f": {message[:_LOG_LINE]}" if message else ""


def last_error(log: str) -> str | None:
    """The last error of one of Custodian's logs as a sentence, else its last line; for people to read."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    found = [match for match in map(_ERROR_LINE.match, lines) if match and not _SUMMARY.match(match["why"])]
    if not found:
        return lines[-1] if lines else None
    why = found[-1]["why"]
    return f"an unexpected error, {why}; the log has its traceback" if found[-1]["builtin"] else why


def _metadata(folder: Folder) -> dict[str, Any]:
    path, _ = folder.file(METADATA)
    with _reading(METADATA):
        text = read(folder.storage, path).decode("utf-8")
        value = json.loads(text)
        value = without_surrogates(value) if may_hold_surrogates(text) else value
    if not isinstance(value, dict):
        raise NotEvaluatedError(f"{METADATA} was not written by Custodian: it holds no JSON object")
    return value


def _resources(described: Described, not_before: float) -> Iterator[dict[str, Any]]:
    """Each resource of resources.json; raises NotEvaluatedError."""
    folder = described.folder
    path, changed = folder.file(RESOURCES)

    def content() -> Iterator[bytes]:
        for piece, packed in pieces(folder.storage, path):
            if (changed if packed is None else packed) + _FILE_TIME_SLACK < not_before:
                problem = "is older than the run: it is what an earlier run left there"
                raise NotEvaluatedError(f"{RESOURCES} {problem}")
            yield piece

    foreign = f"{RESOURCES} was not written by Custodian: it holds no list of resources"
    try:
        with _reading(RESOURCES):
            for resource in entries(content()):
                if not isinstance(resource, dict):
                    raise NotEvaluatedError(foreign)
                yield resource
    except TypeError as error:
        raise NotEvaluatedError(foreign) from error


def read_annotations(described: Described, not_before: datetime | None = None) -> Iterator[tuple[int, Any]]:
    """Number and `c7n:unused` annotation of each resource that has one, one after the other.

    Raises NotEvaluatedError, at the end at the latest, when resources.json is not, whole, what this run
    selected. `not_before` is the start of the run that the folder must belong to, where that is known.
    """
    starts = [at.timestamp() for at in (described.evaluation.started, not_before) if at]
    count = marked = 0
    for count, resource in enumerate(_resources(described, max(starts, default=0.0)), 1):
        if count > described.expected:
            raise NotEvaluatedError(f"{RESOURCES} holds more than the {described.expected} resources counted")
        if ANNOTATION in resource:
            marked += 1
            yield count - 1, resource[ANNOTATION]
    if count != described.expected:
        raise NotEvaluatedError(
            f"{RESOURCES} holds {count} resources, but the policy counted {described.expected}"
        )
    if described.required and marked != count:
        raise NotEvaluatedError(
            f"{count - marked} of {count} resources carry no {ANNOTATION}, "
            f"though the policy filters on {FILTER}"
        )


class Told(NamedTuple):
    """What a folder holds: the final evaluation, the findings, and everybody that the policy judged."""

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
        _check_account(described, findings)
        population = _population(described.folder) if evaluation.judged else None
    except NotEvaluatedError as error:
        return Told(_failed(evaluation, error))
    evaluation = replace(evaluation, resources=described.expected, findings=len(findings))
    if population is None:
        return Told(evaluation, findings)
    evaluation = replace(evaluation, examined=population.counts(), filtered_out=population.filtered_out)
    whose = {name: getattr(evaluation, name) for name in ("provider", "account", "policy")}
    users = [{**whose, **row} for row in population.rows]
    return Told(replace(evaluation, exemptions=population.exemptions), findings, users)


def _population(folder: Folder) -> Population | None:
    """Everybody that the policy judged; None without such a file. A damaged file is an error."""
    if FILE_NAME not in folder.files:
        return None
    with _reading(FILE_NAME):
        content = read(folder.storage, folder.file(FILE_NAME)[0], MOST_BYTES)
        return parse(content.decode("utf-8", "replace").splitlines())


def _check_account(described: Described, findings: list[Finding]) -> None:
    """Refuse findings of another account than the metadata's, or of two tenants."""
    e = described.evaluation
    named = {(f["provider"], f["account"]) for f in findings}
    known = (e.provider, e.account) if not described.tenant and (e.account or e.provider == AWS) else None
    if named - {known} if known else len(named) > 1 or any(provider != e.provider for provider, _ in named):
        told = ", ".join(sorted(" ".join(pair) for pair in named)[:3])
        raise NotEvaluatedError(
            f"its findings are of {told}, but {METADATA} is of {e.provider} {e.account or '(no account)'}"
        )


def _all_findings(annotations: Iterator[tuple[int, Any]]) -> list[Finding]:
    found: list[Finding] = []
    for number, value in annotations:
        try:
            found += checked_findings(value)
        except ValueError as error:
            raise NotEvaluatedError(f"resource {number + 1} in {RESOURCES} is damaged: {error}") from error
    return found
