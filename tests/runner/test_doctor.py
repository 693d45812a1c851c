from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from custom_filters.core.doctor_check import Check
from custom_filters.runner.main import cli

FINE = Check("log-in", True, "as arn:aws:iam::1:role/audit")
MISSING = Check("permission", False, "iam:GenerateCredentialReport is denied", "attach the policy")


def doctor(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> Result:
    monkeypatch.setitem(
        sys.modules, "custom_filters.gcp.doctor", SimpleNamespace(checks=lambda: iter(checks))
    )
    return CliRunner().invoke(cli, ["doctor", "-p", "gcp"])


def test_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(monkeypatch, FINE)
    assert result.exit_code == 0
    assert result.output.startswith("ok      vocabulary: autoload is ")
    assert result.output.endswith("ok      log-in: as arn:aws:iam::1:role/audit\nNothing is missing.\n")


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(monkeypatch, FINE, MISSING)
    assert result.exit_code == 3
    assert (
        "MISSING permission: iam:GenerateCredentialReport is denied\n        attach the policy\n1 missing"
        in (result.output)
    )


def test_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    document = SimpleNamespace(document=lambda enforce: f"enforce: {enforce}\n")
    monkeypatch.setitem(sys.modules, "custom_filters.gcp.permissions", document)
    run = CliRunner().invoke
    assert run(cli, ["permissions", "-p", "gcp"]).output == "enforce: False\n"
    assert run(cli, ["permissions", "-p", "gcp", "--enforce"]).output == "enforce: True\n"
