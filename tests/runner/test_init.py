from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from custom_filters.custodian.exemptions import read_exemptions
from custom_filters.runner import init
from custom_filters.runner.main import cli
from tests.conftest import ROOT, Env

WHEEL = "https://releases.example/c7n_unused-1-py3-none-any.whl"


def invoke(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_chosen_providers_policies_and_what_the_workflow_needs(tmp_path: Path) -> None:
    result = invoke("init", "-p", "aws,gcp", tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert {name for name in written(tmp_path / "new") if not name.startswith("policies/aws/lambda/")} == {
        "policies/aws/report.yml", "policies/aws/enforce.yml", "policies/aws/prerequisites.yml",
        "policies/aws/roles-report.yml", "policies/aws/roles-enforce.yml",
        "policies/gcp/report.yml", "policies/gcp/enforce.yml",
        "exemptions.yml", "constraints.txt", ".github/workflows/unused.yml",
    }  # fmt: skip
    assert (tmp_path / "new/policies/gcp/report.yml").read_text() == (
        ROOT / "policies/gcp/report.yml"
    ).read_text()
    assert all(name in result.output for name in written(tmp_path / "new"))


@pytest.mark.parametrize(
    "there", ["exemptions.yml", "policies/aws/report.yml", ".github/workflows/unused.yml"]
)
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_nothing_is_overwritten_and_nothing_else_written(tmp_path: Path, there: str, kind: str) -> None:
    mine = tmp_path / there
    mine.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        mine.write_text("mine")
    else:
        mine.symlink_to(tmp_path / "elsewhere")
    result = invoke("init", "-p", "aws", tmp_path)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert f"{mine} is there" in result.output
    assert not (tmp_path / "constraints.txt").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_exemptions_start_empty_with_the_example_as_comments(tmp_path: Path) -> None:
    invoke("init", tmp_path)
    path = tmp_path / "exemptions.yml"
    assert read_exemptions(str(path)) == ()
    text = path.read_text()
    uncommented = text.replace("exemptions: []", "exemptions:").replace("\n#  ", "\n  ")
    assert yaml.safe_load(uncommented) == yaml.safe_load(
        (ROOT / "policies/exemptions.example.yml").read_text()
    )


@pytest.mark.parametrize(
    ("record", "wheel"),
    [
        (None, None),
        ('{"url": "file:///src", "dir_info": {"editable": true}}', None),
        ('{"url": "https://x.example/c7n-unused", "vcs_info": {"vcs": "git", "commit_id": "1"}}', None),
        (f'{{"url": "{WHEEL}", "archive_info": {{}}}}', None),
        ('{"url": "file:///c.whl", "archive_info": {"hashes": {"sha256": "ab"}}}', None),
        (f'{{"url": "{WHEEL}", "archive_info": {{"hashes": {{"sha256": "ab"}}}}}}', f"{WHEEL}#sha256=ab"),
    ],
)
def test_the_workflow_is_pinned_to_the_wheel_that_is_installed_where_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str | None, wheel: str | None
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return record if name == "direct_url.json" else None

    monkeypatch.setattr(init, "distribution", lambda _: Installed())
    result = invoke("init", "-p", "aws", tmp_path)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/unused.yml").read_text())
    assert workflow["env"]["WHEEL"] == (wheel or "${{ vars.C7N_UNUSED_WHEEL }}")
    assert ("C7N_UNUSED_WHEEL" in result.output) is (wheel is None)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = invoke("init", tmp_path / "file" / "below")
    assert result.exit_code == 2
    assert f"{tmp_path / 'file' / 'below'}" in result.output


@pytest.mark.parametrize("columns", ["60", "140"])
def test_policies_lists_every_shipped_one_with_its_resource_and_file(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    result = invoke("policies")
    assert result.exit_code == 0
    files = list(ROOT.glob("policies/*/*.yml"))
    assert all(str(path) in result.output.replace("\n", "") for path in files)
    shipped = [policy for path in files for policy in yaml.safe_load(path.read_text())["policies"]]
    assert len(shipped) > 30
    for policy in shipped:
        assert re.search(rf"(?<![\w-]){policy['name']}(?![\w-])", result.output)
        assert policy["resource"] in result.output
    assert "aws-iam" not in invoke("policies", "-p", "gcp").output


def test_an_installed_wheel_lists_and_writes_policies_that_are_valid(wheel_env: Env, tmp_path: Path) -> None:
    """Outside the checkout, as after `pipx install`."""
    folder = tmp_path / "new"
    wheel_env.run("-m", "custom_filters", "init", folder)
    assert "aws-iam-user-unused" in wheel_env.run("-m", "custom_filters", "policies").stdout
    assert (folder / "constraints.txt").read_bytes() == (ROOT / "constraints.txt").read_bytes()
    # enforce.yml names exemptions.yml, which lies in the folder
    code = (
        f"import os; os.chdir({str(folder)!r}); from custom_filters.runner.main import main; "
        "main(['custodian', 'validate', 'policies/aws/report.yml', 'policies/aws/enforce.yml'])"
    )
    child = wheel_env.run("-c", code, check=False)
    assert child.returncode == 0, child.stderr
