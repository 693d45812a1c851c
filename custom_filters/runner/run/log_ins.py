"""Before a run: does each cloud's log-in work? Said within seconds, where the SDKs try on for minutes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

import click

from custom_filters.core.text import visible
from custom_filters.runner.run.children import own_command

_TOLD_AFTER = 8.0
_GIVEN_UP_AFTER = 60.0
_NETWORK = "Check the network and its DNS, and whether HTTPS_PROXY is needed and right"

Asked = Mapping[str, "subprocess.Popen[str]"]


def refused(providers: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Provider -> what to do and why, for those whose log-in is certain not to work; the others may run."""
    began = time.monotonic()
    with _asked(providers, environment) as asked:
        for provider in _silent(asked, began + _TOLD_AFTER):
            click.echo(f"{provider}: no answer to the log-in yet, still trying. {_NETWORK}.", err=True)
        late = f"{_NETWORK}: the log-in was not answered within {_GIVEN_UP_AFTER:.0f} s."
        found = dict.fromkeys(_silent(asked, began + _GIVEN_UP_AFTER), late)
        found |= {p: said for p, child in asked.items() if p not in found and (said := _said(child))}
    return found


@contextmanager
def _asked(providers: Iterable[str], environment: Mapping[str, str]) -> Iterator[Asked]:
    asked = {provider: _ask(provider, environment) for provider in providers}
    try:
        yield asked
    finally:
        for child in asked.values():
            with child:
                child.kill()  # does nothing to one that has ended


def _ask(provider: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        own_command("doctor", "-p", provider, "--log-in"),
        env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _silent(asked: Asked, until: float) -> list[str]:
    """Those that have not ended by then."""
    for child in asked.values():
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, until - time.monotonic()))
    return [provider for provider, child in asked.items() if child.poll() is None]


def _said(child: subprocess.Popen[str]) -> str | None:
    """What to do; None where all is well, or the question itself failed: then the run itself will tell."""
    try:
        check = json.loads(child.communicate()[0])
    except ValueError:
        return None
    if check["ok"]:
        return None
    remedy = check["remedy"]
    return visible(f"{remedy[:1].upper()}{remedy[1:]}: {' '.join(check['detail'].split()).rstrip('.')}.")
