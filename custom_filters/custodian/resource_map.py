"""Putting resources of ours into Custodian's map of a cloud, without ever taking somebody else's name."""

from __future__ import annotations

from c7n.exceptions import PolicyValidationError


def claim(resource_map: dict[str, str], name: str, path: str) -> None:
    """Have `name` mean our class at `path`; PolicyValidationError when it is another's. Idempotent."""
    present = resource_map.setdefault(name, path)
    if present != path:
        raise PolicyValidationError(
            f"{name!r} is already registered as {present}; remove that plug-in or set C7N_UNUSED_AUTOLOAD=0"
        )
