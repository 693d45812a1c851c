from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws import credential_report
from custom_filters.aws.credential_report import get_report, parse_report
from custom_filters.sandbox.aws.people import Password, Person, days
from custom_filters.sandbox.aws.report import COLUMNS
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import client, embedded


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded() as started:
        started.aws.add(Person("a,b", password=Password(used=days(3))))
        yield started


@pytest.fixture
def iam(sandbox: Sandbox) -> Iterator[Any]:
    sandbox.aws.forget_report()
    yield client(sandbox, "iam")
    sandbox.faults.clear()


def test_a_report_is_asked_for_waited_for_and_read(iam: Any) -> None:
    got = get_report(iam)
    assert abs(datetime.now(timezone.utc) - got.generated) < timedelta(minutes=1)
    assert set(got.rows) == {"<root_account>", "a,b"}
    assert got.rows["a,b"]["password_enabled"] == "true"


LATE: dict[str, tuple[dict[str, Any], str]] = {
    "never done": ({"report": "never"}, "state INPROGRESS|state STARTED"),
    "always expired": ({"report": "expired"}, "ReportExpired"),
    "gone when it is asked for": ({"report": "missing"}, "ReportNotPresent"),
    "done, yet in progress": ({"report": "inprogress"}, "ReportInProgress"),
    "limit reached": ({"limit-report": "on"}, "LimitExceeded"),
}


@pytest.mark.parametrize(("faults", "says"), LATE.values(), ids=LATE)
def test_what_is_not_there_in_time(
    sandbox: Sandbox, iam: Any, faults: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential_report, "_delays", lambda: iter([0.3, 0.3, 60]))
    sandbox.faults.update(faults)
    with pytest.raises(PolicyExecutionError, match=rf"within 5 seconds \(({says})\): nobody was judged"):
        get_report(iam, timeout=5)


@pytest.mark.parametrize("fault", ["expired", "missing", "inprogress"])
def test_what_gets_better_is_waited_for(sandbox: Sandbox, iam: Any, fault: str) -> None:
    asked = sandbox.calls["aws:GetCredentialReport"]
    sandbox.faults["report"] = fault

    def mend(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if sandbox.calls["aws:GetCredentialReport"] >= asked + 2:
            sandbox.faults.pop("report", None)

    sandbox.on_request = mend
    assert "a,b" in get_report(iam, timeout=20).rows
    sandbox.on_request = None


def test_an_old_report_is_not_taken(iam: Any) -> None:
    get_report(iam)
    with pytest.raises(PolicyExecutionError, match="older than report-max-age"):
        get_report(iam, timeout=0.1, max_age=-1)


def test_a_refusal_is_raised_at_once(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["deny"] = "GenerateCredentialReport"
    with pytest.raises(ClientError, match="AccessDenied"):
        get_report(iam)


def csv(*rows: str, columns: tuple[str, ...] = COLUMNS) -> bytes:
    return "\n".join([",".join(columns), *rows]).encode()


ROW = ",".join(f"{name}!" for name in COLUMNS)


def test_columns_are_found_by_name_and_unknown_ones_are_kept() -> None:
    turned = ("shoe_size", *reversed(COLUMNS))
    rows = parse_report(csv(",".join(f"{name}!" for name in turned), columns=turned))
    assert rows["user!"]["cert_2_active"] == "cert_2_active!"
    assert rows["user!"]["shoe_size"] == "shoe_size!"


@pytest.mark.parametrize("name", credential_report._REQUIRED)
def test_a_column_that_is_missing_is_named(name: str) -> None:
    fewer = tuple(column for column in COLUMNS if column != name)
    with pytest.raises(PolicyExecutionError, match=f"no column '{name}': nobody was judged"):
        parse_report(csv(columns=fewer))


@pytest.mark.parametrize("row", [ROW.rsplit(",", 1)[0], "user!", ROW + ",more"])
def test_a_row_of_the_wrong_length_says_nothing_and_the_others_count(row: str) -> None:
    assert list(parse_report(csv(row, ROW.replace("user!", "other")))) == ["other"]


def test_an_empty_report_is_refused() -> None:
    with pytest.raises(PolicyExecutionError, match="no column 'user'"):
        parse_report(b"")


def test_a_report_without_users_is_a_report() -> None:
    assert parse_report(csv()) == {}
