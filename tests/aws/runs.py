"""Stock Custodian, as a child process, on the embedded AWS."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import boto3

from custom_filters.core.notes import Entry, Notes, Record
from custom_filters.core.notes_writing import Place, render
from custom_filters.sandbox.sandbox import Sandbox, Settings

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "policies/aws/report.yml"
CUSTODIAN = Path(sysconfig.get_path("scripts"), "custodian")
VERDICTS = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]

_seeds = itertools.count(1000)


@contextmanager
def embedded(**settings: Any) -> Iterator[Sandbox]:
    """An empty account of its own, unless settings say otherwise."""
    with Sandbox(Settings(**{"users": 0, "seed": next(_seeds), **settings})) as sandbox:
        yield sandbox


def policy(name: str, source: str | None = "unused-bulk", **options: Any) -> dict[str, Any]:
    """A policy with our filter and nothing else."""
    made: dict[str, Any] = {"name": name, "resource": "aws.iam-user"}
    made |= {"source": source} if source else {}
    options = {key.replace("_", "-"): value for key, value in options.items()}
    return {**made, "filters": [{"type": "unused-credentials", **options}]}


def custodian(sandbox: Sandbox, out: Path, *policies: Path | dict[str, Any]) -> CompletedProcess[str]:
    """`custodian run` on files and on policies written here; its log is in stderr."""
    out.mkdir(parents=True, exist_ok=True)
    files = [str(p) for p in policies if isinstance(p, Path)]
    files += written(out, [p for p in policies if isinstance(p, dict)])
    return run("run", "-s", str(out), "--cache-period", "0", *files, env=sandbox.child_environment(), cwd=out)


def validate(
    folder: Path, policies: Iterable[dict[str, Any]], also: Iterable[Path] = ()
) -> CompletedProcess[str]:
    """`custodian validate` on each policy in a file of its own, and on other files; it needs no cloud."""
    files = [file for policy in policies for file in written(folder, [policy], policy["name"])]
    files += map(str, also)
    return run("validate", *files, env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}, cwd=folder)


def written(folder: Path, policies: list[dict[str, Any]], name: str = "policies") -> list[str]:
    """The file that holds these policies; none for none."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"policies": policies}))
    return [str(file)] if policies else []


def run(*arguments: str, env: Mapping[str, str], cwd: Path) -> CompletedProcess[str]:
    """Stock Custodian with these arguments."""
    command = [str(CUSTODIAN), *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)


def resources(out: Path, name: str) -> list[dict[str, Any]]:
    """What a policy selected."""
    found: list[dict[str, Any]] = json.loads((out / name / "resources.json").read_text())
    return found


def judged(out: Path, name: str) -> dict[str, dict[str, Any]]:
    """The annotations of a policy's resources, by user."""
    return {r["UserName"]: r["c7n:unused"] for r in resources(out, name)}


def give_notice(sandbox: Sandbox, *names: str, tag: str = "c7n-unused", over: float = 1) -> None:
    """Marks and records as mark-for-op leaves them, for all credentials; the notice ended `over` days ago."""
    now = sandbox.clock.now().replace(second=0, microsecond=0)
    until = now - timedelta(days=over)
    kinds = {"keys": "access-key", "ssh_keys": "ssh-key", "certificates": "signing-certificate",
             "service_credentials": "service-specific-credential"}  # fmt: skip
    for name, user in sandbox.aws.snapshot().items():
        if name not in names:
            continue
        items = [(kind, id) for word, kind in kinds.items() for id in user[word]]
        items += [("password", "password")] * user["password"]
        entries = [Entry(tag, until - timedelta(days=14), until, *item) for item in items]
        notes = Notes(Record(sandbox.aws.user(name).id)).changed(entries, **{tag: "Unused"})
        texts = render(notes, Place(256, parts=9))
        sandbox.aws.account().backend.tag_user(name, [{"Key": k, "Value": v} for k, v in texts.items()])


def client(sandbox: Sandbox, service: str) -> Any:
    """A client of the sandbox, in this process."""
    values = sandbox.aws.environment
    return boto3.client(
        service,
        endpoint_url=values["AWS_ENDPOINT_URL"],
        region_name=values["AWS_DEFAULT_REGION"],
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=values["AWS_SESSION_TOKEN"],
    )
