"""The worked example of custom_filters/README.md, executed: a kind with our filters and actions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError
from c7n.registry import PluginRegistry
from c7n.utils import reset_session_cache

from custom_filters.core.credential import Identity
from custom_filters.core.population import FILE_NAME, identity_uid
from custom_filters.core.vocabulary import ANNOTATION
from custom_filters.custodian.registry import register
from tests.conftest import ROOT

README = ROOT / "custom_filters/README.md"
UNUSED = {"type": "unused-credentials", "days": 90, "exemptions": "none"}
MARK = {"type": "mark-for-op", "op": "disable-unused", "tag": "c7n-unused", "hours": 336}
UNMARK = {"type": "unmark-unused", "tag": "c7n-unused"}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
ENABLE = {"type": "enable-unused", "tag": "c7n-unused"}


def example() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return str(found)


class House:
    """The toy's resource class and its policies, on a clock that can be moved."""

    filter_registry: PluginRegistry
    action_registry: PluginRegistry
    #: Custodian's output, where it is a bucket or holds what the last run left.
    output: Any = None

    def __init__(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.filter_registry, self.action_registry = PluginRegistry("filters"), PluginRegistry("actions")
        self.toy = ModuleType("custom_filters_toy")
        exec(compile(example(), str(README), "exec"), self.toy.__dict__)
        register(self, self.toy.Badge)
        self.out, self._clock = out, monkeypatch
        self.at("2026-06-01T12:00:00Z")
        self.doors: dict[str, dict[str, Any]] = self.toy.DOORS
        for number, used in (("1", "2026-01-01T00:00:00Z"), ("2", "2026-05-31T00:00:00Z"), ("3", None)):
            badge = {"id": number, "name": f"badge.{number}", "made": "2020-01-01T00:00:00+00:00"}
            self.doors[number] = {**badge, "used": used, "on": True, "notes": {}}

    def at(self, text: str) -> None:
        """The next run begins, at this time."""
        reset_session_cache()
        self._clock.setenv("C7N_UNUSED_NOW", text)

    def select(self, *filters: dict[str, Any]) -> list[dict[str, Any]]:
        """Names' resources that pass these filters."""
        found = [json.loads(json.dumps(badge)) for badge in self.doors.values()]
        for data in filters:
            made = self.filter_registry.get(data["type"])(data, self.manager(list(filters), []))
            made.validate()
            found = made.process(found)
        return found

    def act(self, action: dict[str, Any], *filters: dict[str, Any]) -> list[str]:
        """Operation, user and result of each line that the action wrote."""
        selected = self.select(*filters)
        made = self.action_registry.get(action["type"])(action, self.manager(list(filters), [action]))
        made.validate()
        log = self.out / "c7n-unused-actions.jsonl"
        before = log.read_text().count("\n") if log.exists() else 0
        made.process(selected)
        lines = [json.loads(line) for line in log.read_text().splitlines()[before:]]
        told = [one for one in lines if one["step"] == "outcome"]
        return sorted(f"{one['operation']} {one['principal']['user']} {one['result']}" for one in told)

    def manager(self, filters: list[Any], actions: list[Any]) -> Any:
        ctx = SimpleNamespace(log_dir=str(self.out), execution_id="1", output=self.output)
        data = {"name": "toy", "resource": "toy.badge", "filters": filters, "actions": actions}
        return SimpleNamespace(data=data, ctx=ctx, config=None, type="badge", session_factory=Session)


class Session:
    """What the policies of a run share."""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


def test_the_example_is_short() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) < 60


def test_who_is_unused(house: House) -> None:
    found = {r["name"]: r[ANNOTATION]["user_verdict"] for r in house.select(UNUSED)}
    assert found == {"badge.1": "stale", "badge.3": "never-used"}


def test_mark_notice_disable_and_back(house: House) -> None:
    due = {"type": "unused-mark", "state": "due", "op": "disable-unused", "tag": "c7n-unused"}
    assert house.act(MARK, UNUSED) == ["mark badge.1 done", "mark badge.3 done"]
    assert house.select(due) == []
    house.doors["3"]["used"] = "2026-06-02T00:00:00Z"
    house.at("2026-06-16T12:00:00Z")
    assert house.act(DISABLE, due, UNUSED) == ["disable badge.1 done"]
    back = {**UNUSED, "verdicts": ["active"]}
    assert house.act(UNMARK, back) == ["unmark badge.2 skipped", "unmark badge.3 done"]
    assert {n: d["on"] for n, d in house.doors.items()} == {"1": False, "2": True, "3": True}
    assert {name for name, text in house.doors["1"]["notes"].items() if text} == {"c7n-unused-record"}
    assert house.act(ENABLE) == [
        "enable badge.1 done",
        "enable badge.2 skipped",
        "enable badge.3 skipped",
    ]
    assert house.doors["1"]["on"]
    assert not any(house.doors["1"]["notes"].values())


def test_nothing_is_done_on_a_read_after_our_own_write(house: House) -> None:
    """Reads lag: the listing shows the badge without a mark, and the notes that this run wrote count."""
    assert house.act(MARK, UNUSED) == ["mark badge.1 done", "mark badge.3 done"]
    house.doors["1"]["notes"].clear()
    absent = {"type": "unused-mark", "state": ["absent", "void"], "tag": "c7n-unused"}
    assert house.select(UNUSED, absent) == []


def test_what_cannot_be_right_is_told_and_replaced(house: House) -> None:
    house.doors["1"]["notes"]["c7n-unused"] = "never"
    with pytest.raises(PolicyExecutionError, match=r"badge\.1: mark c7n-unused is 'never'"):
        house.act(MARK, UNUSED)
    assert house.doors["1"]["notes"]["c7n-unused"] == "Unused: disable-unused@2026/06/15 1200 UTC"


def test_who_was_switched_on_by_others_is_retired_after_a_day(house: House) -> None:
    due = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
    house.act(MARK, UNUSED)
    house.at("2026-06-16T12:00:00Z")
    house.act(DISABLE, due, UNUSED)
    house.doors["1"]["on"] = True
    house.at("2026-06-17T12:01:00Z")
    reopened = {"type": "unused-record", "state": "reopened"}
    assert house.act({"type": "retire-record"}, reopened) == ["retire badge.1 done"]
    for off in ("off", False):  # False is how YAML reads the word
        assert [r["name"] for r in house.select({"type": "unused-record", "state": off})] == ["badge.3"]


def test_use_that_an_earlier_run_saw_is_not_forgotten(house: House) -> None:
    """The door's log lost its past: never is not believed, neither by a filter nor just before a change."""
    due = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
    house.act(MARK, UNUSED)
    house.at("2026-06-16T12:00:00Z")
    badge = Identity("toy", "house", "badge.1", "1", ())
    held = [{"kind": "badge", "id": "1", "last_used": "2026-01-01T00:00:00Z"}]
    (house.out / FILE_NAME).write_text(json.dumps({"uid": identity_uid(badge), "credentials": held}) + "\n{")
    house.output = SimpleNamespace(root_dir=str(house.out))
    house.doors["1"]["used"] = None
    (found,) = house.select({**UNUSED, "verdicts": ["unknown"]})
    (credential,) = found[ANNOTATION]["credentials"]
    assert credential["reason"].startswith("an earlier run saw it used at 2026-01-01T00:00:00Z, and now")
    assert house.act(DISABLE, due, UNUSED) == ["disable badge.3 done"]
    assert house.doors["1"]["on"]
