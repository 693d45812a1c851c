from __future__ import annotations

import pytest
from c7n.exceptions import PolicyValidationError
from c7n.registry import PluginRegistry

from custom_filters.custodian.registry import add


class Ours:
    """A filter of ours."""


class Theirs:
    """A filter of somebody else."""


def registry(**present: type) -> PluginRegistry:
    made = PluginRegistry("iam-user.filters")
    for name, what in present.items():
        made.register(name, what)
    return made


def test_again_and_again_is_fine() -> None:
    made = registry()
    add(made, "unused-credentials", Ours)
    add(made, "unused-credentials", Ours)
    assert made.get("unused-credentials") is Ours


def test_a_name_that_is_taken_is_refused() -> None:
    made = registry(taken=Theirs)
    with pytest.raises(PolicyValidationError, match=r"'taken' is already registered by tests.*AUTOLOAD=0"):
        add(made, "taken", Ours)
    assert made.get("taken") is Theirs


def test_only_the_class_that_was_named_is_replaced() -> None:
    made = registry(mark=Theirs)
    add(made, "mark", Ours, replaces=Theirs)
    assert made.get("mark") is Ours
    with pytest.raises(PolicyValidationError):
        add(registry(mark=Data), "mark", Ours, replaces=Theirs)


class Data:
    """A third class."""
