"""The `c7n-unused` command: finds the subcommand, and is the one boundary for what nobody foresaw."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn

import click

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.core.text import printable
from custom_filters.runner.exits import OF_ERROR, StoppedError

#: Subcommand -> where it lives. Imported only when it is called or shown, so that a start stays quick.
COMMANDS = {
    "init": "custom_filters.runner.init:init",
    "policies": "custom_filters.runner.policies:policies",
    "run": "custom_filters.runner.run.command:run",
    "report": "custom_filters.runner.report:report",
    "explain": "custom_filters.runner.explain:explain",
    "restore": "custom_filters.runner.restore:restore",
    "decisions": "custom_filters.runner.decisions:decisions",
    "verify": "custom_filters.runner.verify:verify",
    "permissions": "custom_filters.runner.permissions:permissions",
    "doctor": "custom_filters.runner.doctor:doctor",
    "setup": "custom_filters.runner.setup:setup",
    "sandbox": "custom_filters.runner.sandbox:sandbox",
    "demo": "custom_filters.runner.demo:demo",
    "custodian": "custom_filters.runner.passthrough:custodian",
    "c7n-org": "custom_filters.runner.passthrough:c7n_org",
}
#: These end as the stock commands do, traceback and exit code included.
STOCK = frozenset({"custodian", "c7n-org"})
_FORESEEN: tuple[type[Exception], ...] = (
    *OF_ERROR, click.ClickException, click.exceptions.Exit, BrokenPipeError,
)  # fmt: skip


class Commands(click.Group):
    """The subcommands, imported late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        _name_variables(command, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand and turn its errors into exit codes.

        What nobody foresaw reads as not evaluated, never as a finding (exit 1).
        """
        try:
            return self._invoke(ctx)
        except tuple(OF_ERROR) as error:
            click.echo(f"Error: {printable(str(error))}", err=True)
            ctx.exit(OF_ERROR[type(error)])

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except _FORESEEN:
            raise
        except (KeyboardInterrupt, click.Abort) as error:
            raise StoppedError(f"{ctx.invoked_subcommand} was stopped before its end.") from error
        except Exception as error:
            if ctx.invoked_subcommand in STOCK or ctx.params["debug"]:
                raise
            raise NotEvaluatedError(
                f"{ctx.invoked_subcommand} stopped on an unexpected error, {error}. What was left to do "
                f"was not done; `c7n-unused --debug {ctx.invoked_subcommand} ...` shows where."
            ) from error


def _name_variables(command: click.Command, *path: str) -> None:
    """Each option can come from a variable, such as C7N_UNUSED_RUN_FAIL_ON for `run --fail-on`."""
    for param in command.params:
        if isinstance(param, click.Option) and param.envvar is None:
            option = max(param.opts, key=len).lstrip("-")
            param.envvar = "_".join(("c7n-unused", *path, option)).replace("-", "_").upper()
    for name, inner in getattr(command, "commands", {}).items():
        _name_variables(inner, *path, name)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"c7n-unused {version('c7n-unused')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--debug", is_flag=True, envvar="C7N_UNUSED_DEBUG", help="Show the traceback of an unexpected error."
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
              help="Show the version.")  # fmt: skip
def cli(debug: bool) -> None:
    """Find cloud identities that nobody uses, show the evidence, and retire them with Cloud Custodian.

    Each option can also be a variable: C7N_UNUSED_RUN_FAIL_ON is `run --fail-on`; several words are
    divided by blanks.

    \b
    Exit codes, the highest wins (2 > 3 > 1 > 0):
      0  everything was evaluated, and nothing is at --fail-on
      1  findings at --fail-on
      2  wrong input
      3  something was not evaluated, or not done
    """  # noqa: D301 - click's \b keeps the lines


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The entry point: run `args`, or the command line, and leave with the exit code."""
    cli.main(args, prog_name="c7n-unused")
    raise SystemExit(0)
