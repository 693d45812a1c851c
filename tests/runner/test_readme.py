"""README can't rot: what it says of the command is checked against the command.

In its ```console blocks each `$ c7n-unused ...` line names commands and options that exist, and one that ends
in --help is followed by exactly what it prints. Its table of commands has a row for each, which begins with
| `c7n-unused NAME; its table of exit codes has the rows of `c7n-unused --help`, as | code | text |.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from custom_filters.runner.main import COMMANDS, STOCK, cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def invocations() -> Iterator[tuple[str, str]]:
    """Each `$ c7n-unused` line, continued lines joined, and the output below it."""
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            if line.startswith("c7n-unused"):
                yield line, output


CALLS = list(invocations())


@pytest.mark.parametrize("line", [line for line, _ in CALLS])
def test_commands_and_options_exist(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = words[: words.index("--")] if "--" in words else words
    if not words or words[0].startswith("-"):
        return
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, f"there is no {words[0]}"
    known = {"-h", "--help", *(name for param in command.params for name in param.opts)}
    asked = {word.partition("=")[0] for word in words[1:] if word.startswith("-")}
    assert words[0] in STOCK or asked <= known


@pytest.mark.parametrize(("line", "output"), [call for call in CALLS if call[0].endswith(" --help")])
def test_help_is_as_shown(line: str, output: str) -> None:
    shown = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="c7n-unused", terminal_width=80)
    assert shown.output.strip() == output.strip()


def test_each_command_has_a_row() -> None:
    assert set(re.findall(r"^\| `c7n-unused ([a-z0-9-]+)", README, re.MULTILINE)) == set(COMMANDS)


def test_exit_codes_are_those_of_the_help() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    codes = re.findall(r"^    (\d)  (.+)$", text, re.MULTILINE)
    assert len(codes) == 4
    assert re.findall(r"^\| (\d) \| (.+?) \|$", README, re.MULTILINE) == codes
