"""Named edge cases over the wire, with stock `custodian` and the shipped enforce.yml.

Everybody was marked 15 days ago, rightly or not. The name is the user's; `end` says how it stands after the
run, `told` is part of the reason in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.azure.permissions import needed
from custom_filters.sandbox import Sandbox
from tests.azure.runs import (
    DOMAIN,
    ENFORCE,
    custodian,
    embedded,
    judged,
    marked,
    notes,
    person,
    policy,
    utc,
)

NOW = utc(2026, 6, 15, 12, 0)
PREFIX = "azure-directory-user-unused-"
Hand = Callable[[Sandbox, str], None]


@dataclass(frozen=True)
class Case:
    """`idle` and `fields` make the person, `hand` is what happens to it before the run."""

    end: str
    told: str
    idle: float | None = 200
    fields: tuple[tuple[str, Any], ...] = ()
    hand: Hand | None = None


def used(**how: Any) -> Hand:
    """A sign-in an hour ago, which signInActivity does not tell yet."""
    return lambda sandbox, upn: sandbox.azure.hand("use", upn, **how)


def enabled_by_helpdesk(sandbox: Sandbox, upn: str) -> None:
    sandbox.azure.hand("disable", upn)
    sandbox.azure.hand("enable", upn)


def case(end: str, told: str, idle: float | None = 200, hand: Hand | None = None, **fields: Any) -> Case:
    return Case(end, told, idle, tuple(fields.items()), hand)


OFF, KEPT, RELEASED = "off, recorded", "on, notice stands", "on, without notice"
CASES = {
    "stale": case(OFF, "stale: last used 200 days ago"),
    "never": case(OFF, "never-used: never used", None, licenses=("E3",)),
    "never-no-mailbox": case(OFF, "never-used", None, purpose=None),
    "just-signed-in": case(RELEASED, "active: sign-in: used 0 days ago", hand=used()),
    "just-signed-in-by-a-client": case(RELEASED, "used 0 days ago", hand=used(interactive=False)),
    "just-enabled": case(RELEASED, "new: sign-in: last used 200 days ago", hand=enabled_by_helpdesk),
    "omitted-everywhere-and-in-use": case(RELEASED, "used 0 days ago", 2, hand=used()),
    "omitted-by-the-single-read": case(KEPT, "unknown: ", 200),
    "omitted-by-the-list": case(RELEASED, "active", 2),
    "refused": case(KEPT, "unknown: sign-in: Microsoft Graph", 200),
    "synced": case(RELEASED, "disable at the source (on-premises)", synced=True),
    "synced-never": case(RELEASED, "disable at the source (on-premises)", None, synced=True),
    "restricted": case(KEPT, "", restricted=True),
    "shared-mailbox": case(RELEASED, "a shared mailbox", None, purpose="shared"),
    "room": case(RELEASED, "the mailbox of a room", None, purpose="room"),
    "hired-next-month": case(RELEASED, "new: ", None, hired=NOW + timedelta(days=30), licenses=("E3",)),
    "admin": case(RELEASED, "it holds a directory role", roles=("Global Administrator",)),
    "eligible": case(RELEASED, "it holds a directory role", eligible=("User Administrator",)),
    "guest": case(OFF, "stale", user_type="Guest", external_state="Accepted"),
    "guest-in-use": case(
        RELEASED, "used 0 days ago", hand=used(), user_type="Guest", external_state="Accepted"
    ),
    "guest-omitted-by-the-single-read": case(KEPT, "unknown: ", user_type="Guest", external_state="Accepted"),
    "guest-invited-anew": case(
        RELEASED, "new: ", None, user_type="Guest", external_state="PendingAcceptance",
        external_changed=NOW - timedelta(days=5),
    ),
    "licensed-never": case(OFF, "never-used", None, licenses=("E3",), purpose="shared"),
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    sandbox: Sandbox
    code: int
    log: str
    told: dict[str, str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    out = tmp_path_factory.mktemp("edge")
    (out / "exemptions.yml").write_text("exemptions: []\n")
    everywhere, by_list, refused = (
        f"{name}@{DOMAIN}" for name in ("omitted-everywhere-and-in-use", "omitted-by-the-list", "refused")
    )
    faults: dict[str, str | float] = {"activity_lag": 24, "omit": everywhere, "omit_list": by_list}
    with embedded(now=NOW - timedelta(hours=1), faults={**faults, "deny_user": refused}) as sandbox:
        sandbox.azure.permissions.intersection_update(p.name for p in needed(enforce=True))
        for name, one in CASES.items():
            sandbox.azure.add(person(name, NOW, one.idle, **dict(one.fields)))
            marked(sandbox, name, NOW - timedelta(days=15))
            if one.hand:
                one.hand(sandbox, f"{name}@{DOMAIN}")
        for n in range(60):
            sandbox.azure.add(person(f"busy.{n}", NOW, 2))
        sandbox.clock.set(NOW)
        omitted = (f"{start}omitted-by-the-single-read@{DOMAIN}" for start in ("", "guest-"))
        sandbox.on_request = omitting_once_listed(sandbox, "+".join(omitted))
        done = custodian(sandbox, out, ENFORCE)
        yield Run(sandbox, done.returncode, done.stderr, dict(_told(out)))


def omitting_once_listed(sandbox: Sandbox, upn: str) -> Any:
    """A hook: lists have the activity, single reads have not."""
    always = str(sandbox.faults["omit"])

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if action.startswith("GET /users") and phase == "before":
            sandbox.faults["omit"] = f"{always}+{upn}" if action == "GET /users/{id}" else always

    return hook


def _told(out: Path) -> Iterator[tuple[str, str]]:
    """User -> the reason of the last outcome."""
    for step in ("mark", "unmark", "disable"):
        journal = out / f"{PREFIX}{step}" / "c7n-unused-actions.jsonl"
        for text in journal.read_text().splitlines() if journal.exists() else ():
            line = json.loads(text)
            if line["step"] == "outcome":
                yield line["principal"]["user"].partition("@")[0], line["reason"]


def test_one_refusal_is_not_the_end(run: Run) -> None:
    assert run.code == 0, run.log


@pytest.mark.parametrize("name", CASES)
def test_everybody_ends_as_it_should(run: Run, name: str) -> None:
    held, is_on = notes(run.sandbox, name), run.sandbox.azure.person(f"{name}@{DOMAIN}").enabled
    end = OFF if not is_on and "off=" in held["c7n-unused-record"] else KEPT if held else RELEASED
    assert (end, CASES[name].told in run.told.get(name, "")) == (CASES[name].end, True), run.told.get(name)


def test_mailboxes_are_asked_for_candidates_and_the_audit_log_once(run: Run) -> None:
    calls = run.sandbox.calls
    omitted = {"omitted-everywhere-and-in-use", "omitted-by-the-list"}
    candidates = {"never-no-mailbox", "shared-mailbox", "room", *omitted}
    asked = calls["azure:batch:GET /users/{id}/mailboxSettings/userPurpose"]
    assert (asked, calls["azure:GET /auditLogs/directoryAudits"]) == (len(candidates), 1)


def test_nobody_else_was_touched(run: Run) -> None:
    off = {p.upn.partition("@")[0] for p in run.sandbox.azure.people if not p.enabled}
    assert off == {name for name, one in CASES.items() if one.end == OFF}


ALL = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]
PAGES: dict[str, tuple[dict[str, Any], str, str]] = {
    "every page has activity": ({}, "never-used", "stale"),
    "the last page has activity for nobody": ({"omit_page": 2}, "unknown", "unknown"),
}


@pytest.mark.parametrize(("faults", "never", "stale"), PAGES.values(), ids=PAGES)
def test_a_page_without_activity_says_nothing(
    tmp_path: Path, faults: dict[str, Any], never: str, stale: str
) -> None:
    """600 users are two pages; those on the second are not judged by what it leaves out."""
    with embedded(now=NOW, faults=faults) as sandbox:
        for n in range(500):
            sandbox.azure.add(person(f"busy.{n}", NOW, 2))
        sandbox.azure.add(person("stale", NOW, 200))
        sandbox.azure.add(person("never", NOW, None, licenses=("E3",)))
        done = custodian(sandbox, tmp_path, policy("p", verdicts=ALL, days=90))
        assert done.returncode == 0, done.stderr
    found = judged(tmp_path, "p")
    assert [found[name]["user_verdict"] for name in ("never", "stale", "busy.0")] == [never, stale, "active"]


def test_a_listing_without_any_activity_fails_the_policy(tmp_path: Path) -> None:
    with embedded(now=NOW, faults={"activity": "missing"}) as sandbox:
        sandbox.azure.add(person("stale", NOW, 200))
        done = custodian(sandbox, tmp_path, policy("p", days=90))
    assert done.returncode == 2
    assert "the data is missing, not the users" in done.stderr


@pytest.mark.parametrize("recent", ["auto", "required"])
def test_a_log_that_is_throttled_for_too_long_leaves_the_user_to_the_next_run(
    tmp_path: Path, recent: str
) -> None:
    """The audit log takes the one request; the sign-in log then asks for ten minutes of patience."""
    due = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
    disable = {"type": "disable-unused", "tag": "c7n-unused", "recent": recent}
    with embedded(now=NOW, faults={"log_rate": 1, "graph_429_retry_after": 600}) as sandbox:
        sandbox.azure.add(person("stale", NOW, 200))
        sandbox.azure.add(person("busy", NOW, 2))
        marked(sandbox, "stale", NOW - timedelta(days=15))
        chosen = policy("p", due, actions=[disable], exemptions="none")
        done = custodian(sandbox, tmp_path, chosen, C7N_UNUSED_PATIENCE="60")
        assert sandbox.azure.person(f"stale@{DOMAIN}").enabled
        assert notes(sandbox, "stale")["c7n-unused-record"]
    journal = (tmp_path / "p" / "c7n-unused-actions.jsonl").read_text()
    assert "has refused calls as too fast" in journal
    assert done.returncode == 0, done.stderr
