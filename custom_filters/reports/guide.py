"""What a finding asks for: in words, and as an event for security tools, as policy runs are too."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import quote

from custom_filters.core.finding import stable_uid
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.times import format_optional, parse_time
from custom_filters.core.verdict import UNUSED

#: Every verdict in a sentence.
MEANINGS = {
    "stale": "It was used, but not for as many days as the policy asks for.",
    "never-used": "Every source that was asked says that it was never used, and it is old enough to count.",
    "unknown": "A source failed, was late or partial, or none covers it. It is never acted on.",
    "new": "It is too young, or was rotated too lately, to count.",
    "exempt": "Somebody approved that the user is left alone, with a reason and an end.",
    "active": "A source saw it in use within the days that the policy asks for.",
    "disabled": "It is switched off already.",
    "no-credentials": "The user exists, and holds nothing that is switched on.",
}
_EXPLAIN = "c7n-unused explain OUT --user USER"
_CONSOLES = {
    "aws user": "https://console.aws.amazon.com/iam/home#/users/details/{user}?section=security_credentials",
    "aws role": "https://console.aws.amazon.com/iam/home#/roles/details/{user}",
    "azure user": "https://entra.microsoft.com/#view/Microsoft_AAD_UsersAndTenants/UserProfileMenuBlade"
    "/~/overview/userId/{user_id}",
    "gcp user": "https://admin.google.com/ac/users/{user_id}",
    "gcp service": "https://console.cloud.google.com/iam-admin/serviceaccounts/details/{user_id}"
    "?project={account}",
}


class Step(NamedTuple):
    """What to do, and the command for it (empty: none)."""

    what: str
    command: str


def step_of(finding: Finding) -> Step:
    """What a reviewer does about this finding; USER stands for the user in the command."""
    verdict, phase, provider = finding["counts_as"], finding["phase"], finding["provider"]
    count = finding["licences"]
    paid = f" Licences assigned: {count}; disabling alone frees none, take them off." if count else ""
    if phase == "disabled":
        told = f"It is off. Restore it if somebody misses it.{paid}"
        return Step(told, "c7n-unused restore OUT --user USER")
    if verdict in UNUSED and phase == "marked":
        return Step(f"Notice is running. Tell the owner; using it takes the mark off.{paid}", _EXPLAIN)
    if verdict in UNUSED:
        told = f"Decide. The enforcing policies mark it first, and switch it off after the notice.{paid}"
        return Step(told, f"c7n-unused run -p {provider} --enforce")
    if verdict == "unknown":
        return Step("Find out why its use is not known.", f"c7n-unused doctor -p {provider}")
    if verdict == "exempt":
        return Step("Before the exemption ends, renew it or let it end.", "")
    return Step("Nothing.", _EXPLAIN)


def remedy(finding: Finding) -> str:
    """The step and its command as one text."""
    what, command = step_of(finding)
    user = shlex.quote(finding["user"] or finding["user_id"])
    return f"{what} {command.replace('USER', user)}".strip()


def console_of(finding: Finding) -> str:
    """The user's page in the cloud's console, with {fields} to fill in; empty where none is known."""
    kind = finding["credential"]["kind"]
    place = "role" if kind == "role" else "user"
    if kind.startswith(("service-account", "hmac", "bound")):
        place = "service"
    return _CONSOLES.get(f"{finding['provider']} {place}", "")


def console_link(finding: Finding) -> str:
    """The page of the user in the cloud's console; empty where none is known."""
    names = {name: quote(finding[name] or "", safe="") for name in ("user", "user_id", "account")}
    return console_of(finding).format(**names)


def user_arn(finding: Finding, partition: str = "aws") -> str:
    """The ARN of an AWS user or role, without its path, which a finding does not hold."""
    user = finding["user"] or finding["user_id"]
    if user == "<root_account>":
        return f"arn:{partition}:iam::{finding['account']}:root"
    kind = "role" if finding["credential"]["kind"] == "role" else "user"
    return f"arn:{partition}:iam::{finding['account']}:{kind}/{user}"


Severity = Literal["Informational", "Low", "Medium", "High"]
Outcome = Literal["pass", "fail", "unknown"]
#: The time of what never started, where a format needs one.
EPOCH = "1970-01-01T00:00:00Z"
#: Changes after which nothing is left to do.
_CLOSED = ("resolved", "reactivated")
_OF_RUN: dict[Outcome, Severity] = {"pass": "Informational", "fail": "Medium", "unknown": "Low"}


@dataclass(frozen=True)
class Event:
    """One finding, or one policy run (`finding` is None). Times are RFC 3339, `first` <= `at`."""

    uid: str
    provider: str
    account: str
    region: str
    policy: str
    title: str
    text: str
    severity: Severity
    outcome: Outcome
    first: str
    at: str
    remedy: str
    change: str | None = None
    finding: Finding | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.change in _CLOSED

    @property
    def link(self) -> str:
        """The user's page in the cloud's console, or an empty text."""
        return console_link(self.finding) if self.finding else ""


def events(report: Report) -> Iterator[Event]:
    """Policy runs, then credentials, then what is resolved."""
    as_of = format_optional(report.as_of)
    for evaluation in report.evaluations:
        yield _of_run(evaluation, format_optional(evaluation.started) or as_of or EPOCH)
    for finding in report.findings:
        yield _of_finding(finding, finding["change"], finding["as_of"])
    for finding in report.resolved:
        yield _of_finding(finding, "resolved", as_of or finding["as_of"])


def _of_run(e: Evaluation, at: str) -> Event:
    uid = stable_uid([*e.scope, e.region])
    told = (e.policy, f"{e.policy or e.folder}: {e.outcome}", e.sentence)
    doctor = f"Look at the policy and its log, and run c7n-unused doctor -p {e.provider or 'aws'}."
    return Event(uid, e.provider, e.account, e.region, *told, _OF_RUN[e.outcome], e.outcome, at, at, doctor)


def _of_finding(finding: Finding, change: str | None, at: str) -> Event:
    verdict, own = finding["counts_as"], finding["verdict"]
    severity: Severity = "Low" if verdict == "unknown" else "Informational"
    if verdict in UNUSED:
        severity = "High" if finding["privileged"] else "Medium"
    outcome: Outcome = "fail" if own in UNUSED else "unknown" if own == "unknown" else "pass"
    if change in _CLOSED:
        outcome = "pass"
    first = min(finding["first_seen"] or finding["as_of"], at, key=parse_time)
    title = f"{finding['credential']['kind']} of {finding['user']}: {verdict}"
    told = (finding["policy"], title, finding["reason"], severity, outcome, first, at, remedy(finding))
    return Event(finding["uid"], finding["provider"], finding["account"], "", *told, change, finding)
