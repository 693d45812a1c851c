"""Putting our names into Custodian's registries without ever taking somebody else's."""

from __future__ import annotations

from typing import Any

from c7n.exceptions import PolicyValidationError


def add(registry: Any, name: str, ours: type, *, replaces: type | None = None) -> None:
    """Register `ours` under `name`; again and again is fine.

    Raises PolicyValidationError when the name belongs to a class that is neither ours nor `replaces`.
    """
    present = registry.get(name)
    if present is ours:
        return
    if present is not None and present is not replaces:
        raise PolicyValidationError(
            f"{registry.plugin_type}: {name!r} is already registered by {present.__module__}; "
            "remove that plug-in or set C7N_UNUSED_AUTOLOAD=0"
        )
    registry.register(name, ours)
