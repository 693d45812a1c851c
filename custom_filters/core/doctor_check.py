"""What a run needs of a cloud, as `c7n-unused permissions` lists it and `c7n-unused doctor` looks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that a run needs: `name` it, say whether it is there (`ok`) and what was seen (`detail`).

    `remedy` is one sentence on what to do; it is shown only when the check is not ok.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Need:
    """A permission, scope or privilege, and what it is for.

    `optional`: a run goes on without it; `purpose` then says what is lost.
    """

    name: str
    purpose: str
    optional: bool = False


def lines_of(needs: Sequence[Need], indent: str = "") -> list[str]:
    """A line for each, in two columns."""
    width = max(len(need.name) for need in needs)
    return [f"{indent}{n.name:{width}}  {n.purpose}{' (optional)' if n.optional else ''}" for n in needs]
