from __future__ import annotations

from tests.conftest import Env

FIND = "from custom_filters.runner.run.policy_files import shipped; print(shipped('report', ['aws'])[0].path)"


def test_the_shipped_policies_come_with_the_wheel(wheel_env: Env) -> None:
    found = wheel_env.run("-c", FIND).stdout.strip()
    assert found == str(wheel_env.site_packages / "custom_filters" / "policies" / "aws" / "report.yml")
    assert "Usage: c7n-unused" in wheel_env.run("-m", "custom_filters", "--help").stdout
