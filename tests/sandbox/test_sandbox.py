from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.sandbox import described_faults

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)


def call(sandbox: Sandbox, method: str, path: str, body: object = None, where: str = "") -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request((where or sandbox.control_url) + path, data, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def run(sandbox: Sandbox, script: str) -> subprocess.CompletedProcess[str]:
    environment = sandbox.child_environment(os.environ)
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_clock_flows_from_where_it_was_set() -> None:
    clock = Clock()
    assert clock.stated is None
    clock.set(NOW)
    clock.advance(timedelta(hours=336))
    assert clock.stated == clock.reference() == NOW + timedelta(days=14)
    assert timedelta() <= clock.now() - (NOW + timedelta(days=14)) < timedelta(minutes=1)


def test_the_clock_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="a time with a zone"):
        Clock(datetime(2026, 6, 15))  # noqa: DTZ001  # that is the mistake


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", {}),
        ("throttle=0.1, report=slow,limit-report", {"throttle": 0.1, "report": "slow", "limit-report": "on"}),
        ("deny=ListUsers+TagUser,report=3", {"deny": "ListUsers+TagUser", "report": 3.0}),
    ],
)
def test_faults_are_parsed(text: str, faults: dict[str, str | float]) -> None:
    assert Settings.parse_faults(text) == faults


@pytest.mark.parametrize("text", ["throttle=", "=1", "report=slow,report=never"])
def test_malformed_faults_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--faults"):
        Settings.parse_faults(text)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(clouds=("oracle",)), "no such cloud: oracle"),
        (Settings(users=0, faults={"throtle": 0.1}), "no cloud here has the fault throtle"),
        (Settings(users=0, faults={"throttle": 2}), "share of calls, from 0 to 1"),
        (Settings(users=0, faults={"report": "sloow"}), "give slow or never"),
        (Settings(users=0, faults={"deny": 1}), "give actions"),
    ],
)
def test_settings_that_would_test_nothing_are_refused(settings: Settings, message: str) -> None:
    with pytest.raises(ValueError, match=message), Sandbox(settings):
        pass


def test_calls_clock_and_faults_are_read_and_changed_over_http() -> None:
    with Sandbox(Settings(users=0, now=NOW)) as sandbox:
        sandbox.calls["aws:ListUsers"] = 2
        assert call(sandbox, "GET", "/calls") == (200, {"aws:ListUsers": 2})
        assert call(sandbox, "DELETE", "/calls") == (200, {})
        assert (
            call(sandbox, "POST", "/clock", {"advance_hours": 336})[1]["stated"]
            == "2026-06-29T12:00:00+00:00"
        )
        assert call(sandbox, "POST", "/clock", {"now": "2027-01-01T00:00:00Z"})[0] == 200
        assert sandbox.clock.stated == datetime(2027, 1, 1, tzinfo=timezone.utc)
        assert call(sandbox, "POST", "/faults", {"throttle": 0.1, "report": "slow"})[0] == 200
        assert call(sandbox, "POST", "/faults", {"report": None}) == (200, {"throttle": 0.1})
        assert sandbox.faults == {"throttle": 0.1}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("PUT", "/calls", {}, 404),
        ("POST", "/clock", {"now": "2026-06-15T12:00:00"}, 400),
        ("POST", "/clock", {"hours": 1}, 400),
        ("POST", "/faults", {"throtle": 0.1}, 400),
        ("POST", "/faults", {"throttle": []}, 400),
        ("POST", "/faults", {"kill": "sometimes"}, 400),
        ("POST", "/hands", {"cloud": "oracle", "hand": "disable", "who": "x"}, 404),
        ("POST", "/hands", {"hand": "disable"}, 400),
    ],
)
def test_the_control_endpoint_refuses(method: str, path: str, body: object, status: int) -> None:
    with Sandbox(Settings(users=0)) as sandbox:
        answer = call(sandbox, method, path, body)
    assert answer[0] == status
    assert answer[1]["error"]


