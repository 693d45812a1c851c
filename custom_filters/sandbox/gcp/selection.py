"""Partial responses: the `fields` parameter (`nextPageToken,users(id,name/fullName)`)."""

from __future__ import annotations

import re
from typing import Any

from custom_filters.sandbox.gcp.errors import ApiError

Tree = dict[str, "Tree"]


def select(body: Any, fields: str) -> Any:
    """The parts of `body` that `fields` names; a name without a list of its own takes all below it."""
    tokens = re.findall(r"[\w.*$-]+|[(),/]", fields)
    tree = _read(tokens) if "".join(tokens) == fields.replace(" ", "") else None
    if tree is None or tokens:
        raise ApiError(400, f"Invalid field selection {fields}", reason="invalidParameter")
    return _apply(body, tree)


def _read(tokens: list[str]) -> Tree | None:
    """Takes a list of names off the tokens; None if they can't be read."""
    tree: Tree = {}
    while True:
        branch = tree
        while tokens and tokens[0] not in "(),/":
            branch = branch.setdefault(tokens.pop(0), {})
            if tokens[:1] != ["/"]:
                break
            tokens.pop(0)
        else:
            return None
        if tokens[:1] == ["("]:
            tokens.pop(0)
            inner = _read(tokens)
            if inner is None or tokens[:1] != [")"]:
                return None
            tokens.pop(0)
            branch.update(inner)
        if tokens[:1] != [","]:
            return tree
        tokens.pop(0)


def _apply(body: Any, tree: Tree) -> Any:
    if not tree or "*" in tree:
        return body
    if isinstance(body, list):
        return [_apply(item, tree) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: _apply(value, tree[key]) for key, value in body.items() if key in tree}
