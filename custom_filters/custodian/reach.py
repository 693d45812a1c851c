"""Whether a cloud's log-in can be reached at all: quickly, without an SDK's minutes of retries."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from custom_filters.core.doctor_check import Check

_SECONDS = 4.0
_PROXY_PORT = 8080
_REMEDY = "check the network and its DNS, and whether HTTPS_PROXY is needed and right"


def unreachable(url: str) -> Check | None:
    """A failed log-in check when nothing listens at `url`, or at the proxy that leads there.

    No request is sent. Whether a certificate is trusted is the SDK's to say.
    """
    target = urlsplit(url)
    host, port = target.hostname or "", target.port or (443 if target.scheme == "https" else 80)
    named = "" if proxy_bypass(host) else getproxies().get(target.scheme, "")
    proxy = urlsplit(named if "//" in named else f"//{named}")
    there = f"the proxy {proxy.netloc.rpartition('@')[2]}" if named else target.netloc
    try:
        _connect(target.scheme, host, port, proxy)
    except ssl.SSLError:
        return None
    except socket.gaierror:
        return _check(f"the name of {there} can't be resolved")
    except TimeoutError:
        return _check(f"{there} does not answer within {_SECONDS:.0f} s")
    except OSError as error:
        return _check(f"{there} can't be reached: {error.strerror or error}")
    return None


def _connect(scheme: str, host: str, port: int, proxy: SplitResult) -> None:
    to = (proxy.hostname, proxy.port or _PROXY_PORT) if proxy.hostname else (host, port)
    connection = (HTTPSConnection if scheme == "https" else HTTPConnection)(*to, timeout=_SECONDS)
    if proxy.hostname:
        login = unquote(f"{proxy.username}:{proxy.password}").encode()
        basic = {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"} if proxy.username else {}
        connection.set_tunnel(host, port, basic)
    with closing(connection):
        connection.connect()


def _check(detail: str) -> Check:
    return Check("log-in", ok=False, detail=detail, remedy=_REMEDY)
