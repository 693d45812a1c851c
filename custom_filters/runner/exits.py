"""Exit codes, in one place, and the two errors that carry them."""

from __future__ import annotations

import click

EVALUATED = 0
FINDINGS = 1
WRONG_INPUT = 2
NOT_EVALUATED = 3

_RANK = (EVALUATED, FINDINGS, NOT_EVALUATED, WRONG_INPUT)


class InputError(click.ClickException):
    """Wrong input: the message is one sentence that names what is wrong and what to do."""

    exit_code = WRONG_INPUT


class NotEvaluatedError(click.ClickException):
    """Something could not be evaluated at all: the message is one sentence that says what and why."""

    exit_code = NOT_EVALUATED


def worst(*codes: int) -> int:
    """The exit code of a whole: 2 (wrong input) before 3 (not evaluated) before 1 (findings) before 0.

    Raises ValueError on a number that is no exit code of ours.
    """
    return max(codes, key=_RANK.index, default=EVALUATED)
