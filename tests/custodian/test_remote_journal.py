"""The journal of a run whose output is a bucket of Google's or Microsoft's, written by their own clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from azure.core.credentials import AccessToken
from c7n.exceptions import PolicyExecutionError
from c7n.utils import parse_url_config
from c7n_azure.output import AzureStorageOutput
from c7n_gcp.output import GCPStorageOutput
from google.auth.credentials import AnonymousCredentials

from custom_filters.core.journal import read_lines, verify
from custom_filters.custodian.journal import open_journal
from custom_filters.sandbox.wire import Wire
from tests.custodian.test_toy_kind import MARK, UNUSED, House

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Answer = tuple[str, bytes, str]
XML, JSON = "application/xml", "application/json"
_REFUSED = b"<Error><Code>AuthorizationFailure</Code><Message>no blobs/write</Message></Error>"


@dataclass
class Bucket:
    """The bucket `findings` on a host of either cloud; what is uploaded, and whose notes there were then."""

    house: House
    objects: dict[str, str] = field(default_factory=dict)
    noted: list[bool] = field(default_factory=list)
    refuses: bool = False

    def store(self, key: str, content: str) -> None:
        self.objects[key] = content
        self.noted.append(any(door["notes"] for door in self.house.doors.values()))

    def google(self, method: str, path: str, query: dict[str, list[str]], body: str) -> Answer:
        if method == "GET" and path == "/storage/v1/b/findings/o":
            items = [{"name": k} for k in self.objects if k.startswith(query["prefix"][0])]
            return "200 OK", json.dumps({"items": items}).encode(), JSON
        assert (method, path) == ("POST", "/upload/storage/v1/b/findings/o")
        if self.refuses:
            return "403 Forbidden", b'{"error": {"code": 403, "message": "no objects.create"}}', JSON
        named, content, _ = parts(body)
        self.store(json.loads(named)["name"], content)
        return "200 OK", json.dumps({"name": json.loads(named)["name"]}).encode(), JSON

    def azure(self, method: str, path: str, query: dict[str, list[str]], body: str) -> Answer:
        if query.get("restype") == ["container"] and method == "PUT":
            return "201 Created", b"", XML
        if method == "GET":
            names = [k for k in self.objects if k.startswith(query["prefix"][0])]
            kept = "<Properties><Content-Length>1</Content-Length><BlobType>BlockBlob</BlobType></Properties>"
            blobs = "".join(f"<Blob><Name>{k}</Name>{kept}</Blob>" for k in names)
            page = f"<Prefix/><Blobs>{blobs}</Blobs><NextMarker></NextMarker>"
            return "200 OK", f"<EnumerationResults>{page}</EnumerationResults>".encode(), XML
        if self.refuses:
            return "403 Forbidden", _REFUSED, XML
        self.store(path.removeprefix("/findings/"), body)
        return "201 Created", b"", XML


def parts(body: str) -> list[str]:
    """The name, the content and the rest of a multipart upload."""
    boundary = body.split("\r\n", 1)[0]
    _, named, content, rest = body.split(boundary)
    return [one.split("\r\n\r\n", 1)[1].removesuffix("\r\n") for one in (named, content)] + [rest]


def served(answer: Any) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        query = parse_qs(environ["QUERY_STRING"])
        status, content, kind = answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, body)
        dates = [("ETag", '"1"'), ("Last-Modified", "Mon, 15 Jun 2026 12:00:00 GMT")]
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(content))), *dates])
        return [content]

    return application


class Token:
    """A log-in that needs nobody else."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken("token", 4_000_000_000)

    def get_credentials(self) -> Token:
        return self


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    bucket = Bucket(House(tmp_path, monkeypatch))
    hosts = {
        "storage.googleapis.com": served(bucket.google),
        "company.blob.core.windows.net": served(bucket.azure),
    }
    with Wire(hosts) as wire:
        for name, text in wire.environment.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setattr("google.auth.default", lambda **_: (AnonymousCredentials(), "project"))
        monkeypatch.setattr("azure.identity.DefaultAzureCredential", Token)
        yield bucket


URLS = {
    "google": (GCPStorageOutput, "gs://findings/logs"),
    "azure": (AzureStorageOutput, "azure://company.blob.core.windows.net/findings/logs"),
}


@pytest.fixture(params=list(URLS.values()), ids=list(URLS))
def remote(request: pytest.FixtureRequest, bucket: Bucket) -> Bucket:
    """The house with Custodian's own output there."""
    make, url = request.param
    options = SimpleNamespace(output_dir=url, account_id="house", region="")
    policy = SimpleNamespace(name="toy", data={"name": "toy"})
    ctx = SimpleNamespace(policy=policy, options=options, session_factory=Token, execution_id="1")
    bucket.house.output = make(ctx, parse_url_config(url))
    return bucket


def test_each_step_is_uploaded_before_the_change_it_speaks_of(remote: Bucket) -> None:
    remote.house.act(MARK, UNUSED)
    steps = {key: read_lines(text.splitlines())[0]["step"] for key, text in remote.objects.items()}
    assert list(steps) == [f"logs/toy/journal/1/{n:06}/c7n-unused-actions.jsonl" for n in range(1, 5)]
    assert sorted(steps.values()) == ["intent", "intent", "outcome", "outcome"]
    assert (next(iter(steps.values())), remote.noted[0]) == ("intent", False)
    assert verify("".join(remote.objects.values()).splitlines()) == []


def test_nothing_is_changed_where_the_upload_fails(remote: Bucket) -> None:
    remote.refuses = True
    with pytest.raises(
        PolicyExecutionError, match=r"(?s)the journal could not be written: .*nothing more was"
    ):
        remote.house.act(MARK, UNUSED)
    assert not any(door["notes"] for door in remote.house.doors.values())


def test_an_event_that_was_delivered_before_is_known_by_its_objects(remote: Bucket) -> None:
    manager = remote.house.manager([], [])
    event = SimpleNamespace(event_id="event-1")
    assert not open_journal(manager, event).delivered_before()  # type: ignore[arg-type]
    remote.store("logs/toy/journal/event-1/000001/c7n-unused-actions.jsonl", "{}")
    assert open_journal(manager, event).delivered_before()  # type: ignore[arg-type]
