"""Our notes on an identity: the record of what was marked and switched off, and the marks beside it.

Notes are short texts by name, wherever a cloud keeps them. The record says whose it is, then lists entries in
groups, with times to the minute as yymmddHHMM in UTC:

    AIDA1 c7n-unused 2612011200 2612151200 access-key=AKIA1+AKIA2 off=2612151203 password=password

A tag, when it was marked and until when the notice runs; what follows `off=` was switched off then, and what
follows `go=` is being switched off: the outcome is not known yet. A tag or kind like the one before is left
out. What does not fit into one text goes on in `c7n-unused-record-2`..., each part begun by `1/2`. A mark is
Custodian's `<message>: <op>@YYYY/MM/DD HHMM UTC`, a copy for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from custom_filters.core.times import format_time, in_future

OPERATION = "disable-unused"
DEFAULT_MESSAGE = "Unused"
#: Names that begin with this are ours; of them the exempt tag is not a note.
PREFIX, RECORD, EXEMPT = "c7n-unused", "c7n-unused-record", "c7n-unused-exempt"
LONGEST_NOTICE = timedelta(days=90)
#: How far ahead a runner's clock may be: what it switched off is not lost to others.
CLOCK_AHEAD = timedelta(days=1)
MINUTE = timedelta(minutes=1)

SHORT_TIME, _STAMP = "%y%m%d%H%M", "%Y/%m/%d %H%M UTC"
_MARK = re.compile(r"(.*): ([a-z][a-z0-9-]*)@(\d{4}/\d{2}/\d{2} \d{4} UTC)", re.ASCII | re.DOTALL)
PART = re.compile(rf"{RECORD}(?:-([2-9]|[1-9]\d))?", re.ASCII)
_HEAD = re.compile(r"(\d{1,2})/(\d{1,2}) (.+)", re.ASCII)
_TIME = re.compile(r"\d{10}", re.ASCII)
_WORD = re.compile(r"[\w.:/@-]+", re.ASCII)
_ITEMS = re.compile(r"([a-z][a-z-]*)?=([\w.:/@-]+(?:\+[\w.:/@-]+)*)", re.ASCII)
#: How far ids may be shortened, as long as each stands for one credential only.
ID_LENGTHS = (None, 16, 8, 6, 4)


@dataclass(frozen=True, order=True)
class Item:
    """One credential by kind and id."""

    kind: str
    id: str


@dataclass(frozen=True)
class Entry:
    """One credential that was marked under `tag`. Times are aware UTC, in whole minutes.

    `until` is when the notice ends; `disabled_at` when we switched it off, None while it is live. Until the
    outcome of that is known it is `begun`.
    """

    tag: str
    marked_at: datetime
    until: datetime
    kind: str
    id: str
    disabled_at: datetime | None = None
    begun: bool = False

    @property
    def item(self) -> Item:
        """The credential."""
        return Item(self.kind, self.id)

    @property
    def order(self) -> tuple[str, datetime, datetime, str, str]:
        """How entries are sorted."""
        return self.tag, self.marked_at, self.until, self.kind, self.id


@dataclass(frozen=True)
class Record:
    """What is kept on one principal."""

    principal: str
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A note that cannot be right: its name, and why, as a sentence."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Notes:
    """The notes on one identity, as read or as they will be once `render`'s changes are written.

    `record` holds the entries that count, `messages` the marks' messages by tag, `foreign` a sentence for
    each tag that holds somebody else's mark, `texts` what is in the cloud, by name in lower case.
    """

    record: Record
    messages: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    foreign: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def live(self, tag: str | None = None) -> tuple[Entry, ...]:
        """Entries of credentials that are marked and not yet switched off, of one tag or of all."""
        found = (e for e in self.record.entries if e.disabled_at is None)
        return tuple(e for e in found if tag is None or e.tag == tag.lower())

    def off(self) -> tuple[Entry, ...]:
        """Entries of credentials that we switched off, or began to."""
        return tuple(e for e in self.record.entries if e.disabled_at is not None)

    def open(self, tag: str) -> tuple[Entry, ...]:
        """Entries under a tag that are not settled: live, or begun."""
        found = (e for e in self.record.entries if e.disabled_at is None or e.begun)
        return tuple(e for e in found if e.tag == tag.lower())

    def changed(self, entries: Iterable[Entry], **messages: str) -> Notes:
        """The notes with other entries; what cannot be right is gone once these are written."""
        record = replace(self.record, entries=tuple(sorted(entries, key=lambda e: e.order)))
        return replace(self, record=record, messages={**self.messages, **messages})

    def written(self, changes: Mapping[str, str | None]) -> Notes:
        """The state after a successful write of `changes`."""
        texts = {**self.texts, **{name: text or "" for name, text in changes.items()}}
        return replace(self, texts=texts, problems=())


def floor_minute(at: datetime) -> datetime:
    """The whole minute before: use right after a mark is never taken for use before it."""
    return at.astimezone(timezone.utc).replace(second=0, microsecond=0)


def ceil_minute(at: datetime) -> datetime:
    """The whole minute after: nothing is ever due early."""
    floor = floor_minute(at)
    return floor if floor == at else floor + MINUTE


def stamp(until: datetime) -> str:
    """A due date, as Custodian writes it in a mark: the whole minute after."""
    return ceil_minute(until).strftime(_STAMP)


def mark_text(message: str, until: datetime, op: str = OPERATION) -> str:
    """A mark, as Custodian writes it."""
    return f"{message}: {op}@{stamp(until)}"


def parse_mark(text: str) -> tuple[str, str, datetime] | None:
    """Message, operation and due date (aware UTC) of a mark; None for any other text."""
    match = _MARK.fullmatch(text)
    at = _time(match[3], _STAMP) if match else None
    return (match[1], match[2], at) if match and at else None


def _time(text: str, form: str = SHORT_TIME) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def read_notes(
    texts: Mapping[str, str],
    principal: str,
    now: datetime,
    *,
    ids: Iterable[str] = (),
    tags: Iterable[str] = (),
    ignore: Iterable[str] = (EXEMPT,),
) -> Notes:
    """Read what a cloud keeps, names in any case; never raises.

    `ids` are the principal's credentials, for ids that were shortened; `tags` names further tags that hold
    marks (of a policy with another tag than ours), `ignore` tags that hold none.
    """
    named = {name.lower(): text for name, text in texts.items() if text}
    doubled = [Problem(name.lower(), f"{name} is there twice") for name in _doubled(texts)]
    ours = {n: t for n, t in named.items() if n not in {i.lower() for i in ignore}}
    entries, problems = _read_record(ours, principal, now, tuple(ids))
    notes = Notes(Record(principal), texts=ours).changed(entries)
    wanted = {t.lower() for t in tags} | {e.tag for e in notes.live()}
    marks = {n for n in ours if n.startswith(PREFIX) and not PART.fullmatch(n)} | wanted
    messages: dict[str, str] = {}
    foreign: dict[str, str] = {}
    for tag in sorted(marks):
        mark = parse_mark(ours.get(tag, ""))
        if tag in ours and not tag.startswith(PREFIX) and (mark is None or mark[1] != OPERATION):
            foreign[tag] = f"tag {tag} holds the mark {ours[tag]!r}, which is not ours: it is left alone"
        elif why := _wrong_mark(tag, ours.get(tag), notes.live(tag)):
            problems.append(Problem(tag, why))
        if mark and tag not in foreign:
            messages[tag] = mark[0]
    return replace(notes, messages=messages, foreign=foreign, problems=(*doubled, *problems))


def _doubled(texts: Mapping[str, str]) -> list[str]:
    lower = [name.lower() for name, text in texts.items() if text]
    return sorted({name for name in lower if lower.count(name) > 1 and name.startswith(PREFIX)})


def _wrong_mark(tag: str, text: str | None, live: tuple[Entry, ...]) -> str | None:
    if text is None:
        return f"mark {tag} is missing, although the record has notice under it" if live else None
    mark = parse_mark(text)
    if mark is None:
        return f"mark {tag} is {text!r}, not '<message>: {OPERATION}@YYYY/MM/DD HHMM UTC'"
    if mark[1] != OPERATION:
        return f"mark {tag} names {mark[1]}, not {OPERATION}"
    if not live:
        return f"mark {tag} stands without a record of the notice"
    until = min(e.until for e in live)
    if mark[2] != until:
        return f"mark {tag} says {format_time(mark[2])}, the record {format_time(until)}"
    return None


def _read_record(
    named: Mapping[str, str], principal: str, now: datetime, ids: tuple[str, ...]
) -> tuple[list[Entry], list[Problem]]:
    parts = {int(m[1] or 1): t for n, t in named.items() if (m := PART.fullmatch(n))}
    text = _joined(parts)
    if not parts:
        return [], []
    if text is None:
        return [], [Problem(RECORD, f"parts {', '.join(map(str, sorted(parts)))} are not one whole record")]
    words = text.split(" ")
    if words[0] != principal:
        return [], [Problem(RECORD, f"the record is that of {words[0]!r}, not of {principal}")]
    found = _parse(words[1:])
    if not found:
        return [], [Problem(RECORD, f"{text!r} is not a record")]
    entries, problems, seen = [], [], set()
    for entry in found:
        full = _resolve(entry, ids)
        why = "its id fits several credentials" if full is None else _wrong_entry(full, now)
        if full is not None and (full.tag, full.item) in seen:
            why = "it is there twice"
        if full is None or why:
            problems.append(
                Problem(RECORD, f"entry {entry.tag} {entry.kind} {entry.id} does not count: {why}")
            )
            continue
        seen.add((full.tag, full.item))
        entries.append(full)
    return entries, problems


def _joined(parts: Mapping[int, str]) -> str | None:
    """The record's text; None when its parts do not belong together."""
    if parts.keys() == {1} and not _HEAD.fullmatch(parts[1]):
        return parts[1]
    heads = {number: _HEAD.fullmatch(text) for number, text in parts.items()}
    if parts.keys() != set(range(1, len(parts) + 1)):
        return None
    if any(h is None or (int(h[1]), int(h[2])) != (n, len(parts)) for n, h in heads.items()):
        return None
    return " ".join(h[3] for _, h in sorted(heads.items()) if h)


