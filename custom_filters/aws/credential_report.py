"""The credential report: the last use of passwords and access keys of the whole account in one file.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws.client import error_code
from custom_filters.core.times import format_time, to_utc
from custom_filters.custodian import clock

log = logging.getLogger("custodian.unused.aws")

DEFAULT_TIMEOUT = 300
DEFAULT_MAX_AGE = 4 * 3600
_LONGEST_DELAY = 15.0
#: Answers of AWS that mean "later", not "no".
_NOT_YET = frozenset({"ReportNotPresent", "ReportInProgress", "ReportExpired", "LimitExceeded"})
_LIMIT = "LimitExceeded"
_REQUIRED = (
    "user", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
    "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date",
    "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
    "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip


@dataclass(frozen=True)
class CredentialReport:
    """A parsed report: when AWS made it (aware UTC), and its rows by user name, columns by header name."""

    generated: datetime
    rows: Mapping[str, Mapping[str, str]]


def get_report(
    iam: Any, *, timeout: float = DEFAULT_TIMEOUT, max_age: float = DEFAULT_MAX_AGE
) -> CredentialReport:
    """Have AWS make a report, wait for it up to `timeout` seconds and read it.

    A report older than `max_age` seconds is not taken. Raises PolicyExecutionError when none came in time,
    and the ClientError when AWS refuses.
    """
    deadline = time.monotonic() + timeout
    for delay in _delays():
        answer = _try_report(iam, timedelta(seconds=max_age))
        if isinstance(answer, CredentialReport):
            return answer
        if time.monotonic() + delay > deadline:
            raise PolicyExecutionError(
                f"no credential report within {timeout:g} seconds ({answer}): nobody was judged; try later"
            )
        log.info("waiting for the credential report (%s)", answer)
        time.sleep(delay)
    raise AssertionError("the delays never end")


def _delays() -> Iterator[float]:
    delay = 0.5
    while True:
        yield delay
        delay = min(delay * 1.6, _LONGEST_DELAY)


def _try_report(iam: Any, max_age: timedelta) -> CredentialReport | str:
    """The report, or why there is none yet."""
    problem = _generate(iam)
    if problem not in {None, _LIMIT}:
        return problem
    try:
        answer = iam.get_credential_report()
    except ClientError as error:
        return problem or _not_yet(error)
    generated = to_utc(answer["GeneratedTime"])
    if clock.now() - generated > max_age:
        return f"AWS still serves the one of {format_time(generated)}, older than report-max-age"
    return CredentialReport(generated, parse_report(answer["Content"]))


def _generate(iam: Any) -> str | None:
    """Ask for a report; None when there is one to get. At the limit of orders there may be one, too."""
    try:
        state = iam.generate_credential_report()["State"]
    except ClientError as error:
        return _not_yet(error)
    return None if state == "COMPLETE" else f"state {state}"


def _not_yet(error: ClientError) -> str:
    if error_code(error) in _NOT_YET:
        return error_code(error)
    raise error


def parse_report(content: bytes) -> dict[str, dict[str, str]]:
    """Rows by user name; columns are found by header name, and unknown ones are kept.

    A row that is cut short, or longer than the header, is left out: its user is not known to the report.
    Raises PolicyExecutionError when a column that is needed is missing, or the text is damaged.
    """
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise PolicyExecutionError(
            f"the credential report is damaged ({error}): nobody was judged"
        ) from error
    if missing:
        raise PolicyExecutionError(f"the credential report has no column {missing[0]!r}: nobody was judged")
    return {row["user"]: row for row in rows if None not in row and None not in row.values()}
