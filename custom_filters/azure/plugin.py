"""Registers azure.directory-user, with its filters and actions, with Custodian."""

from __future__ import annotations

from typing import Any

from c7n.exceptions import PolicyValidationError

RESOURCE = "azure.directory-user"
_CLASS = "custom_filters.azure.resource.DirectoryUser"


def install() -> None:
    """Put the resource into c7n-azure's map and its vocabulary on it when it is loaded. Idempotent."""
    from c7n_azure.provider import Azure, resources

    present = Azure.resource_map.setdefault(RESOURCE, _CLASS)
    if present != _CLASS:
        raise PolicyValidationError(
            f"{RESOURCE!r} is already registered as {present}; "
            "remove that plug-in or set C7N_UNUSED_AUTOLOAD=0"
        )
    if _on_resource not in resources._subscribers:
        resources.subscribe(_on_resource)


def _on_resource(registry: Any, resource_class: Any) -> None:
    if getattr(resource_class, "type", None) == RESOURCE.partition(".")[2]:
        register(resource_class)


def register(resource_class: Any) -> None:
    """Put the filters and actions on the resource class."""
    from custom_filters.azure.actions import DisableUnused, EnableUnused
    from custom_filters.azure.filters import DirectoryUserUnusedCredentials, DirectoryUserUnusedMark
    from custom_filters.azure.marking import MarkForOp, UnmarkUnused
    from custom_filters.custodian.registry import add

    add(resource_class.filter_registry, "unused-credentials", DirectoryUserUnusedCredentials)
    add(resource_class.filter_registry, "unused-mark", DirectoryUserUnusedMark)
    add(resource_class.action_registry, "mark-for-op", MarkForOp)
    add(resource_class.action_registry, "unmark-unused", UnmarkUnused)
    add(resource_class.action_registry, "disable-unused", DisableUnused)
    add(resource_class.action_registry, "enable-unused", EnableUnused)
