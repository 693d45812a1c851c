"""What the fault matrix plays on: the same small company in each of the six kinds, filled and read alike.

Names tell the truth about their bearers (see COMPANY), so that invariants need no memory of their own.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import yaml

from custom_filters.azure.notes import APP_VARIABLE
from custom_filters.core.notes import Entry, Item, Notes, Record, read_notes
from custom_filters.core.notes_writing import Place, render
from custom_filters.gcp.description import parse_description
from custom_filters.gcp.schema import SCHEMA, field_of
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Key, Password, Person, Role, days
from custom_filters.sandbox.aws.roles import DENY_ALL
from tests.aws.runs import ROOT
from tests.azure import runs as azure
from tests.gcp import runs as gcp

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
TAG = "c7n-unused"
DAY = timedelta(days=1)


class Member(NamedTuple):
    """Days since the last use (None: never), and what our notes say."""

    idle: float | None
    notes: str = ""


COMPANY: Mapping[str, Member] = {
    "stale": Member(200),
    "never": Member(None),
    "back": Member(1, "due"),  # to be unmarked
    "pending": Member(200, "pending"),  # its notice runs for eleven more days
    "due-1": Member(200, "due"),
    "due-2": Member(None, "due"),
    "reopened": Member(200, "off"),  # off by us three days ago, on again by others
    "off-1": Member(200, "off"),
    "off-2": Member(None, "off"),
    "theirs": Member(300),  # off, not by us
    "active": Member(1),
}
#: What the notes say -> marked, until, switched off; in days from now.
NOTES = {"pending": (-3, 11, None), "due": (-15, -1, None), "off": (-20, -6, -3)}
OPERATIONS = ("report", "mark", "unmark", "disable", "retire", "restore")
#: The identities that an operation is for.
FOR: Mapping[str, tuple[str, ...]] = {
    "report": (), "mark": ("stale", "never"), "unmark": ("back",), "disable": ("due-1", "due-2"),
    "retire": ("reopened",), "restore": ("off-1", "off-2"),
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """An identity as it is: its credentials on or off, our notes, its id, and the owner's own words."""

    on: Mapping[Item, bool]
    notes: Notes
    id: str
    text: str = ""

    @property
    def summary(self) -> tuple[Any, ...]:
        """What has to be the same in the end, whenever it happened."""
        notes = self.notes
        marked, off = ({e.item for e in some} for some in (notes.live(), notes.off()))
        return dict(self.on), marked, off, bool(notes.texts.get(TAG)), bool(notes.problems), self.text


def texts_of(principal: str, items: Iterable[Item], said: str) -> dict[str, str]:
    """Our notes as an earlier run left them."""
    if not said:
        return {}
    marked, until, off = (None if d is None else NOW + d * DAY for d in NOTES[said])
    assert marked
    assert until
    entries = [Entry(TAG, marked, until, i.kind, i.id, off) for i in items]
    messages = {} if off else {TAG: "Unused"}
    made = render(Notes(Record(principal)).changed(entries, **messages), Place(256, parts=9))
    return {name: text for name, text in made.items() if text}


class Stage(ABC):
    """A kind in its cloud. `prefix` begins the names of its policies; `spell` names an identity's user."""

    name: ClassVar[str]
    cloud: ClassVar[str]
    resource: ClassVar[str]
    prefix: ClassVar[str]
    files: ClassVar[tuple[str, str]]  # report, enforce
    atomic: ClassVar[bool] = False
    source: ClassVar[str | None] = None

    def sandbox(self, seed: int) -> Sandbox:
        """A company that was filled an hour ago."""
        return Sandbox(Settings(users=0, seed=seed, now=NOW - timedelta(hours=1), clouds=(self.cloud,)))

    def environment(self, sandbox: Sandbox) -> dict[str, str]:
        """What a run needs."""
        return sandbox.child_environment()

    @abstractmethod
    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        """Put the company in."""

    @abstractmethod
    def state(self, sandbox: Sandbox) -> dict[str, Thing]:
        """The company as it is, past every fault."""

    @abstractmethod
    def write(self, sandbox: Sandbox, name: str, texts: Mapping[str, str]) -> None:
        """Somebody else writes notes."""

    @abstractmethod
    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        """Somebody else acts: enable, disable, use, delete, recreate, rename."""

    def user(self, sandbox: Sandbox, name: str) -> str:
        """How findings and exemptions call the identity."""
        return name

    def policies(self, folder: Path, operations: Sequence[str], *, off: bool = False) -> Path:
        """The shipped policies for these operations; `off`: and the report of what we switched off."""
        report, enforce = (_shipped(f"policies/{self.cloud}/{file}") for file in self.files)
        wanted = [p for operation in operations for p in self._of(operation, report, enforce)]
        wanted += [p for p in report if off and p["name"].endswith("-off") and p not in wanted]
        (folder / "exemptions.yml").write_text("exemptions: []\n")
        path = folder / f"{'-'.join(operations)}{'-off' * off}.json"
        path.write_text(json.dumps({"policies": wanted}).replace('"complete": true', '"complete": false'))
        return path

    def _of(self, operation: str, report: list[Any], enforce: list[Any]) -> Iterator[dict[str, Any]]:
        ends = {"mark": "-mark", "unmark": "-unmark", "disable": "-disable", "retire": "-reopened"}
        mine = [p for p in [*report, *enforce] if p["resource"] == self.resource and self._mine(p)]
        if operation == "report":
            yield from (p for p in mine if p in report)
        elif operation == "restore":
            policy = {"name": f"{self.prefix.rstrip('-')}-restore", "resource": self.resource,
                      "filters": [{"tag:c7n-unused-record": "present"}] if self.source else [],
                      "actions": [{"type": "enable-unused", "tag": TAG}]}  # fmt: skip
            yield {**policy, "source": self.source} if self.source else policy
        else:
            yield from (p for p in mine if p["name"].endswith(ends[operation]))

    def _mine(self, policy: Mapping[str, Any]) -> bool:
        return policy["name"].startswith(self.prefix)


