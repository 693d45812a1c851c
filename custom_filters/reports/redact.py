"""Reports for eyes that may see how many, but not who."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from custom_filters.core.exemption import is_glob
from custom_filters.core.report import Changed, Evaluation, Finding, Report
from custom_filters.core.times import parse_time

_LEFT_OUT = "(left out)"
#: Words of the sources themselves; any other text of a source may name somebody.
_WORDS = frozenset({"never", "N/A", "no_information", "No_Information", "not_supported", "true", "false"})
#: What of a journal's line names nobody.
_LINE = ("at", "run_id", "policy", "operation", "step", "result")


def redact(report: Report, key: bytes) -> Report:
    """The report with users, owners, approvers and credential ids as keyed hashes (HMAC-SHA-256).

    Equal names have equal hashes under one key. What else could name somebody (the reason of an exemption,
    the error of a policy) is left out.
    """
    return replace(
        report,
        findings=Changed(report.findings, partial(redact_finding, key=key)),
        resolved=Changed(report.resolved, partial(redact_finding, key=key)),
        users=Changed(report.users, partial(_user, key=key)),
        actions=tuple(_action(entry, key) for entry in report.actions),
        evaluations=tuple(_evaluation(e, key) for e in report.evaluations),
    )


def _evaluation(evaluation: Evaluation, key: bytes) -> Evaluation:
    found = tuple(
        replace(
            e,
            user=redact_name(e.user, key) + "*" * is_glob(e.user),
            names=tuple(redact_name(name, key) for name in e.names),
        )
        for e in evaluation.exemptions
    )
    problem = evaluation.problem and _cut(evaluation.problem)
    return replace(evaluation, problem=problem, exemptions=found)


def redact_name(name: str, key: bytes) -> str:
    """The hash that stands for a name in what is redacted with this key."""
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]


def redact_finding(finding: Finding, key: bytes) -> Finding:
    """One finding, redacted; texts that quote a name quote its hash."""
    credential, exemption = finding["credential"], finding["exemption"]
    names = [finding["user"], finding["user_id"], finding["owner"]]
    if credential["id"] != credential["kind"]:
        names.append(credential["id"])
    if exemption:
        names.append(exemption["approved_by"])
    hashes = {name: redact_name(name, key) for name in names if name}
    quoted = sorted(hashes.items(), key=lambda item: -len(item[0]))

    def text(value: str) -> str:
        for name, hashed in quoted:
            value = re.sub(re.escape(name), hashed, value, flags=re.IGNORECASE)
        return value

    return {
        **finding,
        "user": hashes[finding["user"]] if finding["user"] else "",
        "user_id": hashes[finding["user_id"]] if finding["user_id"] else "",
        "owner": hashes.get(finding["owner"]),
        "credential": {**credential, "id": hashes.get(credential["id"], credential["id"])},
        "reason": text(_cut(finding["reason"]) if finding["verdict"] == "unknown" else finding["reason"]),
        "evidence": [{**e, "value": _fact(e["value"])} for e in finding["evidence"]],
        "exemption": exemption
        and {**exemption, "reason": _LEFT_OUT, "approved_by": hashes.get(exemption["approved_by"])},
        "decision": _said(finding["decision"], "reviewer", key),
        "done": _said(finding["done"], "undo", key),
        "uid": hmac.new(key, finding["uid"].encode(), hashlib.sha256).hexdigest()[:32],
    }


def _user(user: Finding, key: bytes) -> Finding:
    """A row of a population; its credentials and reasons could quote names."""
    names = ("uid", "user", "user_id", "owner")
    hashes = {name: user[name] and redact_name(user[name], key) for name in names}
    return {**user, **hashes, "reason": _LEFT_OUT, "exemption": None, "credentials": []}


def _said(value: dict[str, Any] | None, name: str, key: bytes) -> dict[str, Any] | None:
    hashed = value and value[name] and redact_name(value[name], key)
    return value and {**value, "reason": _LEFT_OUT, name: hashed}


def _action(entry: Mapping[str, Any], key: bytes) -> Mapping[str, Any]:
    """A line of the journal, as far as sums need it."""
    gone = {"credential": None, "reason": _LEFT_OUT, "undo": None, "after": None}
    return {**redact_line(entry, key), **gone}


def _cut(text: str) -> str:
    """A sentence without what follows its first colon: there it quotes a cloud, or a file."""
    kind, _, rest = text.partition(": ")
    return f"{kind}: {_LEFT_OUT}" if rest else kind


def _fact(value: str | None) -> str | None:
    """What a source said, when it is a date or one of its own words."""
    if value is None or value in _WORDS:
        return value
    try:
        parse_time(value)
    except ValueError:
        return _LEFT_OUT
    return value


def redact_line(line: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """A line of a journal, with nothing in it but what was done, when, and to which hash."""
    who, credential = line.get("principal") or {}, line.get("credential") or {}
    hashed = {name: redact_name(str(who[name]), key) for name in ("user", "user_id") if who.get(name)}
    return {
        **{name: line[name] for name in _LINE if name in line},
        "principal": {**{name: who.get(name) for name in ("provider", "account")}, **hashed},
        "credential": {"kind": credential.get("kind"), "id": redact_name(str(credential.get("id")), key)},
    }
