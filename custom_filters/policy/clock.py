"""What time it is for a policy: the machine's clock, or the sandbox's where one is in use."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from ipaddress import ip_address
from urllib.parse import urlsplit

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.times import parse_time

#: Set by the sandbox when its clock was moved (RFC 3339).
NOW_VARIABLE = "C7N_UNUSED_NOW"


def now() -> datetime:
    """The present, aware UTC. Raises PolicyExecutionError when C7N_UNUSED_NOW is no timestamp."""
    text = os.environ.get(NOW_VARIABLE)
    if not text:
        return datetime.now(timezone.utc)
    try:
        return parse_time(text)
    except ValueError as error:
        raise PolicyExecutionError(f"{NOW_VARIABLE}: {error}; unset it") from error


def refuse_moved_clock(endpoint: str) -> None:
    """Raise PolicyExecutionError when the clock was moved and `endpoint` is not on loopback.

    Nothing on a real cloud is ever marked or switched off by a date that somebody made up.
    """
    if os.environ.get(NOW_VARIABLE) and not is_loopback(endpoint):
        raise PolicyExecutionError(
            f"{NOW_VARIABLE} is set, but {endpoint} is not the sandbox; unset it: nothing was changed"
        )


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
