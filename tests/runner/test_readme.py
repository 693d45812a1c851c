"""The READMEs can't rot: what they say of command, policies and reports is checked against the code.

In ```console blocks each `$ c7n-unused ...` line names commands and options that exist, and one that ends in
--help is followed by exactly what it prints. Tables that come from the code are as the code renders them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from custom_filters.reports.formats import FORMATS
from custom_filters.reports.schema import schema
from custom_filters.runner.main import COMMANDS, STOCK, cli
from tests import docs
from tests.aws.runs import validate
from tests.conftest import ROOT

SKIPPED = {".venv", ".git", "out"}
READMES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("*.md"))
    if SKIPPED.isdisjoint(path.relative_to(ROOT).parts)
}
README, REPORTS = READMES["README.md"], READMES["custom_filters/reports/README.md"]
POLICIES = READMES["policies/README.md"]
each = pytest.mark.parametrize("name", READMES)


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", READMES[name], re.MULTILINE | re.DOTALL)


def invocations(name: str) -> Iterator[tuple[str, str]]:
    """Each `$` line of a README, continued lines joined, and the output below it."""
    for block in blocks(name, "console"):
        for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            yield line, output


CALLS = {f"{name}: {line}": (line, output) for name in READMES for line, output in invocations(name)}
OURS = {key: call for key, call in CALLS.items() if re.match(r"(\S*/)?c7n-unused ", call[0])}


@pytest.mark.parametrize("line", [line for line, _ in OURS.values()], ids=OURS)
def test_commands_and_options_exist(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0].partition(" && ")[0], comments=True)[1:]
    words = words[: words.index("--")] if "--" in words else words
    if not words or words[0].startswith("-"):
        return
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, f"there is no {words[0]}"
    known = {"-h", "--help", *(name for param in command.params for name in param.opts)}
    asked = {word.partition("=")[0] for word in words[1:] if word.startswith("-")}
    assert words[0] in STOCK or asked <= known


@pytest.mark.parametrize("call", [call for call in OURS.values() if call[0].endswith(" --help")])
def test_help_is_as_shown(call: tuple[str, str]) -> None:
    line, output = call
    shown = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="c7n-unused", terminal_width=80)
    assert shown.output.strip() == output.strip()


@each
def test_files_and_links_are_there(name: str) -> None:
    folder = (ROOT / name).parent
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", READMES[name])
    assert [link for link in links if not (folder / link).exists()] == []
    shown = {word for block in blocks(name, "console") for word in re.findall(r"(?<!\S)policies/\S+", block)}
    assert [file for file in sorted(shown) if not (ROOT / file).exists() and "*" not in file] == []


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_each_command_has_a_row() -> None:
    assert set(re.findall(r"^\| `c7n-unused ([a-z0-9-]+).*?` \|", README, re.MULTILINE)) == set(COMMANDS)


def test_exit_codes_are_those_of_the_help() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    codes = re.findall(r"^    (\d)  (.+)$", text, re.MULTILINE)
    assert len(codes) == 4
    assert re.findall(r"^\| (\d) \| (.+?) \|$", README, re.MULTILINE) == codes


@pytest.mark.parametrize("table", docs.TABLES)
def test_tables_are_those_of_the_code(table: str) -> None:
    found = docs.block(table).fullmatch(POLICIES)
    assert found, f"policies/README.md has no place for {table}"
    assert found[2].strip() == docs.TABLES[table]().strip(), "run python -m tests.docs"


def test_every_field_and_format_is_described() -> None:
    named = set(re.findall(r"`([a-z_]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", REPORTS, re.MULTILINE))))
    assert set(FORMATS) | set(schema()["$defs"]["finding"]["properties"]) <= named


def test_the_policy_to_start_from_validates(tmp_path: Path) -> None:
    (found,) = blocks("policies/README.md", "yaml")
    (tmp_path / "exemptions.yml").write_text("exemptions: []\n")
    done = validate(tmp_path, yaml.safe_load(found)["policies"])
    assert "Configuration valid" in done.stdout + done.stderr
    assert done.returncode == 0
