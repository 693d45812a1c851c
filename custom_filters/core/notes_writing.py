"""Writing notes: the changes that turn what a cloud keeps into what it should, within that cloud's limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby, product

from custom_filters.core.notes import (
    DEFAULT_MESSAGE,
    ID_LENGTHS,
    PART,
    PREFIX,
    RECORD,
    SHORT_TIME,
    Entry,
    Notes,
    mark_text,
)  # fmt: skip


class NotesError(ValueError):
    """Notes that cannot be written; the message says what does not fit and what to do."""


class NotesChangedError(NotesError):
    """Notes that were not written, since they are not what they were when it was decided."""


@dataclass(frozen=True)
class Place:
    """What a cloud gives us to write notes into.

    `limit` counts characters of one text, `parts` texts of a record, `most` notes at once, `total` bytes of
    all notes, each written as ` [name: text]`. `allowed` is a pattern for a whole text. `ids` are those of
    all credentials of the principal where ids may be shortened to fit. `remedy` ends the error's sentence.
    """

    limit: int
    parts: int = 1
    most: int | None = None
    total: int | None = None
    allowed: str | None = None
    ids: frozenset[str] = frozenset()
    remedy: str = "shorten `msg:` or remove credentials that are not needed"


def render(notes: Notes, place: Place, *, marking: bool = False) -> dict[str, str | None]:
    """The changes that turn the cloud's texts into these notes; None empties a note.

    With `marking` there must be room for the largest form that these notes can take later, with every
    credential switched off. Raises NotesError when something does not fit.
    """
    wanted = _fitting(notes, place)
    for entries in _later(notes.record.entries) if marking else ():
        _fitting(notes.changed(entries), place)
    ours = [
        n for n in notes.texts if n not in notes.foreign and (n.startswith(PREFIX) or n in notes.messages)
    ]
    gone = {name: None for name in ours if notes.texts[name] and name not in wanted}
    return {**{n: t for n, t in wanted.items() if notes.texts.get(n) != t}, **gone}


def _later(entries: tuple[Entry, ...]) -> Iterator[list[Entry]]:
    """All switched off, or all but one of each group and kind, which keeps the mark beside the record.

    Also while one of each group and kind is being switched off.
    """
    off = [replace(e, disabled_at=e.disabled_at or e.until) for e in entries]
    live = _firsts(e for e in entries if e.disabled_at is None)
    kept = {e.order for e in live}
    for ended in (off, [e for e in off if e.order not in kept]):
        begun = [replace(e, begun=True) for e in _firsts(ended)]
        rest = [] if ended is off else live
        yield [*ended, *rest]
        yield [*begun, *(e for e in ended if e.order not in {b.order for b in begun}), *rest]


def _firsts(entries: Iterable[Entry]) -> list[Entry]:
    return [next(group) for _, group in groupby(entries, lambda e: e.order[:4])]


def _fitting(notes: Notes, place: Place) -> dict[str, str]:
    """The first form that fits: whole ids and exact times before shortened ids and shared times."""
    problem = None
    for shared, length in product((False, True), ID_LENGTHS):
        if length and len({name[:length] for name in place.ids}) < max(len(place.ids), 1):
            continue  # cut so short, an id would stand for several credentials
        texts = _texts(notes, place, length, shared=shared)
        problem = _problem(texts, place)
        if problem is None:
            return texts
    raise NotesError(f"the notes do not fit: {problem}; {place.remedy}, then run again")


def _texts(notes: Notes, place: Place, length: int | None, *, shared: bool) -> dict[str, str]:
    cut = [replace(e, id=e.id[:length]) if e.id in place.ids else e for e in notes.record.entries]
    words = [notes.record.principal, *_words(_sharing(cut) if shared else cut)] if cut else []
    names = (RECORD if n == 1 else f"{RECORD}-{n}" for n in range(1, 100))
    texts = dict(zip(names, _split(words, place.limit), strict=False))
    for tag in sorted({e.tag for e in notes.live()} - notes.foreign.keys()):
        until = min(e.until for e in notes.live(tag))
        texts[tag] = mark_text(notes.messages.get(tag, DEFAULT_MESSAGE), until)
    return texts


def _sharing(entries: Iterable[Entry]) -> list[Entry]:
    """Credentials marked together count as switched off together, by the latest: never too early."""
    result: list[Entry] = []
    for _, group in groupby(sorted(entries, key=lambda e: e.order), lambda e: e.order[:3]):
        together = list(group)
        latest = max((e.disabled_at for e in together if e.disabled_at), default=None)
        result += [replace(e, disabled_at=latest) if e.disabled_at else e for e in together]
    return result


def _words(entries: Iterable[Entry]) -> Iterator[str]:
    """Tag and times once for each group, then its ids by kind: those that are live, then those off."""
    tag = kind = ""
    notice = off = None
    ordered = sorted(
        entries, key=lambda e: (e.tag, e.marked_at, e.until, e.disabled_at or e.marked_at, e.begun, e.kind)
    )
    for entry, ids in groupby(ordered, lambda e: replace(e, id="")):
        if (entry.tag, entry.marked_at, entry.until) != notice:
            yield from [entry.tag] * (entry.tag != tag)
            yield from (entry.marked_at.strftime(SHORT_TIME), entry.until.strftime(SHORT_TIME))
            tag, notice, off = entry.tag, (entry.tag, entry.marked_at, entry.until), None
        if entry.disabled_at and (entry.disabled_at, entry.begun) != off:
            off = (entry.disabled_at, entry.begun)
            yield f"{'go' if entry.begun else 'off'}={entry.disabled_at.strftime(SHORT_TIME)}"
        yield f"{entry.kind if entry.kind != kind else ''}={'+'.join(e.id for e in ids)}"
        kind = entry.kind


def _split(words: list[str], limit: int) -> list[str]:
    """The words as texts of at most `limit` characters, each but an only one begun by `n/m`."""
    whole = " ".join(words)
    if len(whole) <= limit or not words:
        return [whole] if words else []
    parts = [""]
    for word in words:
        if parts[-1] and len(parts[-1]) + 1 + len(word) > limit - len("00/00 "):
            parts.append("")
        parts[-1] += f" {word}" if parts[-1] else word
    return [f"{n}/{len(parts)} {part}" for n, part in enumerate(parts, 1)]


def _problem(texts: Mapping[str, str], place: Place) -> str | None:
    """Why the place would not take these texts."""
    long = next((n for n, t in texts.items() if len(t) > place.limit), None)
    if long:
        return f"{long} needs {len(texts[long])} characters and {place.limit} are allowed"
    record = [n for n in texts if PART.fullmatch(n)]
    if len(record) > place.parts or (place.most is not None and len(texts) > place.most):
        return f"they need {len(texts)} texts and there is room for {min(place.parts, place.most or 0)}"
    size = sum(len(f" [{n}: {t}]".encode()) for n, t in texts.items())
    if place.total is not None and size > place.total:
        return f"they need {size} bytes and {place.total} are free"
    bad = next((n for n, t in texts.items() if place.allowed and not re.fullmatch(place.allowed, t)), None)
    return f"{bad} holds characters that are not allowed there" if bad else None
