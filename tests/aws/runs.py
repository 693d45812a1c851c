"""Stock Custodian on the embedded AWS."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import boto3

from custom_filters.core.notes import Entry, Notes, Record
from custom_filters.core.notes_writing import Place, render
from custom_filters.sandbox.sandbox import Sandbox
from tests import clouds
from tests.clouds import CUSTODIAN, ROOT, VERDICTS, resources, run, written

__all__ = ["CUSTODIAN", "ROOT", "VERDICTS", "resources", "run", "written"]
REPORT = ROOT / "policies/aws/report.yml"


def embedded(**settings: Any) -> AbstractContextManager[Sandbox]:
    """An empty account of its own, unless settings say otherwise."""
    return clouds.started("aws", **settings)


def policy(name: str, source: str | None = "unused-bulk", **options: Any) -> dict[str, Any]:
    """A policy with our filter and nothing else."""
    made = clouds.policy("aws.iam-user", name, **options)
    return {**made, "source": source} if source else made


def custodian(
    sandbox: Sandbox, out: Path, *policies: Path | dict[str, Any], **more: Any
) -> CompletedProcess[str]:
    """`custodian run` on files and on policies written here; its log is in stderr."""
    return clouds.custodian(sandbox, out, *policies, options=("--cache-period", "0"), **more)


def validate(
    folder: Path, policies: Iterable[dict[str, Any]], also: Iterable[Path] = ()
) -> CompletedProcess[str]:
    """`custodian validate` on each policy in a file of its own, and on other files; it needs no cloud."""
    files = [file for policy in policies for file in written(folder, [policy], policy["name"])]
    files += map(str, also)
    return run("validate", *files, env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}, cwd=folder)


def judged(out: Path, name: str) -> dict[str, dict[str, Any]]:
    """The annotations of a policy's resources, by user."""
    return {r["UserName"]: r["c7n:unused"] for r in resources(out, name)}


def give_notice(
    sandbox: Sandbox, *names: str, tag: str = "c7n-unused", over: float = 1, begun: bool = False
) -> None:
    """Marks and records as mark-for-op leaves them, for all credentials; the notice ended `over` days ago.

    With `begun` a run was killed as it began to switch them off, an hour ago.
    """
    now = sandbox.clock.now().replace(second=0, microsecond=0)
    until = now - timedelta(days=over)
    kinds = {"keys": "access-key", "ssh_keys": "ssh-key", "certificates": "signing-certificate",
             "service_credentials": "service-specific-credential"}  # fmt: skip
    for name, user in sandbox.aws.snapshot().items():
        if name not in names:
            continue
        items = [(kind, id) for word, kind in kinds.items() for id in user[word]]
        items += [("password", "password")] * user["password"]
        off = now - timedelta(hours=1) if begun else None
        entries = [Entry(tag, until - timedelta(days=14), until, *item, off, begun) for item in items]
        notes = Notes(Record(sandbox.aws.user(name).id)).changed(entries, **{tag: "Unused"})
        texts = render(notes, Place(256, parts=9))
        sandbox.aws.account().backend.tag_user(name, [{"Key": k, "Value": v} for k, v in texts.items()])


def give_role_notice(sandbox: Sandbox, *names: str, over: float = 1) -> None:
    """The same for roles."""
    until = sandbox.clock.now().replace(second=0, microsecond=0) - timedelta(days=over)
    backend = sandbox.aws.account().backend
    for role in (backend.get_role(name) for name in names):
        entry = Entry("c7n-unused", until - timedelta(days=14), until, "role", "role")
        notes = Notes(Record(role.id)).changed([entry], **{"c7n-unused": "Unused"})
        tags = [{"Key": k, "Value": v} for k, v in render(notes, Place(256, parts=9)).items()]
        backend.tag_role(role.name, tags)


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
