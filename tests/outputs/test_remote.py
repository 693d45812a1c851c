"""Output in a bucket, as Custodian leaves it, read by each cloud's own client."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

import boto3
import pytest
from azure.core.credentials import AccessToken
from google.auth.credentials import AnonymousCredentials
from moto.server import ThreadedMotoServer

from custom_filters.core.errors import InputError
from custom_filters.outputs import storage
from custom_filters.outputs.collect import collect
from custom_filters.sandbox.wire import Wire
from tests.reports.samples import NOW, POLICY, Output, credential, user, value

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ALICE, BOB = value(user("alice", credential(200))), value(user("bob", credential()))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    yield "http://{}:{}".format(*moto.get_host_and_port())
    moto.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"findings-{abs(hash(request.node.name))}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


def upload(folder: Path, bucket: str, prefix: str) -> None:
    for path in folder.rglob("*.gz"):
        boto3.client("s3").upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder).as_posix()}")


def test_the_newest_of_lambdas_dated_outputs(tmp_path: Path, bucket: str) -> None:
    for day, values in ((22, [ALICE, BOB]), (23, [BOB])):
        start = NOW.replace(day=day)
        Output(values, start=start).write(tmp_path / POLICY / f"2026/11/{day}/06", packed=True)
    upload(tmp_path, bucket, "logs/111111111111")
    report = collect([f"s3://{bucket}/logs"])
    assert [f["user"] for f in report.findings] == ["bob"]
    assert [(e.evaluated, e.policy, e.problem) for e in report.evaluations] == [(True, POLICY, None)]
    assert report.evaluations[0].folder == f"s3://{bucket}/logs/111111111111/{POLICY}/2026/11/23/06"


def test_what_an_earlier_run_left_in_the_same_hour_is_not_believed(tmp_path: Path, bucket: str) -> None:
    hour = tmp_path / POLICY / "2026/11/23/06"
    Output([ALICE]).write(hour, packed=True)
    resources = (hour / "resources.json.gz").read_bytes()
    Output([BOB], start=NOW.replace(minute=30)).write(hour, packed=True)
    (hour / "resources.json.gz").write_bytes(resources)
    upload(tmp_path, bucket, "logs")
    (seen,) = collect([f"s3://{bucket}/logs"]).evaluations
    assert "older than the run" in (seen.problem or "")


@pytest.mark.parametrize("url", ["s3://{}/empty", "s3://missing-bucket/x", "nosuch://{}/x"])
def test_nothing_there_is_an_error(bucket: str, url: str) -> None:
    with pytest.raises(InputError, match=url.format(bucket)):
        collect([url.format(bucket)])


UTC = "%Y-%m-%dT%H:%M:%SZ"
HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


@dataclass
class Objects:
    """The objects of one bucket, for servers that speak as much of a cloud's API as a reader needs."""

    content: dict[str, bytes] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)

    def load(self, folder: Path, prefix: str) -> None:
        for path in folder.rglob("*.gz"):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            self.content[key] = path.read_bytes()
            self.changed[key] = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)

    def listed(self, query: dict[str, list[str]]) -> list[str]:
        return [key for key in sorted(self.content) if key.startswith(query.get("prefix", [""])[0])]

    def google(self, path: str, query: dict[str, list[str]]) -> tuple[str, bytes, str]:
        """JSON API: a page holds two objects; a download is `alt=media`."""
        if path == "/storage/v1/b/findings/o":
            keys = self.listed(query)
            start = int(query.get("pageToken", ["0"])[0])
            items = [{"name": k, "updated": self.changed[k].strftime(UTC)} for k in keys[start : start + 2]]
            more = {"nextPageToken": str(start + 2)} if start + 2 < len(keys) else {}
            return "200 OK", json.dumps({"items": items, **more}).encode(), "application/json"
        key = unquote(path.removeprefix("/download/storage/v1/b/findings/o/"))
        if key in self.content:
            return "200 OK", self.content[key], "application/octet-stream"
        return "404 Not Found", b'{"error": {"code": 404, "message": "not there"}}', "application/json"

    def azure(self, path: str, query: dict[str, list[str]]) -> tuple[str, bytes, str]:
        """Blob service, with the log-in's token already checked; a page holds two blobs."""
        if path == "/findings" and query.get("comp") == ["list"]:
            keys = self.listed(query)
            start = int(query.get("marker", ["0"])[0])
            blobs = "".join(
                f"<Blob><Name>{k}</Name><Properties><Last-Modified>{self.changed[k].strftime(HTTP_DATE)}"
                f"</Last-Modified><Content-Length>{len(self.content[k])}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
                for k in keys[start : start + 2]
            )
            more = str(start + 2) if start + 2 < len(keys) else ""
            prefix = query.get("prefix", [""])[0]
            page = f"<Prefix>{prefix}</Prefix><Blobs>{blobs}</Blobs><NextMarker>{more}</NextMarker>"
            return "200 OK", f"<EnumerationResults>{page}</EnumerationResults>".encode(), "application/xml"
        key = path.removeprefix("/findings/")
        if key in self.content:
            return "200 OK", self.content[key], "application/octet-stream"
        error = b"<Error><Code>ContainerNotFound</Code><Message>not there</Message></Error>"
        return "404 Not Found", error, "application/xml"


