"""The templates for owners, rendered by c7n-mailer itself."""

from __future__ import annotations

import logging
import re
from importlib.resources import files
from typing import Any

import pytest
from c7n_mailer.utils_email import get_mimetext_message

from tests.reports.hostile import NAMES
from tests.reports.samples import CONTROLS, DETECTED, MARKED, NOW, POLICY, credential, user, value

CONFIG = {
    "templates_folders": [str(files("custom_filters.reports").joinpath("templates/mailer"))],
    "from_address": "custodian@example.com",
}
TEMPLATES = pytest.mark.parametrize("template", ["c7n-unused-owner.html", "c7n-unused-owner"])
MARK = {"type": "mark-for-op", "op": "disable-unused", "hours": 336}


def mail(template: str, resource: dict[str, Any], actions: list[Any]) -> str:
    addressed = {"to": ["resource-owner"], "action_desc": "Ask #identity."}
    notify = {"type": "notify", "template": template, **addressed}
    message = {
        "policy": {"name": POLICY, "resource": "aws.iam-user", "actions": [*actions, notify]},
        "action": notify,
        "account_id": "111111111111",
        "region": "us-east-1",
        "execution_start": NOW.timestamp(),
    }
    resources = [{"UserName": resource["user"], "c7n:unused": resource}]
    made = get_mimetext_message(CONFIG, logging.getLogger(), message, resources, ["bob@example.com"])
    return str(made.get_payload(decode=True).decode())


_AFTER = "disable-unused 14.0 days after 2026-11-23T06:00:00"
WHEN = {
    "marked before": (MARKED, [], "disable-unused on 2026-12-02T06:00:00Z"),
    "marked by this policy": (DETECTED, ["unmark-unused", MARK], _AFTER),
    "only reported": (DETECTED, [], "nothing happens now"),
}


@TEMPLATES
@pytest.mark.parametrize(("progress", "actions", "when"), WHEN.values(), ids=WHEN)
def test_the_owner_is_told_what_why_when_and_how(
    template: str, progress: Any, actions: Any, when: str
) -> None:
    text = mail(template, value(user("bob", credential(200)), progress), actions)
    words = re.sub(r"<[^>]+>", "", text)
    told = ("bob in aws", "access-key AKIAEXAMPLE1", "last used 200 days ago", "90 days", CONTROLS[0], when)
    assert [part for part in (*told, "exemption", "Ask #identity.") if part not in words] == []


@TEMPLATES
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_names(template: str, name: str) -> None:
    plain = mail(template, value(user("bob", credential(200))), [])
    text = mail(template, value(user(name, credential(200))), [])
    assert text.count("<") == plain.count("<") or not template.endswith("html")
    if not template.endswith("html"):
        assert len(text.splitlines()) - len(plain.splitlines()) == sum(map(name.count, "\u2028"))
