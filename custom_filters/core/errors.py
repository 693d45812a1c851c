"""The two errors that end a command: the message is one sentence for the user."""

from __future__ import annotations


class InputError(Exception):
    """Wrong input: the sentence names what is wrong and what to do."""


class NotEvaluatedError(Exception):
    """Something could not be evaluated or done: the sentence says what and why."""
