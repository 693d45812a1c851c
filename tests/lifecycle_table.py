"""The rules of the lifecycle as a table: read by people in the documentation, executed by a test.

`script` is what happens first and, as its last step, the event; `ends` what then holds. Steps are the actions
(`mark`, `unmark`, `disable`, `retire`, `restore`), `+14d` for time that passes, and words for what others do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One row: in this state, when this happens, that is done."""

    state: str
    event: str
    then: str
    script: str
    ends: str


_DUE = "mark; +14d; "
_OFF = f"{_DUE}disable; "

RULES: tuple[Rule, ...] = tuple(
    Rule(*row)
    for row in (
        ("unused, no mark", "mark", "full notice: record and mark in one write", "mark", "done on live"),
        ("no place for notes", "mark", "refused, with the set-up command", "no place; mark", "failed on"),
        ("notice runs", "mark", "nothing: the date is not pushed on", "mark; +1d; mark", "not-selected live"),
        ("notice runs", "disable", "nothing", "mark; +13d; disable", "not-selected on live"),
        ("one of two is marked", "mark", "the other gets an entry of its own", "use key; mark; +80d; mark",
         "done on live"),
        ("exempt", "mark", "not marked", "exempt; mark", "skipped on no-live"),
        ("protected", "mark", "not marked, unless `include-admins`", "protected; mark", "skipped on no-live"),
        ("root, the caller, synced, a mailbox", "mark", "not marked", "untouchable; mark",
         "skipped on no-live"),
        ("marked, exempt meanwhile", "mark or unmark", "the notice is taken off", "mark; exempt; unmark",
         "done on no-live"),
        ("marked, protected meanwhile", "mark or unmark", "the notice is taken off",
         f"{_DUE}protected; unmark", "done on no-live"),
        ("marked, locked by the cloud meanwhile", "mark or unmark", "left as it is, and said",
         "mark; locked; unmark", "skipped live"),
        ("marked, exempt meanwhile", "disable", "left on", f"{_DUE}exempt; disable", "skipped on"),
        ("marked, protected meanwhile", "disable", "left on", f"{_DUE}protected; disable", "skipped on"),
        ("marked, in use again", "unmark", "the notice is taken off", "mark; use; +1d; unmark",
         "done on no-live"),
        ("marked, in use again", "disable", "left on: use after the mark voids it",
         "mark; +13d; use; +1d; disable", "not-selected on"),
        ("marked, made anew since", "disable", "left on: the mark was about another one",
         f"{_DUE}made anew; disable", "not-selected on"),
        ("used after the mark, unused again", "mark", "renewed with full notice",
         "mark; use; +80d; mark", "done on live"),
        ("notice ran out a month ago", "disable", "left on: the mark is void",
         "mark; +46d; disable", "not-selected on"),
        ("notice ran out a month ago", "mark", "renewed with full notice",
         "mark; +46d; mark", "done on live"),
        ("marked, use unknown", "unmark", "the mark stays", "mark; unknown; unmark", "skipped live"),
        ("marked, use unknown", "disable", "left on, the mark stays", f"{_DUE}unknown; disable",
         "skipped on live"),
        ("due, last hours cannot be read this time", "disable", "left on this time",
         f"{_DUE}recent failed; disable", "skipped on live"),
        ("due, last hours cannot be read there", "disable", "switched off, and the journal says so",
         f"{_DUE}recent unavailable; disable", "done off recorded"),
        ("the same, and `recent: required`", "disable", "left on",
         f"{_DUE}recent unavailable; recent required; disable", "skipped on live"),
        ("due, cannot be switched on again, no proof that it was not reset", "disable",
         "left on, the others go", f"{_DUE}password is final; disable", "done off password-on"),
        ("the same, with proof", "disable", "switched off", f"{_DUE}password is final; proven; disable",
         "done off password-off"),
        ("due, `require-decision`, no decision", "disable", "left on",
         f"{_DUE}decision required; disable", "skipped on live"),
        ("due, `require-decision`, approved", "disable", "switched off",
         f"{_DUE}decision required; approved; disable", "done off"),
        ("due", "disable", "record first, then what can be undone, the password last; the mark goes",
         f"{_DUE}disable", "done off recorded no-live password-last"),
        ("due, the cloud refuses", "disable", "failed; it keeps its notice", f"{_DUE}refused; disable",
         "done on live unrecorded"),
        ("killed between record and switch", "report", "on, its record begun: told as open",
         f"{_DUE}kill 2; disable", "on recorded begun open"),
        ("the same", "disable", "switched off on the notice that was given",
         f"{_DUE}kill 2; disable; disable", "done off recorded settled closed"),
        ("the same, in use again", "unmark", "the record goes",
         f"{_DUE}kill 2; disable; use; +1h; unmark", "done on unrecorded closed"),
        ("the same, exempt meanwhile", "unmark", "the record goes",
         f"{_DUE}kill 2; disable; exempt; unmark", "done on unrecorded closed"),
        ("the same, a day later", "mark", "full notice once more",
         f"{_DUE}kill 2; disable; +25h; mark", "done on live unrecorded closed"),
        ("the same, a day later", "disable", "left on: others may have switched it on",
         f"{_DUE}kill 2; disable; +25h; disable", "not-selected on"),
        ("the same, a day later", "retire", "the record goes; the next mark gives full notice",
         f"{_DUE}kill 2; disable; +25h; retire", "done on unrecorded closed"),
        ("the same", "restore", "the record goes", f"{_DUE}kill 2; disable; restore",
         "done on unrecorded closed"),
        ("killed between two switches", "disable", "the other is switched off",
         f"{_DUE}kill 3; disable; disable", "done off password-off recorded settled closed"),
        ("killed after the last switch", "report", "off, its record begun: told as open",
         f"{_DUE}kill 4; disable", "off password-off recorded begun open"),
        ("the same", "unmark", "its record is completed", f"{_DUE}kill 4; disable; unmark",
         "done off recorded settled closed"),
        ("the same, on again by others", "disable", "left on", f"{_DUE}kill 4; disable; others on; disable",
         "skipped on begun"),
        ("the same", "restore", "on again", f"{_DUE}kill 4; disable; restore", "done on unrecorded closed"),
        ("killed between record and outcome", "report", "off, recorded, told as open",
         f"{_DUE}kill 5; disable; disable", "not-selected off recorded settled open"),
        ("off by us", "disable", "nothing", f"{_OFF}disable", "not-selected off recorded"),
        ("deleted meanwhile", "disable", "nothing", f"{_DUE}gone; disable", "skipped"),
        ("off by us, reads as on within a day", "retire", "nothing: a read may lag",
         f"{_OFF}others on; +1h; retire", "not-selected on recorded"),
        ("off by us, on again by others", "retire", "the record goes, journalled first",
         f"{_OFF}others on; +25h; retire", "done on unrecorded"),
        ("off by us, on again by others", "disable", "nothing before it is retired and marked anew",
         f"{_OFF}others on; +25h; disable", "not-selected on recorded"),
        ("off by us", "restore", "on again; record and notice go", f"{_OFF}restore", "done on unrecorded"),
        ("off by us, notes lost with their place", "restore", "on again, from the journal",
         f"{_OFF}no place; restore from journal", "done on"),
        ("off, the record is gone", "restore", "refused", f"{_OFF}notes gone; restore from journal",
         "failed off"),
        ("restored", "restore", "already restored", f"{_OFF}restore; restore", "skipped on"),
        ("restored", "disable", "nothing: the next mark gives full notice", f"{_OFF}restore; disable",
         "not-selected on"),
        ("off by us, others changed it since", "restore", "refused, saying who or what",
         f"{_OFF}others on; others off; restore", "failed off recorded"),
        ("the same", "restore --even-if-changed", "on again",
         f"{_OFF}others on; others off; restore even", "done on unrecorded"),
        ("off by us, the cloud refuses", "restore", "failed; the record stays", f"{_OFF}refused; restore",
         "done off recorded"),
        ("off by us, notes unreadable", "restore", "refused", f"{_OFF}nonsense record; restore",
         "failed off"),
        ("a mark without a record", "disable", "left on", "forged mark; disable", "not-selected on"),
        ("a mark without a record", "mark", "told, and replaced by full notice", "forged mark; mark",
         "done on live told"),
        ("a mark moved by hand", "disable", "left on this time", f"{_DUE}moved mark; disable",
         "not-selected on live"),
        ("a mark moved by hand", "mark", "told, and set right; the notice given stands",
         f"{_DUE}moved mark; mark; disable", "done off recorded"),
        ("the record of somebody else", "mark", "told, and replaced", "copied record; mark",
         "done on live told"),
        ("an unreadable note, in use", "unmark", "told, and emptied", "use; nonsense record; unmark",
         "done on no-live told"),
        ("an unreadable note, use unknown", "unmark", "told, and emptied",
         "unknown; nonsense record; unmark", "done on no-live told"),
        ("somebody else's mark under another tag", "mark", "left alone, and said", "their tag; mark",
         "skipped on no-live"),
    )
)  # fmt: skip


def as_markdown() -> str:
    """The rules as a Markdown table."""
    rows = [f"| {rule.state} | {rule.event} | {rule.then} |" for rule in RULES]
    return "\n".join(["| state | event | what happens |", "|---|---|---|", *rows]) + "\n"