def _parse(words: list[str]) -> list[Entry] | None:
    """The entries in order; None for anything that `_words` does not write."""
    entries: list[Entry] = []
    tag = kind = ""
    marked = until = off = None
    begun = False
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        items = _ITEMS.fullmatch(word)
        if items and items[1] in {"off", "go"}:
            off, begun = _time(items[2]), items[1] == "go"
            if off is None:
                return None
        elif items:
            kind = items[1] or kind
            if marked is None or until is None or not kind:
                return None
            entries += [Entry(tag, marked, until, kind, name, off, begun) for name in items[2].split("+")]
        else:
            if not _TIME.fullmatch(word):
                tag, word = word.lower(), rest.pop() if rest else ""
            marked, until, off, begun = _time(word), _time(rest.pop() if rest else ""), None, False
            if not tag or not _WORD.fullmatch(tag) or marked is None or until is None:
                return None
    return entries


def _resolve(entry: Entry, ids: tuple[str, ...]) -> Entry | None:
    """The entry with its whole id; None when it may mean several credentials."""
    fitting = [name for name in ids if name.startswith(entry.id)]
    if entry.id in ids or not fitting or len(entry.id) < min(n for n in ID_LENGTHS if n):
        return entry
    return replace(entry, id=fitting[0]) if len(fitting) == 1 else None


def _wrong_entry(entry: Entry, now: datetime) -> str | None:
    if in_future(entry.marked_at, now):
        return f"marked at {format_time(entry.marked_at)}, which lies ahead"
    if not entry.marked_at < entry.until <= entry.marked_at + LONGEST_NOTICE:
        return f"its notice runs from {format_time(entry.marked_at)} to {format_time(entry.until)}"
    off = entry.disabled_at
    if off and (in_future(off, now + CLOCK_AHEAD) or off < entry.until):
        return f"switched off at {format_time(off)}, ahead or before its notice ended"
    return None
