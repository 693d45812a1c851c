"""No network, or a log-in that is refused: one sentence, at once, on what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from custom_filters.runner.main import cli
from custom_filters.runner.run import children, log_ins
from custom_filters.runner.run.log_ins import refused
from custom_filters.sandbox.sandbox import Sandbox, Settings

CLOUDS = ("aws", "azure", "gcp")
#: A job in the background ignores Ctrl-C, and so do its children unless they begin like this.
HEEDING = [
    sys.executable, "-c",
    "import os, signal, sys; signal.signal(2, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
]  # fmt: skip


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Log-ins of all three clouds that are as good as real ones."""
    with Sandbox(Settings(users=5, seed=8, clouds=CLOUDS)) as started:
        yield started.child_environment()


@pytest.fixture
def silent_proxy() -> Iterator[str]:
    """A proxy that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def away(environment: dict[str, str], proxy: str) -> dict[str, str]:
    """The environment of a machine that reaches nothing but by this proxy."""
    led = {"AWS_ENDPOINT_URL", "NO_PROXY", "no_proxy", "https_proxy"}
    return {n: v for n, v in environment.items() if n not in led} | {"HTTPS_PROXY": proxy}


def test_a_log_in_that_works_is_not_refused(environment: dict[str, str]) -> None:
    assert refused(CLOUDS, environment) == {}


def test_without_a_network_each_cloud_says_so(environment: dict[str, str]) -> None:
    said = refused(CLOUDS, away(environment, "http://127.0.0.1:9"))
    why = "HTTPS_PROXY is needed and right: the proxy 127.0.0.1:9 can't be reached: Connection refused."
    assert said == dict.fromkeys(CLOUDS, f"Check the network and its DNS, and whether {why}")


def test_what_answers_nothing_is_given_up(environment: dict[str, str], silent_proxy: str) -> None:
    (said,) = refused(["aws"], away(environment, silent_proxy)).values()
    assert said.endswith(f"the proxy {silent_proxy[7:]} does not answer within 4 s.")


@pytest.mark.parametrize(
    ("provider", "changed", "said"),
    [
        (
            "azure",
            {"AZURE_CLIENT_SECRET": "wrong"},
            "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        ),
        ("aws", {"AWS_PROFILE": "nobodys"}, "Set AWS_PROFILE, log in with `aws sso login`"),
        ("gcp", {"GOOGLE_APPLICATION_CREDENTIALS": "/none"}, "Set GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_a_log_in_that_is_refused_says_what_to_do(
    environment: dict[str, str], provider: str, changed: dict[str, str], said: str
) -> None:
    assert refused([provider], environment | changed)[provider].startswith(said)


def test_a_slow_log_in_is_told_and_then_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(log_ins, "own_command", lambda *_: sleeping)
    monkeypatch.setattr(log_ins, "_TOLD_AFTER", 0.1)
    monkeypatch.setattr(log_ins, "_GIVEN_UP_AFTER", 0.3)
    assert "the log-in was not answered within" in refused(["gcp"], dict(os.environ))["gcp"]
    assert "gcp: no answer to the log-in yet, still trying. Check the network" in capsys.readouterr().err


def test_one_cause_is_told_once_and_nothing_else_runs(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: str) -> list[str]:
        raise AssertionError("Custodian was started")

    monkeypatch.setattr(children, "custodian", start)
    led = away(environment, "http://127.0.0.1:9")
    result = CliRunner().invoke(cli, ["run", "-p", "azure", "-s", str(tmp_path)], env=led | {"NO_PROXY": ""})
    assert result.exit_code == 3
    assert result.output.count("can't be reached") == 1
    assert "and 2 more: Check the network" in result.output
    assert "0 of 5" in result.output
    assert not any(word in result.output for word in ("Error", "Exception", "Traceback"))


def test_restore_says_so_too_and_not_that_somebody_was_not_found(
    environment: dict[str, str], tmp_path: Path
) -> None:
    led = away(environment, "http://127.0.0.1:9") | {"NO_PROXY": ""}
    args = ["restore", "-p", "azure", "--user", "jane", "-s", str(tmp_path)]
    result = CliRunner().invoke(cli, args, env=led)
    assert (result.exit_code, result.output.count("can't be reached")) == (3, 1)
    assert "not found" not in result.output


MARKS = """
policies:
- name: mark
  resource: aws.iam-user
  source: unused-bulk
  filters:
  - {type: unused-credentials, days: 30, exemptions: none}
  actions:
  - {type: mark-for-op, op: disable-unused, tag: c7n-unused, hours: 336}
"""


@pytest.mark.slow
@pytest.mark.parametrize("enforce", [False, True])
def test_interrupted(tmp_path: Path, enforce: bool) -> None:
    """A real Ctrl-C: to the whole group, as a terminal sends it."""
    out = tmp_path / "out"
    with Sandbox(Settings(users=60, clouds=("aws",), latency_ms=100)) as started:
        (tmp_path / "mark.yml").write_text(MARKS)
        args = ["--enforce", "--yes", "mark.yml"] if enforce else []
        child = subprocess.Popen(
            [*HEEDING, *children.own_command("run", "-p", "aws", "-s", str(out), *args)],
            env=started.child_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, cwd=tmp_path,
        )  # fmt: skip
        waited_for = "*/aws/*/c7n-unused-actions.jsonl" if enforce else "*/aws.log"
        while child.poll() is None and not any(out.glob(waited_for)):
            time.sleep(0.05)
        assert child.poll() is None, child.communicate()
        os.killpg(child.pid, signal.SIGINT)
        said = child.communicate()
    assert child.returncode == 130, said
    assert "stopped before the end. " in said[1]
    assert "call the same command again" in said[1]
    assert ("Nothing was changed." in said[1]) is not enforce
    assert (
        "c7n-unused-actions.jsonl" in said[1] and "To undo what was disabled: c7n-unused restore" in said[1]
    ) is enforce
