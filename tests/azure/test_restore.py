"""`c7n-unused restore` on Entra: single reads, no licence, no listing; the journal where notes are lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from custom_filters.azure.notes import APP_VARIABLE
from custom_filters.sandbox import Sandbox
from tests.azure.conftest import NOW
from tests.azure.runs import DOMAIN, custodian, embedded, marked, notes, person, policy

DUE = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused", "recent": "off"}


@pytest.fixture
def disabled(tmp_path: Path) -> Iterator[Sandbox]:
    """Two users whom a run with output in OUT disabled, an hour ago."""
    with embedded(now=NOW) as sandbox:
        for name in ("sam", "nina", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        for name in ("sam", "nina"):
            marked(sandbox, name, NOW - timedelta(days=15))
        made = policy("disable", DUE, actions=[DISABLE], exemptions="none")
        assert custodian(sandbox, tmp_path / "OUT", made).returncode == 0
        sandbox.clock.advance(timedelta(hours=1))
        sandbox.calls.clear()
        yield sandbox


def restore(sandbox: Sandbox, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "custom_filters", "restore", *args],
        env={**sandbox.child_environment(), APP_VARIABLE: sandbox.azure.app.client},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def is_on(sandbox: Sandbox, name: str) -> bool:
    return bool(sandbox.azure.person(f"{name}@{DOMAIN}").enabled)


@pytest.mark.slow
def test_one_user_by_a_dozen_requests_then_again_then_all(disabled: Sandbox, tmp_path: Path) -> None:
    disabled.faults["license"] = "missing"
    done = restore(disabled, tmp_path, "OUT", "--user", f"sam@{DOMAIN}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (is_on(disabled, "sam"), is_on(disabled, "nina")) == (True, False)
    assert notes(disabled, "sam") == {}
    calls = {name: n for name, n in disabled.calls.items() if name.startswith("azure:")}
    assert sum(calls.values()) <= 12, calls
    assert "azure:GET /users" not in calls
    again = restore(disabled, tmp_path, "OUT", "--user", f"sam@{DOMAIN}")
    assert again.returncode == 0
    assert "already restored" in again.stdout
    assert restore(disabled, tmp_path, "OUT", "--all").returncode == 0
    assert is_on(disabled, "nina")
    assert restore(disabled, tmp_path, "OUT", "--user", "nobody").returncode == 3


def test_what_others_changed_since_is_refused_by_name(disabled: Sandbox, tmp_path: Path) -> None:
    for hand in ("enable", "disable"):
        disabled.azure.hand(hand, f"sam@{DOMAIN}")
    refused = restore(disabled, tmp_path, "OUT", "--user", f"sam@{DOMAIN}")
    assert refused.returncode == 3
    assert "helpdesk@contoso.example disabled it at" in refused.stdout
    assert not is_on(disabled, "sam")
    even = restore(disabled, tmp_path, "OUT", "--user", f"sam@{DOMAIN}", "--even-if-changed")
    assert even.returncode == 0, even.stdout
    assert is_on(disabled, "sam")


def test_without_the_app_the_journal_is_enough(disabled: Sandbox, tmp_path: Path) -> None:
    disabled.azure.hand("delete-app", disabled.azure.app.client)
    done = restore(disabled, tmp_path, "OUT", "--user", f"sam@{DOMAIN}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_on(disabled, "sam")


def test_the_record_in_the_cloud_alone_is_enough_for_a_guest_too(disabled: Sandbox, tmp_path: Path) -> None:
    name = f"nina_partner.example#EXT#@{DOMAIN}"
    disabled.azure.hand("rename", f"nina@{DOMAIN}", to=name)
    done = restore(disabled, tmp_path, "-p", "azure", "--user", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert disabled.azure.person(name).enabled