def _shipped(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / file).read_text())["policies"]
    return found


class Users(Stage):
    """IAM users with a password and a key, or a key alone."""

    name, cloud, resource, prefix = "aws iam-user", "aws", "aws.iam-user", "aws-iam-user"
    files, source = ("report.yml", "enforce.yml"), "unused-bulk"

    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        for name, (idle, said) in company.items():
            off = said == "off" and name != "reopened"
            used = None if idle is None else days(idle)
            password = Password(used=used) if name in {"due-1", "stale", "active"} else None
            keys = (
                Key(used=used, active=not off and name != "theirs"),
                Key(used=used and days(250), active=not off),
            )
            sandbox.aws.add(
                Person(name, created=days(400), password=password, keys=keys[: 2 - (name == "theirs")])
            )
            self.write(
                sandbox, name, texts_of(self._user(sandbox, name).id, self._items(sandbox, name), said)
            )

    def _user(self, sandbox: Sandbox, name: str) -> Any:
        return sandbox.aws.user(name)

    def _items(self, sandbox: Sandbox, name: str) -> dict[Item, bool]:
        user = self._user(sandbox, name)
        keys = {Item("access-key", k.access_key_id): k.status == "Active" for k in user.access_keys}
        return {**keys, **({Item("password", "password"): True} if user.password else {})}

    def state(self, sandbox: Sandbox) -> dict[str, Thing]:
        found = {}
        for name, user in sandbox.aws.snapshot().items():
            key = self._user(sandbox, name).id
            notes = read_notes(user["tags"], key, sandbox.clock.now())
            found[name] = Thing(self._items(sandbox, name), notes, key)
        return found

    def write(self, sandbox: Sandbox, name: str, texts: Mapping[str, str]) -> None:
        sandbox.aws.account().backend.tag_user(name, [{"Key": k, "Value": v} for k, v in texts.items()])

    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        names = {"enable": "enable-key", "disable": "disable-key", "use": "use-key", "rename": "UpdateUser"}
        more = {"NewUserName": f"{name}-renamed"} if hand == "rename" else {}
        sandbox.aws.hand(names.get(hand, hand), name, **more)


