"""`c7n-unused sandbox`: the embedded clouds, for a command or until Ctrl-C."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sysconfig
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import click

from custom_filters.core.errors import InputError
from custom_filters.core.times import format_time
from custom_filters.core.vocabulary import PROVIDERS
from custom_filters.runner.options import Time, words
from custom_filters.runner.run.policy_files import installed, need_installed

if TYPE_CHECKING:
    from custom_filters.sandbox.sandbox import Sandbox

DEFAULT_USERS = 200
DEFAULT_SEED = 7


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--users", default=DEFAULT_USERS, show_default=True, type=click.IntRange(1),
              help="Size of the company.")  # fmt: skip
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="The same seed gives the same company.")
@click.option("--latency-ms", default=0.0, show_default=True, type=click.FloatRange(0),
              help="Time that each call takes at least.")  # fmt: skip
@click.option(
    "--faults", default="", metavar="SPEC", help="For example throttle=0.1,report=slow; help lists all."
)
@click.option("--now", type=Time(), metavar="TIME", help="The clouds' time, RFC 3339 with a time zone.")
@words("--clouds", allowed=PROVIDERS, metavar="NAMES", help="aws,azure,gcp; default: all that are installed.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def sandbox(
    ctx: click.Context,
    users: int,
    seed: int,
    latency_ms: float,
    faults: str,
    now: datetime | None,
    clouds: tuple[str, ...],
    command: tuple[str, ...],
) -> None:
    """Run a command against embedded clouds.

    They are started on loopback. COMMAND gets an environment that points unmodified clients at the clouds;
    its exit code is passed on. Without a COMMAND the environment is printed, and the clouds run until Ctrl-C.

    \b
      c7n-unused sandbox -- custodian run -s out policies/aws/report.yml
    """  # noqa: D301 - click's \b keeps the lines
    need_installed(clouds)
    clouds = clouds or tuple(filter(installed, PROVIDERS))
    if faults == "help":
        from custom_filters.sandbox.sandbox import described_faults

        click.echo(described_faults(clouds))
        return
    with start_sandbox(users, seed, latency_ms, faults, now, clouds) as embedded:
        environment = sandbox_environment(embedded)
        if command:
            ctx.exit(_run(command, environment))
        for name, value in sorted(embedded.environment.items()):
            click.echo(f"export {name}={shlex.quote(value)}")
        click.echo("The embedded clouds run until Ctrl-C.", err=True)
        _wait_for_stop()


def move_clock(control_url: str, at: datetime) -> None:
    """Set the clock of the embedded clouds that this process was started in; raises InputError."""
    body = json.dumps({"now": format_time(at)}).encode()
    request = Request(f"{control_url}/clock", body, method="POST")  # noqa: S310 - checked to be loopback
    if urlsplit(control_url).hostname != "127.0.0.1":
        raise InputError(
            f"C7N_UNUSED_SANDBOX is {control_url}, which is not a sandbox on this machine; unset it."
        )
    try:
        build_opener(ProxyHandler({})).open(request).close()
    except OSError as error:
        raise InputError(f"no sandbox answers at {control_url} ({error}); start one.") from error


@contextmanager
def start_sandbox(
    users: int, seed: int, latency_ms: float, faults: str, now: datetime | None, clouds: Sequence[str]
) -> Iterator[Sandbox]:
    """Run the embedded clouds for the length of a `with`; raises InputError on what they can't be."""
    with ExitStack() as stack:
        try:
            from custom_filters.sandbox.sandbox import FOREIGN, Sandbox, Settings

            stack.enter_context(_without_variables(FOREIGN))
            settings = Settings(users, seed, latency_ms, Settings.parse_faults(faults), now, tuple(clouds))
            embedded = stack.enter_context(Sandbox(settings))
        except ModuleNotFoundError as error:
            remedy = "pip install 'c7n-unused[sandbox]'"
            raise InputError(f"the sandbox needs {error.name}, which is not installed: {remedy}.") from error
        except ValueError as error:
            raise InputError(f"{error}.") from error
        yield embedded


@contextmanager
def _without_variables(prefixes: tuple[str, ...]) -> Iterator[None]:
    """Hide this user's log-ins, such as AWS_PROFILE, from the SDKs inside the embedded clouds."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(prefixes)}
    try:
        yield
    finally:
        os.environ.update(taken)


def sandbox_environment(embedded: Sandbox) -> dict[str, str]:
    """An environment without this process's cloud log-ins, led to the embedded clouds.

    This Python's own scripts come first on PATH: `custodian` is the one that knows our vocabulary.
    """
    environment = embedded.child_environment()
    path = os.pathsep.join([sysconfig.get_path("scripts"), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise InputError(f"{command[0]} can't be run: {error.strerror}.") from error
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        while process.poll() is None:
            with suppress(KeyboardInterrupt):  # the command got it too, and ends as it sees fit
                process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    code = process.returncode
    return code if code >= 0 else 128 - code


def _wait_for_stop() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1):  # Windows delivers signals only between waits
        pass
