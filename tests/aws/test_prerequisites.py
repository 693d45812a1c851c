"""prerequisites.yml, both ways: what each of its checks finds in an account, and what it lets pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.inside import calling, collection
from tests.aws.runs import ROOT, client, embedded

POLICIES = yaml.safe_load((ROOT / "policies/aws/prerequisites.yml").read_text())["policies"]
TRAIL, LENGTH, REUSE = (policy["name"] for policy in POLICIES)
ALL = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    with embedded() as sandbox:
        client(sandbox, "s3").create_bucket(Bucket="trails")
        yield sandbox


def found(sandbox: Sandbox, out: Path) -> set[str]:
    """The checks that list the account."""
    with calling(sandbox):
        for policy in collection(sandbox, out, POLICIES):
            policy.run()
    names = (policy["name"] for policy in POLICIES)
    return {name for name in names if json.loads((out / name / "resources.json").read_text())}


PASSWORDS: dict[str, tuple[dict[str, int] | None, set[str]]] = {
    "no password policy": (None, {LENGTH, REUSE}),
    "14 and 24": ({"MinimumPasswordLength": 14, "PasswordReusePrevention": 24}, set()),
    "13 and 24": ({"MinimumPasswordLength": 13, "PasswordReusePrevention": 24}, {LENGTH}),
    "20 and 23": ({"MinimumPasswordLength": 20, "PasswordReusePrevention": 23}, {REUSE}),
    "20, and any password again": ({"MinimumPasswordLength": 20}, {REUSE}),
}


@pytest.mark.parametrize(("values", "wanted"), PASSWORDS.values(), ids=PASSWORDS)
def test_password_policy(
    account: Sandbox, tmp_path: Path, values: dict[str, int] | None, wanted: set[str]
) -> None:
    iam = client(account, "iam")
    if values is None:
        iam.delete_account_password_policy()
    else:
        iam.update_account_password_policy(**values)
    assert found(account, tmp_path) - {TRAIL} == wanted


TRAILS: dict[str, tuple[dict[str, Any] | None, bool, dict[str, Any], bool]] = {
    # Its options, whether it logs, its selector, and whether that is enough.
    "none": (None, False, {}, False),
    "as it should be": ({"IsMultiRegionTrail": True}, True, ALL, True),
    "of one Region": ({"IsMultiRegionTrail": False}, True, ALL, False),
    "not logging": ({"IsMultiRegionTrail": True}, False, ALL, False),
    "without management events": (
        {"IsMultiRegionTrail": True}, True, ALL | {"IncludeManagementEvents": False}, False,
    ),
    "of writes only": ({"IsMultiRegionTrail": True}, True, ALL | {"ReadWriteType": "WriteOnly"}, False),
}  # fmt: skip


@pytest.mark.parametrize(("options", "logs", "selector", "enough"), TRAILS.values(), ids=TRAILS)
def test_trail(
    account: Sandbox, tmp_path: Path, options: dict[str, Any] | None, logs: bool, selector: dict[str, Any],
    enough: bool,
) -> None:  # fmt: skip
    trails = client(account, "cloudtrail")
    for trail in trails.describe_trails()["trailList"]:
        trails.delete_trail(Name=trail["Name"])
    if options is not None:
        trails.create_trail(
            Name="the-trail", S3BucketName="trails", IncludeGlobalServiceEvents=True, **options
        )
        trails.put_event_selectors(TrailName="the-trail", EventSelectors=[selector])
        if logs:
            trails.start_logging(Name="the-trail")
    assert (TRAIL not in found(account, tmp_path)) is enough
