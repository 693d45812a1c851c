"""Bugs, planted into the real product in a child process, to show that the fault matrix finds them.

And two ways to die: around the n-th write of the journal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from custom_filters.core import lifecycle, lifecycle_states, notes
from custom_filters.custodian import actions, changes, enable_action, journal, selected

NOTICE = timedelta(days=14)


def plant(name: str) -> None:
    """Plant one of BUGS, or `die-before:N`, `die-after:N`."""
    word, _, number = name.partition(":")
    if number:
        _die(word.removeprefix("die-"), int(number))
    else:
        BUGS[name]()


def _die(when: str, number: int) -> None:
    write, count = journal.Journal._store, 0

    def store(self: Any, text: str) -> None:
        nonlocal count
        count += 1
        if count == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, text)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    journal.Journal._store = store  # type: ignore[method-assign]


def _record_after_switch() -> None:
    changes.WRITE_FIRST = {"disable": False, "enable": False}  # type: ignore[attr-defined]


def _blind_restore() -> None:
    enable_action.EnableUnused.more_facts = lambda self, facts, read: facts  # type: ignore[method-assign]


def _mark_without_record() -> None:
    read = notes.read_notes

    def believe(texts: Mapping[str, str], principal: str, now: Any, **more: Any) -> Any:
        found, mark = read(texts, principal, now, **more), notes.parse_mark(texts.get("c7n-unused", ""))
        if not mark or found.record.entries:
            return found
        made = [notes.Entry("c7n-unused", mark[2] - NOTICE, mark[2], i, i) for i in more.get("ids", ())]
        return replace(found.changed(made), problems=())

    _everywhere("read_notes", believe)


def _everywhere(name: str, value: Any) -> None:
    for module in list(sys.modules.values()):
        if module.__name__.startswith("custom_filters") and hasattr(module, name):
            setattr(module, name, value)


def _short_notice() -> None:
    decide = lifecycle.decide_mark

    def hasty(facts: Any, terms: Any, now: Any) -> Any:
        return decide(facts, replace(terms, notice=terms.notice / 2), now)

    _everywhere("decide_mark", hasty)


def _silent_failure() -> None:
    act = actions.KindAction._act_on_all

    def quiet(self: Any, *given: Any) -> list[str]:
        act(self, *given)
        return []

    actions.KindAction._act_on_all = quiet  # type: ignore[method-assign]


def _no_fresh_look() -> None:
    def stale(self: Any, of: Any) -> Any:
        return selected.Fresh(**vars(of))

    actions.DisableUnused.read = stale  # type: ignore[method-assign]
    actions.DisableUnused.more_facts = lambda self, facts, read: replace(  # type: ignore[method-assign]
        facts, recent=lifecycle_states.Recent("checked")
    )


def _no_journal() -> None:
    journal.Journal._store = lambda self, text: None  # type: ignore[method-assign]


def _unreadable_is_empty() -> None:
    from custom_filters.gcp.client import Client
    from custom_filters.gcp.errors import GoogleError

    attempt = Client._attempt

    def lenient(self: Any, method: str, request: Any) -> Any:
        try:
            return attempt(self, method, request)
        except GoogleError as error:
            if "not JSON" in str(error):
                return {}
            raise

    Client._attempt = lenient  # type: ignore[method-assign]


BUGS: Mapping[str, Callable[[], None]] = {
    "record after switch": _record_after_switch,
    "restore without looking at other hands": _blind_restore,
    "a mark without a record counts": _mark_without_record,
    "notice cut short": _short_notice,
    "failures are not told": _silent_failure,
    "no fresh look before disabling": _no_fresh_look,
    "nothing is journalled": _no_journal,
    "an unreadable answer reads as empty": _unreadable_is_empty,
}
