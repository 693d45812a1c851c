"""Exit codes, in one place."""

from __future__ import annotations

from collections.abc import Collection

from custom_filters.core.errors import InputError, NotEvaluatedError
from custom_filters.core.report import Report

EVALUATED = 0
FINDINGS = 1
WRONG_INPUT = 2
NOT_EVALUATED = 3
INTERRUPTED = 130


class StoppedError(Exception):
    """Somebody stopped the command: the sentences say how far it came and how to go on."""


#: Exit codes of the errors that end a command.
OF_ERROR: dict[type[Exception], int] = {
    InputError: WRONG_INPUT,
    NotEvaluatedError: NOT_EVALUATED,
    StoppedError: INTERRUPTED,
}
_RANK = (EVALUATED, FINDINGS, NOT_EVALUATED, WRONG_INPUT)


def worst(*codes: int) -> int:
    """The exit code of a whole: 2 (wrong input) before 3 (not evaluated) before 1 (findings) before 0.

    Raises ValueError on any other number.
    """
    return max(codes, key=_RANK.index, default=EVALUATED)


def of_report(report: Report, fail_on: Collection[str] = ()) -> int:
    """3 when something was not evaluated, else 1 when anything stands at `--fail-on`, else 0."""
    if report.not_evaluated:
        return NOT_EVALUATED
    return FINDINGS if report.counts_at(fail_on) else EVALUATED
