"""Registers our vocabulary on Google's users, service accounts and keys with Custodian."""

from __future__ import annotations

from typing import Any

from c7n.exceptions import PolicyValidationError

RESOURCE = "gcp.directory-user"
_CLASS = "custom_filters.gcp.resource.DirectoryUser"


def install() -> None:
    """Put our resource into c7n-gcp's map, and our vocabulary on resources once they are loaded."""
    from c7n_gcp.provider import GoogleCloud, resources

    present = GoogleCloud.resource_map.setdefault(RESOURCE, _CLASS)
    if present != _CLASS:
        raise PolicyValidationError(
            f"{RESOURCE!r} is already registered as {present}; "
            "remove that plug-in or set C7N_UNUSED_AUTOLOAD=0"
        )
    if _on_resource not in resources._subscribers:
        resources.subscribe(_on_resource)
    for name in ("service-account", "service-account-key"):
        if name in resources:  # c7n_gcp was imported before us
            _on_resource(resources, resources.get(name))


def _on_resource(registry: Any, resource_class: Any) -> None:
    name = getattr(resource_class, "type", None)
    if name == "directory-user":
        _register_users(resource_class)
    elif name in {"service-account", "service-account-key"}:
        _register_accounts(resource_class)


def _register_users(resource_class: Any) -> None:
    from custom_filters.gcp.filters import DirectoryUserUnusedCredentials, DirectoryUserUnusedMark

    _register(resource_class, DirectoryUserUnusedCredentials, DirectoryUserUnusedMark)


def _register_accounts(resource_class: Any) -> None:
    from custom_filters.gcp.account_filters import (
        AccountUnusedMark,
        ServiceAccountKeyUnusedCredentials,
        ServiceAccountUnusedCredentials,
    )

    keys = resource_class.type == "service-account-key"
    unused = ServiceAccountKeyUnusedCredentials if keys else ServiceAccountUnusedCredentials
    _register(resource_class, unused, AccountUnusedMark)


def _register(resource_class: Any, unused: type, mark: type) -> None:
    from custom_filters.custodian.registry import add
    from custom_filters.gcp.actions import DisableUnused, EnableUnused, MarkForOp, UnmarkUnused

    add(resource_class.filter_registry, "unused-credentials", unused)
    add(resource_class.filter_registry, "unused-mark", mark)
    for action in (MarkForOp, UnmarkUnused, DisableUnused, EnableUnused):
        add(resource_class.action_registry, action.schema["properties"]["type"]["enum"][0], action)
