"""IAM's errors, and its paging: Marker, MaxItems (1 to 1,000, default 100), IsTruncated."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from moto.iam.exceptions import IAMException

from custom_filters.sandbox.aws.account import collate

T = TypeVar("T")
DEFAULT, LARGEST = 100, 1000


def error(code: str, message: str) -> Exception:
    """What the IAM API answers with: a code of its model (which tells the HTTP status), and a message."""
    made: Exception = IAMException(code, message)
    return made


def invalid(field: str, value: object, constraint: str) -> Exception:
    """ValidationError, as a constraint of the model that does not hold."""
    told = f"Value '{value}' at '{field}' failed to satisfy constraint: {constraint}"
    return error("ValidationError", f"1 validation error detected: {told}")


def page(
    items: Sequence[T], name: Callable[[T], str], marker: str | None, size: int | None
) -> tuple[list[T], dict[str, Any]]:
    """One page of `items` (sorted by `collate` of their names), and the fields that say whether more follow.

    The marker names the last item given, so users made or deleted between two pages move nobody.
    """
    size = DEFAULT if size is None else size
    if not 1 <= size <= LARGEST:
        raise invalid("maxItems", size, f"Member must have value between 1 and {LARGEST}")
    after = collate(urlsafe_b64decode(marker).decode()) if marker else ("", "")
    start = bisect_right([collate(name(item)) for item in items], after) if marker else 0
    given = list(items[start : start + size])
    if start + size >= len(items):
        return given, {"IsTruncated": False}
    return given, {"IsTruncated": True, "Marker": urlsafe_b64encode(name(given[-1]).encode()).decode()}