def served(answer: Callable[[str, dict[str, list[str]]], tuple[str, bytes, str]]) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        status, body, kind = answer(environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"]))
        headers = [
            ("Content-Type", kind),
            ("ETag", '"1"'),
            ("Last-Modified", "Mon, 23 Nov 2026 06:00:00 GMT"),
        ]
        wanted = environ.get("HTTP_X_MS_RANGE") or environ.get("HTTP_RANGE")
        if status == "200 OK" and wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            total, body = len(body), body[int(first) : int(last or len(body)) + 1]
            status = "206 Partial Content" if body else "416 Range Not Satisfiable"
            headers.append(("Content-Range", f"bytes {first}-{int(first) + len(body) - 1}/{total}"))
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return application


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    """A bucket `findings` on hosts of both clouds, and log-ins that need nobody else."""
    objects = Objects()
    hosts = {
        "storage.googleapis.com": served(objects.google),
        "company.blob.core.windows.net": served(objects.azure),
    }
    with Wire(hosts) as wire:
        for name, text in wire.environment.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setattr("google.auth.default", lambda **_: (AnonymousCredentials(), "project"))
        monkeypatch.setattr("azure.identity.DefaultAzureCredential", Token)
        yield objects


class Token:
    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken("token", 4_000_000_000)


URLS = {
    "google": "gs://findings/logs",
    "azure": "azure://company.blob.core.windows.net/findings/logs",
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_a_bucket_of_another_cloud(objects: Objects, tmp_path: Path, url: str) -> None:
    for day, values in ((22, [ALICE, BOB]), (23, [BOB])):
        start = NOW.replace(day=day)
        Output(values, start=start).write(tmp_path / POLICY / f"2026/11/{day}/06", packed=True)
    objects.load(tmp_path, "logs/company")
    objects.load(tmp_path, "logs-of-others")
    report = collect([url])
    assert [f["user"] for f in report.findings] == ["bob"]
    (seen,) = report.evaluations
    assert (seen.problem, seen.folder) == (None, f"{url}/company/{POLICY}/2026/11/23/06")


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_a_bucket_that_is_not_there_is_an_error(objects: Objects, url: str) -> None:
    missing = url.replace("findings", "missing")
    with pytest.raises(InputError, match=f"{missing} cannot be listed: .*not there"):
        collect([missing])


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_a_worker_process_opens_the_bucket_itself(objects: Objects, url: str) -> None:
    objects.content["logs/x"] = b"as it lies there"
    (opened,) = storage.open_storages([url])
    again = pickle.loads(pickle.dumps(opened))
    assert again.root == url
    assert storage.read(again, "x") == b"as it lies there"
    with pytest.raises(OSError, match="not there"):
        storage.read(again, "y")


def test_a_container_must_be_named() -> None:
    with pytest.raises(InputError, match="names no container"):
        collect(["azure://company.blob.core.windows.net"])


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MOST_BYTES", 2000)
    Output([ALICE] * 5).write(tmp_path / POLICY, packed=True)
    (seen,) = collect([str(tmp_path)]).evaluations
    assert "resources.json.gz is larger than 2000 bytes" in (seen.problem or "")