class Roles(Stage):
    """IAM roles; off is a policy that denies everything."""

    name, cloud, resource, prefix = "aws iam-role", "aws", "aws.iam-role", "aws-iam-role"
    files, source = ("roles-report.yml", "roles-enforce.yml"), "unused-bulk"
    item = Item("role", "role")
    deny = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "C7nUnusedQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*"}]})  # fmt: skip

    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        for name, (idle, said) in company.items():
            if name == "theirs":  # nobody switches a role off but us
                continue
            born, used = (days(250), None) if idle is None else (days(900), days(idle))
            inline = {"c7n-unused-quarantine": self.deny} if said == "off" and name != "reopened" else {}
            sandbox.aws.add(Role(name, created=born, used=used, inline=inline))
            role = sandbox.aws.account().backend.get_role(name)
            self.write(sandbox, name, texts_of(role.id, [self.item], said))

    def state(self, sandbox: Sandbox) -> dict[str, Thing]:
        found = {}
        for name, role in sandbox.aws.roles().items():
            key = sandbox.aws.account().backend.get_role(name).id
            on = not any("C7nUnusedQuarantine" in text for text in role["inline"].values())
            found[name] = Thing({self.item: on}, read_notes(role["tags"], key, sandbox.clock.now()), key)
        return {name: thing for name, thing in found.items() if name != TAG}

    def write(self, sandbox: Sandbox, name: str, texts: Mapping[str, str]) -> None:
        sandbox.aws.account().backend.tag_role(name, [{"Key": k, "Value": v} for k, v in texts.items()])

    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        backend = sandbox.aws.account().backend
        if hand == "use":
            sandbox.aws.hand("use-role", name)
        elif hand in {"enable", "disable"}:
            there = "c7n-unused-quarantine" in backend.get_role(name).policies
            if hand == "enable" and there:
                sandbox.aws.hand("DeleteRolePolicy", name, PolicyName="c7n-unused-quarantine")
            elif hand == "disable":
                sandbox.aws.hand("PutRolePolicy", name, PolicyName="foreign-deny", PolicyDocument=DENY_ALL)
        else:
            role = backend.get_role(name)
            backend.roles.pop(next(key for key, one in backend.roles.items() if one is role))
            if hand == "recreate":
                sandbox.aws.add(Role(name, created=sandbox.clock.now()))


class Entra(Stage):
    """Entra users."""

    name, cloud, resource, prefix = "entra user", "azure", "azure.directory-user", "azure-directory-"
    files, atomic = ("report.yml", "enforce.yml"), True
    item = Item("sign-in", "sign-in")

    def environment(self, sandbox: Sandbox) -> dict[str, str]:
        return {**sandbox.child_environment(), APP_VARIABLE: sandbox.azure.app.client}

    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        azure.set_up(sandbox)
        for name, (idle, said) in company.items():
            enabled = name != "theirs" and (said != "off" or name == "reopened")
            someone = azure.person(name, NOW, idle, enabled=enabled)
            sandbox.azure.add(someone)
            self.write(sandbox, name, texts_of(someone.id, [self.item], said))
            if said == "off":  # our own doing stands in the audit log
                sandbox.clock.set(NOW - 3 * DAY)
                sandbox.azure.tenant.note("Disable account", someone)
                sandbox.clock.set(NOW - timedelta(hours=1))

    def state(self, sandbox: Sandbox) -> dict[str, Thing]:
        found = {}
        for someone in sandbox.azure.people:
            name = someone.upn.partition("@")[0]
            notes = read_notes(azure.notes(sandbox, name), someone.id, sandbox.clock.now())
            found[name] = Thing({self.item: someone.enabled}, notes, someone.id)
        return found

    def write(self, sandbox: Sandbox, name: str, texts: Mapping[str, str]) -> None:
        for note, text in texts.items():
            azure.write_note(sandbox, name, note, text or None)

    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        more = {"to": self.user(sandbox, f"{name}-renamed")} if hand == "rename" else {}
        sandbox.azure.hand(hand, self.user(sandbox, name), **more)

    def user(self, sandbox: Sandbox, name: str) -> str:
        return f"{name}@{azure.DOMAIN}"


class Workspace(Stage):
    """Google Workspace users."""

    name, cloud, resource, prefix = "workspace user", "gcp", "gcp.directory-user", "gcp-directory-user"
    files, atomic = ("report.yml", "enforce.yml"), True
    item = Item("sign-in", "sign-in")

    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        gcp.add_schema(sandbox.gcp, NOW - 99 * DAY)
        for name, (idle, said) in company.items():
            off = name == "theirs" or (said == "off" and name != "reopened")
            more = {"suspended_at": NOW - 3 * DAY, "suspension_reason": "ADMIN"} if off else {}
            someone = gcp.person(name, NOW, idle, suspended=off, **more)
            sandbox.gcp.add(someone)
            self.write(sandbox, name, texts_of(someone.id, [self.item], said))

    def state(self, sandbox: Sandbox) -> dict[str, Thing]:
        people = (p for p in sandbox.gcp.state.people.values() if p.case != "own-subject")
        return {p.email.partition("@")[0]: self._thing(sandbox, p) for p in people}

    def _thing(self, sandbox: Sandbox, someone: Any) -> Thing:
        held = someone.custom.get(SCHEMA, {})
        texts = {name.replace("_", "-"): text for name, text in held.items() if text}
        notes = read_notes(texts, someone.id, sandbox.clock.now())
        return Thing({self.item: not someone.suspended}, notes, someone.id)

    def write(self, sandbox: Sandbox, name: str, texts: Mapping[str, str]) -> None:
        someone = sandbox.gcp.state.person(self.user(sandbox, name))
        held = {**someone.custom.get(SCHEMA, {}), **{field_of(n): t for n, t in texts.items()}}
        sandbox.gcp.state.change(someone, custom={**someone.custom, SCHEMA: held})

    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        more = {"to": f"{name}-renamed@{gcp.DOMAIN}"} if hand == "rename" else {}
        sandbox.gcp.hand(hand, self.user(sandbox, name), **more)

    def user(self, sandbox: Sandbox, name: str) -> str:
        return f"{name}@{gcp.DOMAIN}"


