from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

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
    ("callback", "sentence"),
    [
        (_fail, "demo stopped on ZeroDivisionError: nobody foresaw this"),
        (_stop, "demo was stopped before its end."),
    ],
)
def test_what_nobody_foresaw_is_not_evaluated(
    monkeypatch: pytest.MonkeyPatch, callback: Callable[[], None], sentence: str
) -> None:
    monkeypatch.setattr("custom_filters.runner.demo.demo", click.Command("demo", callback=callback))
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == 3
    assert result.output.startswith(f"Error: {sentence}")


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_filters.runner.demo.demo", click.Command("demo", callback=_fail))
    assert isinstance(CliRunner().invoke(cli, ["--debug", "demo"]).exception, ZeroDivisionError)


def test_stock_commands_are_commands() -> None:
    assert COMMANDS.keys() >= STOCK
