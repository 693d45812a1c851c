"""The CONNECT proxy, reached by unmodified clients through environment variables alone."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from werkzeug.wrappers import Request, Response

from custom_filters.sandbox.loopback import serving
from custom_filters.sandbox.wire import ConnectionDroppedError, Wire


@Request.application
def echo(request: Request) -> Response:
    said = {"host": request.host, "path": request.path, "query": request.query_string.decode()}
    said |= {"body": request.get_data(as_text=True), "peer": str(request.environ["REMOTE_ADDR"])}
    status = 204 if request.path == "/nothing" else 200
    return Response(json.dumps(said) if status == 200 else None, status, content_type="application/json")


def breaks(environ, start_response):  # type: ignore[no-untyped-def]
    if environ["PATH_INFO"] == "/before":
        raise ConnectionDroppedError
    start_response("200 OK", [("Content-Length", "100")])
    return half()


def half() -> Iterator[bytes]:
    yield b"x" * 50
    raise ConnectionDroppedError


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire({"graph.example.com": echo, "broken.example.com": breaks}) as wire:
        yield wire


def child(wire: Wire, code: str, **more: str) -> str:
    """What a Python program prints whose only hint is the environment."""
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    environment = kept | wire.environment | more
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def session(wire: Wire) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": wire.proxy}
    session.verify = wire.ca_file
    return session


CLIENTS = {
    "requests": "import requests; print(requests.get(URL).json()['host'])",
    "httpx": "import httpx; print(httpx.get(URL).json()['host'])",
    "urllib": "import json, urllib.request as r; print(json.load(r.urlopen(URL))['host'])",
    "httplib2": "import httplib2, json; print(json.loads(httplib2.Http().request(URL)[1])['host'])",
    "aiohttp": (
        "import asyncio, aiohttp\n"
        "async def main():\n"
        "  async with aiohttp.ClientSession(trust_env=True) as s, s.get(URL) as r:\n"
        "    print((await r.json())['host'])\n"
        "asyncio.run(main())"
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_an_unmodified_client_arrives_through_the_environment(wire: Wire, client: str) -> None:
    code = CLIENTS[client].replace("URL", repr("https://graph.example.com/v1.0/users?$top=5"))
    assert child(wire, code) == "graph.example.com"
    assert wire.connects == ["graph.example.com"]


def test_one_tunnel_carries_many_requests_and_both_kinds_of_bodies(wire: Wire) -> None:
    with session(wire) as client:
        url = "https://graph.example.com/a%2Fb?$select=id%2Cname"
        first = client.post(url, data="twelve bytes").json()
        chunked = client.post(url, data=iter([b"chunk", b"ed"])).json()
        assert client.delete("https://graph.example.com/nothing").status_code == 204
        last = client.get("https://graph.example.com/").json()
    assert (first["path"], first["query"], first["body"]) == ("/a/b", "$select=id%2Cname", "twelve bytes")
    assert chunked["body"] == "chunked"
    assert last["body"] == ""
    assert wire.connects == ["graph.example.com"]


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://unknown.example.com/", "unknown.example.com:443"),
        ("https://graph.example.com:8443/", "graph.example.com:8443"),
    ],
)
def test_what_nobody_plays_is_refused_and_recorded(wire: Wire, url: str, named: str) -> None:
    with session(wire) as client, pytest.raises(requests.exceptions.ProxyError, match="502"):
        client.get(url)
    assert wire.refused == [named]
    assert wire.connects == []


def test_hosts_added_later(wire: Wire) -> None:
    wire.add({"Late.example.com": echo})
    with session(wire) as client:
        assert client.get("https://late.example.com/").json()["host"] == "late.example.com"


@pytest.mark.parametrize("path", ["/before", "/half-way"])
def test_a_host_can_drop_the_connection(wire: Wire, path: str) -> None:
    with (
        session(wire) as client,
        pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
    ):
        client.get(f"https://broken.example.com{path}")


def test_half_a_request_of_a_killed_client_reaches_no_application() -> None:
    """moto would have answered it as an action without parameters."""
    reached: list[object] = []
    half = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\nAction=Upd"
    with (
        serving(lambda environ, _: reached.append(environ) or ()) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw,
    ):
        raw.sendall(half)
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(4096) == b""
    assert reached == []


def test_a_client_without_the_ca_refuses_the_sandbox(wire: Wire) -> None:
    with session(wire) as client:
        client.verify = True
        with pytest.raises(requests.exceptions.SSLError):
            client.get("https://graph.example.com/")


def test_strict_verification_accepts_the_certificates(wire: Wire) -> None:
    context = ssl.create_default_context(cafile=wire.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection(("127.0.0.1", int(wire.proxy.rpartition(":")[2]))) as raw:
        raw.sendall(b"CONNECT graph.example.com:443 HTTP/1.1\r\nHost: graph.example.com\r\n\r\n")
        assert b" 200 " in raw.recv(4096)
        with context.wrap_socket(raw, server_hostname="graph.example.com") as secure:
            assert secure.version() in {"TLSv1.2", "TLSv1.3"}


def test_nothing_private_is_on_disk_and_nothing_is_left() -> None:
    with Wire({"graph.example.com": echo}) as wire, session(wire) as client:
        client.get("https://graph.example.com/")
        folder = Path(wire.ca_file).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [path.name for path in folder.iterdir()] == ["ca.pem"]
        assert b"PRIVATE" not in Path(wire.ca_file).read_bytes()
        address = ("127.0.0.1", int(wire.proxy.rpartition(":")[2]))
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
