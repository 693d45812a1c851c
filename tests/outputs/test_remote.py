"""Output in a bucket, as Lambda leaves it, read over HTTP from moto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from custom_filters.core.errors import InputError
from custom_filters.outputs.collect import collect
from tests.reports.samples import NOW, POLICY, Output, credential, user, value

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
