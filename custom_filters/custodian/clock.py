"""What time it is for a policy: the machine's clock, or the sandbox's where one is in use."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener, getproxies_environment, proxy_bypass

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.times import parse_time
from custom_filters.core.vocabulary import NOW_VARIABLE, SANDBOX_VARIABLE

_TIMEOUT = 10


def now() -> datetime:
    """The present, aware UTC. Raises PolicyExecutionError when C7N_UNUSED_NOW is not a timestamp."""
    text = os.environ.get(NOW_VARIABLE)
    if not text:
        return datetime.now(timezone.utc)
    try:
        return parse_time(text)
    except ValueError as error:
        raise PolicyExecutionError(f"{NOW_VARIABLE}: {error}; unset it") from error


def refuse_moved_clock(endpoint: str) -> None:
    """Raise PolicyExecutionError when the clock was moved and `endpoint` is not the sandbox's.

    Nothing on a real cloud is ever marked or switched off by an invented date.
    """
    if os.environ.get(NOW_VARIABLE) and not is_loopback(endpoint) and not through_sandbox(endpoint):
        raise PolicyExecutionError(
            f"{NOW_VARIABLE} is set, but {endpoint} is not the sandbox; unset it: nothing was changed"
        )


def through_sandbox(endpoint: str) -> bool:
    """Whether what is sent to `endpoint` goes to the sandbox's proxy, by that sandbox's own word.

    The control endpoint and the proxy are on loopback, and the proxy refuses hosts that it does not emulate.
    """
    control = os.environ.get(SANDBOX_VARIABLE, "")
    proxies = getproxies_environment()
    proxy = proxies.get("https", "")
    scheme, host = urlsplit(endpoint).scheme, urlsplit(endpoint).hostname or ""
    if scheme != "https":  # the proxy takes no other requests
        return False
    if not (is_loopback(control) and is_loopback(proxy)) or proxy_bypass(host):
        return False
    return bool(_ask(f"{control}/wire").get("proxy") == proxy)


def _ask(url: str) -> dict[str, Any]:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT) as response:
            answer = json.load(response)
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
