"""Usage reports that together reach back over the threshold, and the activities of the last hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.core.evidence import NeverUsed, Unknown, Used
from custom_filters.core.judge import Rules
from custom_filters.gcp.client import Client
from custom_filters.gcp.recent_use import ACTIVITIES, get_recent_use
from custom_filters.gcp.roles import ASSIGNMENTS, MEMBERS, get_holders
from custom_filters.gcp.usage_reports import USAGE, Usage, get_usage, transform_day
from custom_filters.sandbox.gcp.people import Group, RoleAssignment
from tests.gcp.conftest import NOW, Direct
from tests.gcp.runs import account, person

REPORT = "gcp:admin.reports.userUsageReport.get"


@pytest.mark.parametrize(("days", "reports"), [(30, 1), (90, 4), (180, 7), (400, 14)])
def test_one_report_for_every_30_days(empty: Direct, days: int, reports: int) -> None:
    client = Client(empty.session(), USAGE)
    usage = get_usage(client, "my_customer", NOW, timedelta(days=days))
    assert (len(usage.days), usage.gap, empty.calls[REPORT]) == (reports, None, reports)
    assert usage.days[-1].begins <= NOW - timedelta(days=days)
    between = zip(usage.days, usage.days[1:], strict=False)
    assert all(older.until >= newer.begins for newer, older in between)


def days_ago(days: float) -> Any:
    return NOW - timedelta(days=days)


MAIL = {
    "used at the edge of what four reports reach": (person("a", NOW, 300, last_imap=days_ago(89)), Used),
    "used before the last report": (person("a", NOW, 300, last_webmail=days_ago(60)), Used),
    "never": (person("a", NOW, None), NeverUsed),
    "made 60 days ago, never": (person("a", NOW, None, created=days_ago(60)), NeverUsed),
}


@pytest.mark.parametrize(("someone", "kind"), MAIL.values(), ids=MAIL)
def test_omitted_in_one_report_is_not_never(empty: Direct, someone: Any, kind: type) -> None:
    empty.faults["gmail_window"] = 30
    empty.cloud.add(someone)
    usage = get_usage(Client(empty.session(), USAGE), "my_customer", NOW, timedelta(days=90))
    user = {"id": someone.id, "creationTime": someone.created.isoformat()}
    found = usage.evidence(user, NOW, Rules(90))
    assert {type(e) for e in found} == {kind}
    dates = [e.at for e in found if isinstance(e, Used)]
    newest = max(d for d in (someone.last_imap, someone.last_webmail, NOW) if d)
    assert not dates or max(dates) in {newest, someone.last_imap, someone.last_webmail}


def rows(*values: dict[str, Any], user: str = "1") -> list[dict[str, Any]]:
    return [{"usageReports": [{"entity": {"profileId": user}, "parameters": list(values)}]}]


def sign_ins(text: str = "1970-01-01T00:00:00.000Z") -> tuple[dict[str, Any], ...]:
    names = ("accounts:last_login_time", "accounts:last_sso_time")
    return tuple({"name": name, "datetimeValue": text} for name in names)


SAID = {
    "a sign-in that is left out": (sign_ins()[:1], "lacks accounts:last_sso_time"),
    "a date that is none": (
        ({"name": "gmail:timestamp_last_pop", "intValue": "17"}, *sign_ins()),
        "last-used date",
    ),
    "mail sent that day": (
        ({"name": "gmail:num_emails_sent", "intValue": "3"}, *sign_ins()),
        "3 on 2026-06-12",
    ),
}


@pytest.mark.parametrize(("values", "told"), SAID.values(), ids=SAID)
def test_what_a_report_says(values: tuple[dict[str, Any], ...], told: str) -> None:
    day = transform_day((NOW - timedelta(days=3)).date(), rows(*values))
    user = {"id": "1", "creationTime": days_ago(900).isoformat()}
    found = Usage((day,)).evidence(user, NOW, Rules(20))
    statement = next(e for e in found if not isinstance(e, NeverUsed))
    assert told in (statement.reason if isinstance(statement, Unknown) else statement.value or "")


def test_a_gap_between_reports_is_unknown(empty: Direct) -> None:
    """The report about 30 days before warns, and so do its neighbours."""
    newest = transform_day((NOW - timedelta(days=3)).date(), rows(*sign_ins()))
    user = {"id": "1", "creationTime": days_ago(900).isoformat()}
    (found,) = Usage((newest,), "Google warns").evidence(user, NOW, Rules(90))
    assert isinstance(found, Unknown)
    assert found.reason == "Google warns"


ACTS = {
    "a log-in": ({"last_login": days_ago(0.1)}, "login activities"),
    "single sign-on": ({"last_sso": days_ago(0.1)}, "login activities"),
    "a token": ({"last_token": days_ago(0.1)}, "token activities"),
    "a log-in before": ({"last_login": days_ago(20)}, None),
}


@pytest.mark.parametrize(("fields", "source"), ACTS.values(), ids=ACTS)
def test_activities_since_the_mark(empty: Direct, fields: dict[str, Any], source: str | None) -> None:
    someone = person("a", NOW, 300, **{"last_login": days_ago(300), **fields})
    empty.cloud.add(someone, person("other", NOW, 0))
    client = Client(empty.session(), ACTIVITIES)
    found = get_recent_use(client, "my_customer", someone.id, days_ago(14), NOW)
    assert (found and found.source) == source
    assert found is None or not found.covers


def test_role_holders_by_groups_and_service_accounts_and_everybody(empty: Direct) -> None:
    ada, robot = person("ada", NOW, 1), account(empty, "robot", NOW, 1)
    inner = Group("02inner", "inner@lakeside.example", "inner", ((robot.email, "MEMBER"),))
    outer = Group(
        "02outer", "outer@lakeside.example", "outer", ((ada.email, "MEMBER"), (inner.email, "MEMBER"))
    )
    empty.cloud.add(ada, robot, inner, outer, RoleAssignment("9", "7", outer.id, "group"))
    clients = Client(empty.session(), ASSIGNMENTS), Client(empty.session(), MEMBERS)
    found = get_holders(*clients, "my_customer")
    assert ada.id in found
    assert robot.unique_id in found
    assert "somebody else" not in found
    customer = empty.company.customer.id
    empty.cloud.add(Group("02outer", outer.email, "outer", ((customer, "MEMBER"),)))
    assert "somebody else" in get_holders(*clients, "my_customer")
