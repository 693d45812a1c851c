"""The Lambda functions: deployed to the embedded AWS by stock Custodian, run as Lambda would run them."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cfnlint.decode import decode  # type: ignore[import-untyped]
from cfnlint.template import Template  # type: ignore[import-untyped]
from cfnlint.template.transforms._language_extensions import language_extension  # type: ignore[import-untyped]
from moto.awslambda.models import lambda_backends

from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import ROOT, client, run

POLICIES = ROOT / "policies/aws/lambda/policies.yml"
STACK = ROOT / "policies/aws/lambda/stack.cfn.yml"
#: What AWS's Python runtime brings: boto3 and what it needs.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
#: Milliseconds that a function has, as policies.yml says.
TIMEOUT = 900_000
# Imports and calls the handler as AWS's runtime client does, once for each line that it is sent.
BOOTSTRAP = """
import botocore.client, importlib, json, pathlib, re, sys, time

class Context:
    def __init__(self, aws_request_id, milliseconds):
        self.aws_request_id, self._end = aws_request_id, time.monotonic() * 1000 + milliseconds

    def get_remaining_time_in_millis(self):
        return int(self._end - time.monotonic() * 1000)

KEPT = ("Bucket", "Key", "Prefix", "ACL", "Namespace", "UserName", "Tags")
calls = []

def recorded(client, operation, params, make=botocore.client.BaseClient._make_api_call):
    kept = {name: params[name] for name in KEPT if name in params}
    calls.append([client.meta.service_model.service_name, operation, kept])
    return make(client, operation, params)

botocore.client.BaseClient._make_api_call = recorded
start = time.perf_counter()
module, _, name = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
for line in sys.stdin:
    try:
        sent = json.loads(line)
        answer = {"returned": handler(sent["event"], Context(*sent["context"]))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    status = pathlib.Path("/proc/self/status")
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) / 1024 if status.exists() else 0
    print(json.dumps(answer | {"modules": sorted(sys.modules), "peak": peak, "calls": calls}), flush=True)
"""


@cache
def template() -> dict[str, Any]:
    """stack.cfn.yml as CloudFormation reads it, with its loops carried out."""
    read, problems = decode(str(STACK))
    assert problems == []
    problems, made = language_extension(Template(str(STACK), read, ["us-east-1"]))
    assert problems == []
    found: dict[str, Any] = json.loads(json.dumps(made))
    return found


def deploy_stack(sandbox: Sandbox, enforce: bool = True) -> dict[str, str]:
    """Deploy stack.cfn.yml; its outputs."""
    stacks = client(sandbox, "cloudformation")
    stacks.create_stack(
        StackName="c7n-unused",
        TemplateBody=json.dumps(template()),
        Parameters=[{"ParameterKey": "Enforce", "ParameterValue": str(enforce).lower()}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    [stack] = stacks.describe_stacks(StackName="c7n-unused")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def granted(sandbox: Sandbox, role: str) -> dict[str, dict[str, Any]]:
    """The statements of a role's policies, attached and inline."""
    iam = client(sandbox, "iam")
    inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=n)["PolicyDocument"] for n in inline]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        found = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")
        documents.append(found["PolicyVersion"]["Document"])
    # moto shows an inline document from CloudFormation as Python text, which is YAML too.
    read = [yaml.safe_load(d) if isinstance(d, str) else d for d in documents]
    statements = [s for document in read for s in document["Statement"]]
    assert len({s["Sid"] for s in statements}) == len(statements)
    return {s["Sid"]: s for s in statements}


def provision(sandbox: Sandbox, folder: Path, names: Iterable[str]) -> None:
    """`custodian run` on the Lambda policies of these names, from a folder that holds nothing."""
    chosen = [word for name in names for word in ("-p", name)]
    where = ("-r", "us-east-1", "-s", str(folder / "out"), str(POLICIES))
    done = run("run", *chosen, *where, env=sandbox.child_environment(), cwd=folder)
    assert done.returncode == 0, done.stderr


def archive(sandbox: Sandbox, name: str) -> bytes:
    """The archive that a policy's function was made from."""
    functions = lambda_backends[sandbox.aws.account_id]["us-east-1"]
    content: bytes = functions.get_function(f"custodian-{name}").code_bytes
    return content


def runtime(folder: Path) -> Path:
    """A folder with what AWS's Python runtime brings, and nothing else."""
    made = folder / "runtime"
    made.mkdir(exist_ok=True)
    for name in RUNTIME:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        source = Path(found.origin)
        source = source.parent if found.submodule_search_locations else source
        if not (made / source.name).exists():
            (made / source.name).symlink_to(source)
    return made


class Container:
    """One Lambda container: a process that handles one event after the other."""

    def __init__(self, process: subprocess.Popen[str], sandbox: Sandbox) -> None:
        self._process = process
        self._sandbox = sandbox
        self.cold_start: float = self._answer()["seconds"]
        self.modules: frozenset[str] = frozenset()
        self.peak = 0.0
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def invoke(self, request: str | None = None, milliseconds: int = TIMEOUT) -> dict[str, Any]:
        """Send the event of a schedule; what the handler returned or raised. A retry repeats `request`."""
        event = {
            "version": "0", "id": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {},
            "account": self._sandbox.aws.account_id, "region": "us-east-1", "time": "2026-06-15T06:00:00Z",
        }  # fmt: skip
        assert self._process.stdin is not None
        context = (request or str(uuid.uuid4()), milliseconds)
        self._process.stdin.write(json.dumps({"event": event, "context": context}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.modules = frozenset(answer.pop("modules"))
        self.peak = answer.pop("peak")
        self.calls = answer.pop("calls")
        return answer


@contextmanager
def container(sandbox: Sandbox, folder: Path, name: str) -> Iterator[Container]:
    """Unpack a deployed function's archive and start it; no start-up file is read, nothing else is there."""
    task = folder / "task" / name
    with zipfile.ZipFile(io.BytesIO(archive(sandbox, name))) as packed:
        packed.extractall(task)
    handler = client(sandbox, "lambda").get_function(FunctionName=f"custodian-{name}")["Configuration"][
        "Handler"
    ]
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", BOOTSTRAP, handler],
            env=sandbox.child_environment() | {"PYTHONPATH": str(runtime(folder))},
            cwd=task, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        with process:
            yield Container(process, sandbox)


def invoke(sandbox: Sandbox, folder: Path, name: str, **context: Any) -> dict[str, Any]:
    """One event in a new container."""
    with container(sandbox, folder, name) as started:
        return started.invoke(**context)
