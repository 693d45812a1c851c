"""Everybody whom a policy judged: the file `c7n-unused-population.jsonl` beside its resources.json.

The first line says whose population it is:
`{"schema": 1, "provider", "account", "policy", "as_of", "examined", "filtered_out", "exemptions"}`.
`examined` counts the lines that follow, so that a file that was cut short is noticed; `filtered_out` says how
many resources stock filters took out before ours saw them (null: not known). `exemptions` lists each entry of
the exemptions file: account, user, how many it matched, some of their names. Each other line is one identity.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import NeverUsed, Unknown, Used
from custom_filters.core.exemption import Matches, exemption_as_dict
from custom_filters.core.finding import stable_uid
from custom_filters.core.judge import IdentityJudgement
from custom_filters.core.times import format_optional, format_time, parse_time
from custom_filters.core.verdict import SELECTABLE

FILE_NAME = "c7n-unused-population.jsonl"
SCHEMA = 1
#: The seven verdicts of a user, in the order in which reports add them up.
ORDER = ("active", "new", "stale", "never-used", "unknown", "exempt", "no-credentials")
FIELDS = (
    "uid", "user", "user_id", "user_type", "owner", "privileged", "verdict", "reason", "last_used", "as_of",
    "exemption", "credentials",
)  # fmt: skip
_HEAD = ("provider", "account", "policy", "as_of", "examined", "filtered_out", "exemptions")
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("uid", "user", "user_id", "user_type", "reason"), (str,)),
    "owner": (str, type(None)), "privileged": (bool, type(None)), "exemption": (dict, type(None)),
    "credentials": (list,),
}  # fmt: skip
_PARTS = {
    "exemption": ("reason", "approved_by", "expires"),
    "credentials": ("kind", "id", "verdict", "reason", "last_used", "becomes", "changes_at"),
}
NOT_RECORDED = "population not recorded"
#: The source of use that an earlier run saw.
EARLIER = "earlier run"


class PopulationError(ValueError):
    """A file that cannot be believed; the message is a clause that says why."""


@dataclass(frozen=True)
class Population:
    """One policy's population on one account; `rows` are mappings with FIELDS."""

    provider: str
    account: str
    policy: str
    as_of: str
    filtered_out: int | None
    rows: tuple[Mapping[str, Any], ...]
    #: Empty also where not all of the account was judged.
    exemptions: tuple[Matches, ...] = ()

    def counts(self) -> dict[str, int]:
        """Identities by verdict, all seven, in ORDER."""
        found = Counter(row["verdict"] for row in self.rows)
        return {verdict: found[verdict] for verdict in ORDER}


def identity_uid(identity: Identity) -> str:
    """A name for the identity that stays the same over runs."""
    return stable_uid([identity.provider, identity.account, identity.id])


def row(judged: IdentityJudgement, as_of: str) -> dict[str, Any]:
    """An identity's line: what was judged of it, and of each of its credentials in short."""
    identity = judged.identity
    return {
        "uid": identity_uid(identity),
        "user": identity.name,
        "user_id": identity.id,
        "user_type": identity.user_type,
        "owner": identity.owner,
        "privileged": identity.privileged,
        "verdict": judged.verdict,
        "reason": judged.reason,
        "last_used": _last_used(judged),
        "as_of": as_of,
        "exemption": exemption_as_dict(identity.exemption),
        "credentials": [
            {"kind": j.credential.kind, "id": j.credential.id, "verdict": j.verdict, "reason": j.reason,
             "last_used": format_optional(j.last_used), "becomes": j.becomes,
             "changes_at": format_optional(j.changes_at)}
            for j in judged.credentials
        ],
    }  # fmt: skip


def uses(lines: Iterable[str]) -> dict[tuple[str, str, str], datetime]:
    """When an earlier run saw what used: by uid, kind and id. Lines that make no sense tell nothing."""
    found = {}
    for line in lines:
        try:
            item = json.loads(line)
            held = [
                (c["kind"], c["id"], parse_time(c["last_used"]))
                for c in item["credentials"]
                if c["last_used"]
            ]
            found.update({(str(item["uid"]), kind, name): at for kind, name, at in held})
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def remembered(identity: Identity, seen: Mapping[tuple[str, str], datetime]) -> Identity:
    """The identity where a source that says never is not believed over use that an earlier run saw.

    `seen` is by kind and id of a credential. Use from before its birth was that of another one. A window that
    begins after that use is right, but then it is used long ago, and not never.
    """
    changed = (_remembered(c, seen.get((c.kind, c.id))) for c in identity.credentials)
    return replace(identity, credentials=tuple(changed))


