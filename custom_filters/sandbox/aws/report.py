"""The credential report: a snapshot of when it was asked for, ready a little later, kept for four hours.

Columns and values follow "Generate credential reports for your AWS account" in the IAM User Guide. Where live
reports differ from it they are followed: an inactive key keeps its dates, keys are listed by id.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from moto.core.responses import ActionResult

from custom_filters.sandbox.aws.account import Account, extras, naive
from custom_filters.sandbox.aws.iam import IamBase
from custom_filters.sandbox.aws.pages import error
from custom_filters.sandbox.aws.people import When, resolve

KEPT = timedelta(hours=4)
SLOW = 15.0
KEY_FIELDS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{field}" for number in (1, 2) for field in KEY_FIELDS),
    *(f"cert_{number}_{field}" for number in (1, 2) for field in ("active", "last_rotated")),
    "additional_credentials_info",
)
NO_KEY = ("false", "N/A", "N/A", "N/A", "N/A")
CUT = 7  # columns of a row that was cut


class CredentialReport(IamBase):
    """GenerateCredentialReport and GetCredentialReport."""

    def generate_credential_report(self) -> ActionResult:
        """STARTED, then INPROGRESS until it is there, then COMPLETE for four hours."""
        account, now = self.account, self.account.clock.now()
        if "limit-report" in account.faults:
            raise error("LimitExceeded", "Report generation requests exceed the limit of this account.")
        if account.report is None or now >= account.report[1] + KEPT:
            reason = "The previous report has expired." if account.report else "No report exists."
            account.report = render(account), now + _duration(account)
            description = f"{reason} Starting a new report generation task"
            return ActionResult({"State": "STARTED", "Description": description})
        return ActionResult({"State": "COMPLETE" if _ready(account, now) else "INPROGRESS"})

    def get_credential_report(self) -> ActionResult:
        """ReportNotPresent and ReportExpired are HTTP 410, ReportInProgress is 404."""
        account, now = self.account, self.account.clock.now()
        fault = account.faults.get("report")
        if account.report is None or fault == "missing":
            raise error("ReportNotPresent", "Unknown")
        if fault == "inprogress" or not _ready(account, now):
            raise error("ReportInProgress", "Unknown")
        content, made = account.report
        if fault == "expired" or now >= made + KEPT:
            raise error("ReportExpired", "Unknown")
        shown = {"Content": content.encode(), "ReportFormat": "text/csv", "GeneratedTime": naive(made)}
        return ActionResult(shown)


def _duration(account: Account) -> timedelta:
    fault = account.faults.get("report")
    usual = SLOW if fault == "slow" else 0.2 + len(account.backend.users) / 20_000
    return timedelta(seconds=fault if isinstance(fault, (int, float)) else usual)


def _ready(account: Account, now: datetime) -> bool:
    return account.report is not None and account.faults.get("report") != "never" and now >= account.report[1]


def render(account: Account) -> str:
    """The report as of now, as CSV: the root user first, then the users by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, _root(account)])
    for user in account.users():
        if extras(user).in_report and not account.omits("row", user.name):
            row = _row(account, user)
            writer.writerow(row[:CUT] if account.omits("cut", user.name) else row)
    return text.getvalue().removesuffix("\n")


def _row(account: Account, user: Any) -> list[str]:
    keys = sorted(user.access_keys, key=lambda key: key.access_key_id)
    certificates = user.signing_certificates.values()
    return [
        user.name,
        user.arn,
        _date(user.create_date),
        *_password(account, user),
        _bool(user.mfa_devices),
        *islice(chain(*(_key(account, user, key) for key in keys), NO_KEY, NO_KEY), 10),
        *islice(chain(*map(_certificate, certificates), NO_KEY[:2], NO_KEY[:2]), 4),
        "N/A",
    ]


def _password(account: Account, user: Any) -> tuple[str, ...]:
    if not user.password:
        return "false", "N/A", "N/A", "N/A"  # N/A even when a login profile was used and then removed
    changed, used = extras(user).password_changed or user.create_date, account.password_used(user)
    shown = _date(used) if used else "no_information"
    return "true", shown, _date(changed), "N/A"  # no password expires


def _key(account: Account, user: Any, key: Any) -> tuple[str, ...]:
    on, rotated = key.status == "Active", extras(user).rotated.get(key.access_key_id, key.create_date)
    use = account.key_used(user, key)
    if use is None:
        return _bool(on), _date(rotated), *NO_KEY[2:]
    region = "N/A" if use.service == "s3" else use.region
    return _bool(on), _date(rotated), _date(use.at), region, use.service


def _certificate(made: Any) -> tuple[str, ...]:
    return _bool(made.status == "Active"), _date(made.upload_date)


def _root(account: Account) -> list[str]:
    root, now, none = account.root, account.clock.now(), NO_KEY[1]

    def at(when: When | None) -> str:
        return none if when is None else _date(resolve(when, now))

    row = ["<root_account>", f"arn:aws:iam::{account.id}:root", at(root.created), _bool(root.password)]
    row += [at(root.password.used) if root.password and root.password.used else "no_information"]
    row += ["not_supported", "not_supported", _bool(root.mfa)]
    for key in (*root.keys, None, None)[:2]:
        used = (at(key.used), none, key.service) if key and key.used else NO_KEY[2:]
        row += [_bool(key.active), at(key.rotated or key.created or root.created), *used] if key else NO_KEY
    return [*row, *NO_KEY[:2], *NO_KEY[:2], none]


def _bool(value: object) -> str:
    return "true" if value else "false"


def _date(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
