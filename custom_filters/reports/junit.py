"""JUnit XML, so that a CI system shows users as test cases; needs the extra `reports`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.text import visible
from custom_filters.core.verdict import UNUSED

_OF_RUN = {"pass": ("", ""), "fail": ("Failure", "account"), "unknown": ("Error", "not-evaluated")}
_OF_USER = (("Failure", UNUSED), ("Error", frozenset({"unknown"})), ("Skipped", frozenset({"exempt"})))


class Case(NamedTuple):
    """A test case; `result` is a class of junitparser, empty where the case passes."""

    name: str
    where: str
    result: str = ""
    kind: str = ""
    text: str = ""


def render(report: Report) -> Iterator[bytes]:
    """A suite an account, a case a user: unused is a failure, unknown an error, exempt skipped.

    Policies that were not evaluated are errors in a suite of their own; those that were pass and say how many
    they examined, or fail where a check of the account found something.
    """
    import junitparser

    xml = junitparser.JUnitXml("c7n-unused")
    for name, cases in _suites(report):
        suite = junitparser.TestSuite(visible(name))
        suite.add_testcases([_made(junitparser, case) for case in cases])
        if len(suite):
            xml.add_testsuite(suite)
    yield xml.tostring()


def _suites(report: Report) -> Iterator[tuple[str, Iterable[Case]]]:
    for name, evaluated in (("not evaluated", False), ("evaluated", True)):
        yield name, [_of_run(e) for e in report.evaluations if e.evaluated == evaluated]
    accounts: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for finding in report.findings:
        users = accounts.setdefault((finding["provider"], finding["account"]), {})
        users.setdefault(finding["user_id"], []).append(finding)
    for (provider, account), users in accounts.items():
        yield f"{provider} {account}", [_of_user(f"{provider}.{account}", rows) for rows in users.values()]


def _of_run(e: Evaluation) -> Case:
    return Case(e.policy or e.folder, f"{e.provider} {e.account}", *_OF_RUN[e.outcome], e.sentence)


def _of_user(where: str, rows: list[Finding]) -> Case:
    for result, verdicts in _OF_USER:
        told = [row for row in rows if row["counts_as"] in verdicts]
        if told:
            texts = (f"{r['credential']['kind']} {r['credential']['id']}: {r['reason']}" for r in told)
            found = ", ".join(sorted({row["counts_as"] for row in told}))
            return Case(rows[0]["user"], where, result, found, "; ".join(texts))
    return Case(rows[0]["user"], where)


def _made(junitparser: Any, case: Case) -> Any:
    made = junitparser.TestCase(visible(case.name), visible(case.where))
    if case.result:
        made.result = [getattr(junitparser, case.result)(visible(case.text), case.kind)]
    elif case.text:
        made.system_out = visible(case.text)
    return made
