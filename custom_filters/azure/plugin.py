"""Registers azure.directory-user, with its filters and actions, with Custodian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custom_filters.custodian.kind import Kind

RESOURCE = "azure.directory-user"
_CLASS = "custom_filters.azure.resource.DirectoryUser"


def kinds() -> tuple[type[Kind], ...]:
    """The resource kinds of this cloud."""
    from custom_filters.azure.directory_user import DirectoryUser

    return (DirectoryUser,)


def install() -> None:
    """Put the resource into c7n-azure's map and its vocabulary on it when it is loaded. Idempotent."""
    from c7n_azure.provider import Azure, resources

    from custom_filters.custodian.calls import count_calls_of
    from custom_filters.custodian.resource_map import claim

    claim(Azure.resource_map, RESOURCE, _CLASS)
    count_calls_of("azure")
    if _on_resource not in resources._subscribers:
        resources.subscribe(_on_resource)


def _on_resource(registry: Any, resource_class: Any) -> None:
    if getattr(resource_class, "type", None) == RESOURCE.partition(".")[2]:
        from custom_filters.custodian.registry import register

        register(resource_class, *kinds())
