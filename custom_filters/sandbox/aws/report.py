"""The credential report: a snapshot of when it was asked for, ready a little later, kept for four hours.

Columns and values follow "Generate credential reports for your AWS account" in the IAM User Guide. Where live
reports differ from it they are followed: an inactive key keeps its dates, keys are listed by id.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult

from custom_filters.sandbox.aws.account import Account, Report, extras, naive
from custom_filters.sandbox.aws.pages import error
from custom_filters.sandbox.aws.people import Key, resolve

KEPT = timedelta(hours=4)
SLOW = 15.0
KEY_FIELDS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{field}" for number in (1, 2) for field in KEY_FIELDS),
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
    "additional_credentials_info",
)
NO_KEY = ["false", "N/A", "N/A", "N/A", "N/A"]
NO_CERTIFICATE = ["false", "N/A"]
CUT = 7  # columns of a row that was cut


class CredentialReport:
    """GenerateCredentialReport and GetCredentialReport."""

    account: Account

    def generate_credential_report(self) -> ActionResult:
        """STARTED, then INPROGRESS until it is there, then COMPLETE for four hours."""
        account, now = self.account, self.account.clock.now()
        if "limit-report" in account.faults:
            raise error("LimitExceeded", "Report generation requests exceed the limit of this account.")
        report = account.report
        if report is None or now >= report.ready + KEPT:
            account.report = Report(render(account), now + _duration(account))
            reason = "No report exists." if report is None else "The previous report has expired."
            description = f"{reason} Starting a new report generation task"
            return ActionResult({"State": "STARTED", "Description": description})
        return ActionResult({"State": "COMPLETE" if _ready(account, report, now) else "INPROGRESS"})

    def get_credential_report(self) -> ActionResult:
        """ReportNotPresent and ReportExpired are HTTP 410, ReportInProgress is 404."""
        account, now = self.account, self.account.clock.now()
        report, fault = account.report, account.faults.get("report")
        if report is None or fault == "missing":
            raise error("ReportNotPresent", "Unknown")
        if fault == "inprogress" or not _ready(account, report, now):
            raise error("ReportInProgress", "Unknown")
        if fault == "expired" or now >= report.ready + KEPT:
            raise error("ReportExpired", "Unknown")
        content = report.content.encode()
        return ActionResult(
            {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": naive(report.ready)}
        )


def _duration(account: Account) -> timedelta:
    fault = account.faults.get("report")
    if isinstance(fault, (int, float)):
        return timedelta(seconds=fault)
    return timedelta(seconds=SLOW if fault == "slow" else 0.2 + len(account.backend.users) / 20_000)


def _ready(account: Account, report: Report, now: datetime) -> bool:
    return account.faults.get("report") != "never" and now >= report.ready


def render(account: Account) -> str:
    """The report as of now, as CSV: the root user first, then the users by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerow(_root(account))
    expiry = _password_age(account)
    for user in account.users():
        if extras(user).in_report and not account.omits("row", user.name):
            row = _row(account, user, expiry)
            writer.writerow(row[:CUT] if account.omits("cut", user.name) else row)
    return text.getvalue().removesuffix("\n")


def _row(account: Account, user: Any, expiry: timedelta | None) -> list[str]:
    keys = sorted(user.access_keys, key=lambda key: key.access_key_id)
    return [
        user.name,
        user.arn,
        _date(user.create_date),
        *_password(account, user, expiry),
        _bool(user.mfa_devices),
        *_slots((_key(account, user, key) for key in keys), NO_KEY),
        *_slots(map(_certificate, user.signing_certificates.values()), NO_CERTIFICATE),
        "N/A",
    ]


def _password(account: Account, user: Any, expiry: timedelta | None) -> list[str]:
    if not user.password:
        return ["false", "N/A", "N/A", "N/A"]  # N/A even when a login profile was used and then removed
    changed, used = extras(user).password_changed or user.create_date, account.password_used(user)
    shown = _date(used) if used else "no_information"
    return ["true", shown, _date(changed), _date(changed + expiry) if expiry else "N/A"]


def _key(account: Account, user: Any, key: Any) -> list[str]:
    rotated = extras(user).rotated.get(key.access_key_id, key.create_date)
    last = account.key_used(user, key)
    use = _use(last.at, last.service, last.region) if last else NO_KEY[2:]
    return [_bool(key.status == "Active"), _date(rotated), *use]


def _certificate(made: Any) -> list[str]:
    return [_bool(made.status == "Active"), _date(made.upload_date)]


def _use(at: datetime, service: str, region: str) -> list[str]:
    return [_date(at), "N/A" if service == "s3" else region, service]


def _root(account: Account) -> list[str]:
    root, now = account.root, account.clock.now()
    used, password = "N/A", root.password
    if password:
        used = _date(resolve(password.used, now)) if password.used is not None else "no_information"
    changed = _date(resolve(password.changed or root.created, now)) if password else "N/A"
    return [
        "<root_account>",
        f"arn:aws:iam::{account.id}:root",
        _date(resolve(root.created, now)),
        _bool(password),
        used,
        changed,
        "not_supported",
        _bool(root.mfa),
        *_slots((_root_key(key, root.created, now) for key in root.keys), NO_KEY),
        *_slots((), NO_CERTIFICATE),
        "N/A",
    ]


def _root_key(key: Key, created: Any, now: datetime) -> list[str]:
    rotated = resolve(key.rotated or key.created or created, now)
    used = _use(resolve(key.used, now), key.service, key.region) if key.used is not None else NO_KEY[2:]
    return [_bool(key.active), _date(rotated), *used]


def _slots(filled: Iterable[list[str]], empty: list[str]) -> list[str]:
    first, second = [*list(filled)[:2], empty, empty][:2]
    return [*first, *second]


def _password_age(account: Account) -> timedelta | None:
    policy = account.backend.account_password_policy
    return timedelta(days=policy.max_password_age) if policy and policy.max_password_age else None


def _bool(value: object) -> str:
    return "true" if value else "false"


def _date(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
