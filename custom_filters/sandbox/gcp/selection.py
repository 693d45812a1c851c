"""Partial responses: the `fields` parameter (`nextPageToken,users(id,name/fullName)`)."""

from __future__ import annotations

import re
from typing import Any

from custom_filters.sandbox.gcp.errors import ApiError

Tree = dict[str, "Tree"]


def select(body: Any, fields: str) -> Any:
    """The parts of `body` that `fields` names; a name without a list of its own takes all below it."""
    tokens = re.findall(r"[\w.*$-]+|[(),/]", fields)
    if "".join(tokens) != fields.replace(" ", ""):
        raise invalid_selection(fields)
    tree, rest = _many(tokens, fields)
    if rest:
        raise invalid_selection(fields)
    return _apply(body, tree)


def invalid_selection(fields: str) -> ApiError:
    """The 400 for a `fields` that can't be read."""
    return ApiError(400, f"Invalid field selection {fields}", reason="invalidParameter")


def _many(tokens: list[str], fields: str) -> tuple[Tree, list[str]]:
    tree: Tree = {}
    while True:
        tokens = _one(tokens, tree, fields)
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _one(tokens: list[str], tree: Tree, fields: str) -> list[str]:
    if not tokens or tokens[0] in "(),/":
        raise invalid_selection(fields)
    branch = tree.setdefault(tokens[0], {})
    tokens = tokens[1:]
    if tokens and tokens[0] == "/":
        return _one(tokens[1:], branch, fields)
    if tokens and tokens[0] == "(":
        inner, tokens = _many(tokens[1:], fields)
        if not tokens or tokens[0] != ")":
            raise invalid_selection(fields)
        branch.update(inner)
        return tokens[1:]
    return tokens


def _apply(body: Any, tree: Tree) -> Any:
    if not tree or "*" in tree:
        return body
    if isinstance(body, list):
        return [_apply(item, tree) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: _apply(value, tree[key]) for key, value in body.items() if key in tree}