class Accounts(Stage):
    """Service accounts, whose owners wrote descriptions."""

    name, cloud, resource, prefix = "service account", "gcp", "gcp.service-account", "gcp-service-account-"
    files = ("report.yml", "enforce.yml")
    item = Item("service-account", "service-account")

    def _mine(self, policy: Mapping[str, Any]) -> bool:
        return not policy["name"].startswith("gcp-service-account-key")

    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        for name, (idle, said) in company.items():
            off = name == "theirs" or (said == "off" and name != "reopened")
            one = gcp.account(sandbox, name, NOW, idle, description=f"Owner's words on {name}", disabled=off)
            sandbox.gcp.add(one)
            self.write(sandbox, name, texts_of(one.unique_id, [self.item], said))

    def state(self, sandbox: Sandbox) -> dict[str, Thing]:
        accounts = sandbox.gcp.state.accounts.values()
        return {a.email.partition("@")[0]: self._thing(sandbox, a) for a in accounts if not a.case}

    def _thing(self, sandbox: Sandbox, one: Any) -> Thing:
        described = parse_description(one.description)
        notes = read_notes(described.notes, one.unique_id, sandbox.clock.now())
        return Thing({self.item: not one.disabled}, notes, one.unique_id, described.text)

    def _account(self, sandbox: Sandbox, name: str) -> Any:
        return sandbox.gcp.state.account(self.user(sandbox, name))

    def write(self, sandbox: Sandbox, name: str, texts: Mapping[str, str]) -> None:
        one = self._account(sandbox, name)
        described = parse_description(one.description).changed(texts).render()
        sandbox.gcp.state.change(one, description=described)

    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        sandbox.gcp.hand(hand, self.user(sandbox, name))
        if hand == "recreate":  # Policy Analyzer observes what is new from its first day on
            sandbox.gcp.state.change(self._account(sandbox, name), observed_days=0)

    def user(self, sandbox: Sandbox, name: str) -> str:
        return f"{name}@{sandbox.gcp.company.projects[0].id}.iam.gserviceaccount.com"


class Keys(Accounts):
    """A key of each of those accounts, whose record stands in the account's description."""

    name, resource = "service-account key", "gcp.service-account-key"
    prefix = "gcp-service-account-key"

    def _mine(self, policy: Mapping[str, Any]) -> bool:
        return policy["name"].startswith(self.prefix)

    def fill(self, sandbox: Sandbox, company: Mapping[str, Member] = COMPANY) -> None:
        for number, (name, (idle, said)) in enumerate(company.items()):
            one = gcp.account(sandbox, name, NOW, 1, description=f"Owner's words on {name}")
            off = name == "theirs" or (said == "off" and name != "reopened")
            held = replace(gcp.key(one, f"{number:x}aaaaaa", NOW, idle), disabled=off)
            sandbox.gcp.add(one, held)
            self.write(sandbox, name, texts_of(one.unique_id, [Item("service-account-key", held.id)], said))

    def _keys(self, sandbox: Sandbox, one: Any) -> list[Any]:
        return [k for k in sandbox.gcp.state.keys_of(one) if not k.case]

    def _thing(self, sandbox: Sandbox, one: Any) -> Thing:
        described, keys = parse_description(one.description), self._keys(sandbox, one)
        ids = [k.id for k in keys]
        notes = read_notes(described.notes, one.unique_id, sandbox.clock.now(), ids=ids)
        on = {Item("service-account-key", k.id): not k.disabled for k in keys}
        return Thing({**on, Accounts.item: not one.disabled}, notes, one.unique_id, described.text)

    def hand(self, sandbox: Sandbox, hand: str, name: str) -> None:
        one = self._account(sandbox, name)
        [key] = self._keys(sandbox, one)
        more = {"reason": "EXPOSED"} if hand == "disable" else {}
        sandbox.gcp.hand(hand, one.email if hand == "recreate" else key.id, **more)


STAGES: Mapping[str, Stage] = {
    s.name: s for s in (Users(), Roles(), Entra(), Workspace(), Accounts(), Keys())
}