def test_the_environment_says_what_time_it_is_only_if_the_clock_was_moved() -> None:
    with Sandbox(Settings(users=0)) as sandbox:
        assert "C7N_UNUSED_NOW" not in sandbox.environment
        sandbox.clock.set(NOW)
        assert sandbox.environment["C7N_UNUSED_NOW"] == "2026-06-15T12:00:00Z"
        assert sandbox.environment["C7N_UNUSED_SANDBOX"] == sandbox.control_url


def test_a_childs_environment_holds_nothing_of_the_machines_own_clouds() -> None:
    mine = {"PATH": "/bin", "AWS_PROFILE": "work", "AZURE_CLIENT_SECRET": "s", "https_proxy": "http://x"}
    with Sandbox(Settings(users=0)) as sandbox:
        child = sandbox.child_environment(mine)
        assert child["https_proxy"] == child["HTTPS_PROXY"] == sandbox.proxy
    assert child["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "AZURE_CLIENT_SECRET"} & child.keys()


def test_no_real_cloud_is_in_reach_of_a_sandbox_with_aws_alone() -> None:
    script = "import requests; requests.get('https://graph.microsoft.com/v1.0/users', timeout=9)"
    with Sandbox(Settings(users=0)) as sandbox:
        child = run(sandbox, script)
        assert child.returncode == 1
        assert "502" in child.stderr
        assert sandbox._wire.refused == ["graph.microsoft.com:443"]


@pytest.mark.parametrize("path", ["", "/calls", "/guessed/calls", "/guessed/faults"])
def test_control_needs_the_runs_secret(path: str) -> None:
    with Sandbox(Settings(users=0)) as sandbox:
        bare = sandbox.control_url.rpartition("/")[0]
        assert call(sandbox, "GET", path, where=bare)[0] == 403
        assert call(sandbox, "POST", "/x/faults", {"throttle": 1}, where=bare)[0] == 403
        assert sandbox.faults == {}


WRITES = """
import boto3
iam = boto3.client("iam")
for n in range(4):
    iam.create_user(UserName=f"u{n}")
    print(n, flush=True)
"""


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="callers are found in Linux's /proc")
@pytest.mark.parametrize(("fault", "made", "told"), [("before:3", 2, 2), ("after:3", 3, 2)])
def test_the_caller_is_killed_around_a_write(fault: str, made: int, told: int) -> None:
    with Sandbox(Settings(users=0)) as sandbox:
        assert call(sandbox, "POST", "/faults", {"kill": fault})[0] == 200
        child = run(sandbox, WRITES)
        assert child.returncode == -signal.SIGKILL
        assert len(sandbox.aws.account().backend.users) == made
    assert child.stdout.split() == [str(n) for n in range(told)]


def test_an_unmodified_client_in_a_child_process_finds_it() -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    with Sandbox(Settings(users=0)) as sandbox:
        assert run(sandbox, script).stdout.strip() == sandbox.aws.caller_arn
        assert sandbox._wire.connects == sandbox._wire.refused == []  # loopback stays direct


def test_clouds_that_were_not_started_are_not_there() -> None:
    with Sandbox(Settings(users=0)) as sandbox, pytest.raises(AttributeError, match="azure"):
        sandbox.azure  # noqa: B018  # the look-up is what fails


def test_all_clouds_run_together_and_the_proxy_leads_to_them() -> None:
    pytest.importorskip("custom_filters.sandbox.gcp.cloud")
    with Sandbox(Settings(users=3, clouds=("aws", "azure", "gcp"))) as sandbox:
        environment = sandbox.environment
        assert set(sandbox.clouds) == {"aws", "azure", "gcp"}
    assert {"AWS_ENDPOINT_URL", "AZURE_TENANT_ID", "GOOGLE_APPLICATION_CREDENTIALS"} <= environment.keys()
    assert environment["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert "127.0.0.1" in environment["NO_PROXY"]


NAMED = """
aws_read_lag gcp_list_lag aws_evidence_lag omit omit_page aws_rate log_rate deny_user denial cae
reports_partial reports_missing page_token graph_page_token revoke_fail kill
aws_expire aws_trail_lag patch_fail
"""


def test_one_table_tells_every_fault() -> None:
    told = described_faults(("aws", "azure", "gcp"))
    names = {line.partition("=")[0].rpartition(" ")[2] for line in told.splitlines()}
    assert set(NAMED.split()) <= names
