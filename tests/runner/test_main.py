from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner

from custom_filters.autoload import SWITCH
from custom_filters.core.vocabulary import CLOUD_VARIABLE, NOW_VARIABLE, RUN_ID_VARIABLE
from custom_filters.runner.exits import worst
from custom_filters.runner.main import COMMANDS, STOCK, cli

HEAVY = ("c7n", "c7n_org", "c7n_azure", "c7n_gcp", "moto", "boto3", "botocore")


@pytest.mark.parametrize(
    ("codes", "whole"),
    [((), 0), ((0, 1), 1), ((1, 3), 3), ((3, 2), 2), ((2, 0), 2), ((3, 1, 0), 3)],
)
def test_the_highest_exit_code_wins(codes: tuple[int, ...], whole: int) -> None:
    assert worst(*codes) == whole


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    assert len(command.get_short_help_str(200)) < 45, "fits on one line of `c7n-unused --help`"
    assert all(p.help for p in command.params if isinstance(p, click.Option))


def test_help_names_every_command_and_exit_code() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert all(f"\n    {code}  " in text for code in range(4))


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from custom_filters.runner.main import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        f"sys.exit(str([m for m in {HEAVY!r} if m in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def _fail() -> None:
    raise ZeroDivisionError("nobody foresaw this")


def _stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("callback", "sentence", "code"),
    [
        (_fail, "demo stopped on an unexpected error, nobody foresaw this", 3),
        (_stop, "demo was stopped before its end.", 130),
    ],
)
def test_what_nobody_foresaw_is_not_evaluated(
    monkeypatch: pytest.MonkeyPatch, callback: Callable[[], None], sentence: str, code: int
) -> None:
    monkeypatch.setattr("custom_filters.runner.demo.demo", click.Command("demo", callback=callback))
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == code
    assert result.output.startswith(f"Error: {sentence}")


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_filters.runner.demo.demo", click.Command("demo", callback=_fail))
    assert isinstance(CliRunner().invoke(cli, ["--debug", "demo"]).exception, ZeroDivisionError)


def test_stock_commands_are_commands() -> None:
    assert COMMANDS.keys() >= STOCK


def _options(command: click.Command, *path: str) -> Iterator[tuple[str, str]]:
    """Each option's variable as the help describes it, and the one that click reads."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from _options(inner, *path, name)
    for option in (p for p in command.params if isinstance(p, click.Option)):
        words = ("C7N_UNUSED", *path, max(option.opts, key=len).lstrip("-"))
        yield "_".join(words).replace("-", "_").upper(), str(option.envvar)


def test_each_option_has_a_variable_of_its_own() -> None:
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in COMMANDS}
    found = [pair for name, command in commands.items() if command for pair in _options(command, name)]
    own = [(said, read) for said, read in found if read != CLOUD_VARIABLE]
    assert len(own) > 40
    assert [pair for pair in own if pair[0] != pair[1]] == []
    meant_otherwise = {RUN_ID_VARIABLE, NOW_VARIABLE, "C7N_UNUSED_SANDBOX", SWITCH, "C7N_UNUSED_ENTRA_APP"}
    names = [read for _, read in own]
    assert sorted(set(names) - meant_otherwise) == sorted(names)


@pytest.mark.parametrize(
    "args", [["-p", "aws,gcp"], ["-p", "gcp", "-p", "aws"], ["-p", "aws,gcp", "-p", "gcp"]], ids=" ".join
)
def test_words_come_by_commas_and_by_repeating_the_option(args: list[str]) -> None:
    output = CliRunner().invoke(cli, ["policies", *args]).output
    assert [f"{name}-" in output for name in ("aws", "azure", "gcp")] == [True, False, True]


def test_no_words_are_no_answer() -> None:
    result = CliRunner().invoke(cli, ["policies", "-p", ""])
    assert (result.exit_code, "'' is not one of aws" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("variable", "value", "args", "said"),
    [
        ("C7N_UNUSED_RUN_DAYS", "0", ["run"], "--days 0: '0' is not a whole number"),
        ("C7N_UNUSED_RUN_PROVIDER", "aws,ibm", ["run"], "'ibm' is not one of aws"),
        ("C7N_UNUSED_RUN_POLICY", "one two", ["run", "-p", "aws"], "--policy one: no policy has it"),
        ("C7N_UNUSED_RUN_ENFORCE", "1", ["run"], "this is not a terminal; add --yes"),
        ("C7N_UNUSED_RUN_MAX_RESOURCES", "many", ["run"], "'many' is not a valid integer range"),
        ("C7N_UNUSED_EXPLAIN_USER", "jane", ["explain", "nowhere"], "nowhere is not a folder"),
        (
            "C7N_UNUSED_DECISIONS_CHECK_REPORT",
            "none",
            ["decisions", "check", __file__],
            "'none' does not exist",
        ),
    ],
)
def test_a_variable_is_as_good_as_its_option(variable: str, value: str, args: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, args, env={variable: value, "C7N_UNUSED_SANDBOX": None})
    assert (result.exit_code, said in result.output) == (2, True), result.output
