"""JUnit XML, so that a CI system shows users as test cases; needs the extra `reports`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.text import visible
from custom_filters.core.verdict import UNUSED


def render(report: Report) -> Iterator[bytes]:
    """A suite an account, a case a user: unused is a failure, unknown an error, exempt skipped.

    Policies that were not evaluated are errors in a suite of their own; those that were pass and say how many
    they examined, or fail where a check of the account found something.
    """
    import junitparser

    xml = junitparser.JUnitXml("c7n-unused")
    for name, evaluated in (("not evaluated", False), ("evaluated", True)):
        suite = junitparser.TestSuite(name)
        suite.add_testcases([_policy(e) for e in report.evaluations if e.evaluated == evaluated])
        if len(suite):
            xml.add_testsuite(suite)
    for (provider, account), users in _accounts(report).items():
        suite = junitparser.TestSuite(visible(f"{provider} {account}"))
        suite.add_testcases([_user(f"{provider}.{account}", rows) for rows in users.values()])
        xml.add_testsuite(suite)
    yield xml.tostring()


def _policy(e: Evaluation) -> Any:
    import junitparser

    case = _case(e.policy or e.folder, f"{e.provider} {e.account}")
    sentence = visible(e.sentence)
    if e.outcome == "pass":
        case.system_out = sentence
    elif e.outcome == "fail":
        case.result = [junitparser.Failure(sentence, "account")]
    else:
        case.result = [junitparser.Error(sentence, "not-evaluated")]
    return case


def _accounts(report: Report) -> dict[tuple[str, str], dict[str, list[Finding]]]:
    accounts: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for finding in report.findings:
        users = accounts.setdefault((finding["provider"], finding["account"]), {})
        users.setdefault(finding["user_id"], []).append(finding)
    return accounts


def _case(name: str, where: str) -> Any:
    import junitparser

    return junitparser.TestCase(visible(name), visible(where))


def _user(where: str, rows: list[Finding]) -> Any:
    import junitparser

    case = _case(rows[0]["user"], where)
    verdicts = {row["counts_as"] for row in rows}
    kinds = (
        (junitparser.Failure, sorted(verdicts & UNUSED)),
        (junitparser.Error, sorted(verdicts & {"unknown"})),
        (junitparser.Skipped, sorted(verdicts & {"exempt"})),
    )
    for kind, found in kinds:
        if found:
            result = kind(visible(_sentences(rows, found)), ", ".join(found))
            case.result = [result]
            break
    return case


def _sentences(rows: list[Finding], verdicts: list[str]) -> str:
    told = (r for r in rows if r["counts_as"] in verdicts)
    return "; ".join(f"{r['credential']['kind']} {r['credential']['id']}: {r['reason']}" for r in told)
