"""Partial responses: the `fields` parameter (`nextPageToken,users(id,name/fullName)`)."""

from __future__ import annotations

import json
import re
from typing import Any

from custom_filters.sandbox.gcp.errors import ApiError


def select(body: Any, fields: str) -> Any:
    """The parts of `body` that `fields` names; a name without a list of its own takes all below it."""
    text = re.sub(r"\w+", r'"\g<0>": {}', fields).replace("{}(", "{").replace(")", "}")
    text = re.sub(r'\{\}/("\w+": (?:\{\}|\{(?:[^{}]|\{\})*\}))', r"{\1}", text)
    try:
        return _apply(body, json.loads(f"{{{text}}}"))
    except ValueError:
        raise ApiError(400, f"Invalid field selection {fields}", reason="invalidParameter") from None


def _apply(body: Any, tree: dict[str, Any]) -> Any:
    if isinstance(body, list):
        return [_apply(item, tree) for item in body]
    if not tree or not isinstance(body, dict):
        return body
    return {key: _apply(value, tree[key]) for key, value in body.items() if key in tree}
