"""Registers our vocabulary on Google's users, service accounts and keys with Custodian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custom_filters.custodian.kind import Kind

RESOURCE = "gcp.directory-user"
_CLASS = "custom_filters.gcp.resource.DirectoryUser"
_RESOURCES = ("directory-user", "service-account", "service-account-key")


def kinds() -> tuple[type[Kind], ...]:
    """The resource kinds of this cloud, in the order of _RESOURCES."""
    from custom_filters.gcp.directory_user import DirectoryUser
    from custom_filters.gcp.service_account import ServiceAccount
    from custom_filters.gcp.service_account_key import ServiceAccountKey

    return (DirectoryUser, ServiceAccount, ServiceAccountKey)


def install() -> None:
    """Put our resource into c7n-gcp's map, and our vocabulary on what is loaded. Idempotent."""
    from c7n_gcp.provider import GoogleCloud, resources

    from custom_filters.custodian.calls import count_calls_of
    from custom_filters.custodian.resource_map import claim

    claim(GoogleCloud.resource_map, RESOURCE, _CLASS)
    count_calls_of("gcp")
    if _on_resource not in resources._subscribers:
        resources.subscribe(_on_resource)
    for name in _RESOURCES[1:]:
        if name in resources:  # c7n_gcp was imported before us
            _on_resource(resources, resources.get(name))


def _on_resource(registry: Any, resource_class: Any) -> None:
    name = getattr(resource_class, "type", None)
    if name in _RESOURCES:
        from custom_filters.custodian.registry import register

        register(resource_class, kinds()[_RESOURCES.index(name)])
