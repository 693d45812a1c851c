"""JUnit XML, so that a CI system shows users as test cases; needs the extra `reports`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Finding, Report, effective_verdict
from custom_filters.core.text import visible
from custom_filters.core.verdict import UNUSED


def render(report: Report) -> Iterator[bytes]:
    """A suite an account, a case a user: unused is a failure, unknown an error, exempt skipped.

    Policies that were not evaluated are errors in a suite of their own.
    """
    import junitparser

    xml = junitparser.JUnitXml("c7n-unused")
    failed = junitparser.TestSuite("not evaluated")
    for e in report.not_evaluated:
        case = _case(e.policy or e.folder, f"{e.provider} {e.account}")
        case.result = [junitparser.Error(visible(e.problem or ""), "not-evaluated")]
        failed.add_testcase(case)
    if report.not_evaluated:
        xml.add_testsuite(failed)
    for (provider, account), users in _accounts(report).items():
        suite = junitparser.TestSuite(visible(f"{provider} {account}"))
        suite.add_testcases([_user(f"{provider}.{account}", rows) for rows in users.values()])
        xml.add_testsuite(suite)
    yield xml.tostring()


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
    verdicts = {effective_verdict(row) for row in rows}
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
    told = (r for r in rows if effective_verdict(r) in verdicts)
    return "; ".join(f"{r['credential']['kind']} {r['credential']['id']}: {r['reason']}" for r in told)