def _remembered(credential: Credential, at: datetime | None) -> Credential:
    covering = [e for e in credential.evidence if e.covers]
    born = any(date and at and at < date for date in (credential.created, credential.rotated))
    if at is None or born or not covering or not all(isinstance(e, NeverUsed) for e in covering):
        return credential
    text = f"an earlier run saw it used at {format_time(at)}, and now the source says never"
    evidence = [
        Unknown(text, e.source, observed_at=e.observed_at, value=e.value)
        if isinstance(e, NeverUsed) and e.covers and (e.since is None or e.since <= at)
        else e
        for e in credential.evidence
    ]
    return replace(credential, evidence=(*evidence, Used(at, EARLIER)))


def use_by_earlier_runs(identity: Identity) -> dict[tuple[str, str], datetime]:
    """What `remembered` added, by kind and id."""
    return {
        (c.kind, c.id): e.at
        for c in identity.credentials
        for e in c.evidence
        if isinstance(e, Used) and e.source == EARLIER
    }


def _last_used(judged: IdentityJudgement) -> str | None:
    uses = [j.last_used for j in judged.credentials if j.last_used]
    uses += [at for e in judged.identity.evidence if (at := getattr(e, "at", None))]
    return format_time(max(uses)) if uses else None


def first_line(population: Population, examined: int) -> str:
    """The first line of the file; `examined` is the number of rows that follow."""
    head = {name: getattr(population, name) for name in _HEAD if name != "examined"}
    head["exemptions"] = [astuple(found) for found in population.exemptions]
    return json.dumps({"schema": SCHEMA, "examined": examined, **head}) + "\n"


def line_of(item: Mapping[str, Any]) -> str:
    """The line of one row."""
    return json.dumps({name: item[name] for name in FIELDS}) + "\n"


def parse(text: Iterable[str]) -> Population:
    """Read the lines back; raises PopulationError on what is cut short, damaged or of another version."""
    read = [_object(number, line) for number, line in enumerate(text, 1) if line.strip()]
    if not read:
        raise PopulationError(f"{FILE_NAME} is empty")
    head, *rows = read
    if head.get("schema") != SCHEMA or any(name not in head for name in _HEAD):
        raise PopulationError(f"{FILE_NAME} starts with no line of schema {SCHEMA}")
    if head["examined"] != len(rows):
        raise PopulationError(f"{FILE_NAME} holds {len(rows)} identities of {head['examined']}")
    for number, item in enumerate(rows, 2):
        _check(number, item)
    values = {name: head[name] for name in _HEAD if name != "examined"}
    if type(values["filtered_out"]) not in (int, type(None)):
        raise PopulationError(f"{FILE_NAME} has filtered_out {values['filtered_out']!r}")
    if not isinstance(values["exemptions"], list):
        raise PopulationError(f"{FILE_NAME} has exemptions {values['exemptions']!r}")
    values["exemptions"] = tuple(map(_matches, values["exemptions"]))
    return Population(**values, rows=tuple(rows))


def _matches(value: Any) -> Matches:
    parts = value if isinstance(value, list) else []
    if [type(part) for part in parts] == [str, str, int, list] and all(isinstance(n, str) for n in parts[3]):
        return Matches(parts[0], parts[1], parts[2], tuple(parts[3]))
    raise PopulationError(f"{FILE_NAME} has exemptions {value!r}")


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PopulationError(f"line {number} of {FILE_NAME} is not JSON") from error
    if not isinstance(value, dict):
        raise PopulationError(f"line {number} of {FILE_NAME} is not an object")
    return value


def _check(number: int, item: Mapping[str, Any]) -> None:
    missing = [name for name in FIELDS if name not in item]
    if missing:
        raise PopulationError(f"line {number} of {FILE_NAME} lacks {missing[0]!r}")
    if item["verdict"] not in SELECTABLE:
        raise PopulationError(f"line {number} of {FILE_NAME} has verdict {item['verdict']!r}")
    wrong = [n for n, types in _TYPES.items() if type(item[n]) not in types]
    wrong += [n for n, names in _PARTS.items() if not _has(item[n], names)]
    if wrong:
        raise PopulationError(f"line {number} of {FILE_NAME} has {wrong[0]} {item[wrong[0]]!r}")
    try:
        for name in ("last_used", "as_of"):
            _ = item[name] is None or parse_time(item[name])
    except (TypeError, ValueError) as error:
        raise PopulationError(f"line {number} of {FILE_NAME} has a {name} that is not a time") from error


def _has(value: Any, names: Iterable[str]) -> bool:
    """Whether each part of it is an object that holds only texts and nulls under these names."""
    parts = value if isinstance(value, list) else [] if value is None else [value]
    return all(
        isinstance(part, dict) and all(isinstance(part.get(name), (str, type(None))) for name in names)
        for part in parts
    )


def sentence(counts: Mapping[str, int] | None, filtered_out: int | None = None) -> str:
    """`examined 7 = 3 active + ...`, all seven verdicts, or that nothing was recorded."""
    if counts is None:
        return NOT_RECORDED
    terms = " + ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ORDER)
    before = f" ({filtered_out} taken out by other filters before)" if filtered_out else ""
    return f"examined {sum(counts.values())} = {terms}{before}"
