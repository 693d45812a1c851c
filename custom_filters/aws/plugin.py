"""Registers our vocabulary on aws.iam-user with Custodian."""

from __future__ import annotations

from typing import Any

from c7n.manager import resources

_RESOURCE = "iam-user"


def install() -> None:
    """Subscribe to Custodian's AWS resources; what is loaded already is registered at once. Idempotent."""
    if _on_resource not in resources._subscribers:
        resources.subscribe(_on_resource)
    if _RESOURCE in resources:
        _on_resource(resources, resources.get(_RESOURCE))


def _on_resource(registry: Any, resource_class: Any) -> None:
    if getattr(resource_class, "type", None) == _RESOURCE:
        register(resource_class)


def register(resource_class: Any) -> None:
    """Put the filters, actions and the source on the resource class."""
    from c7n.query import sources
    from c7n.tags import TagDelayedAction

    from custom_filters.aws.actions import DisableUnused, EnableUnused, UnmarkUnused
    from custom_filters.aws.filters import IamUserUnusedCredentials, IamUserUnusedMark
    from custom_filters.aws.marking import IamUserMarkForOp
    from custom_filters.aws.source import NAME, UnusedBulkSource
    from custom_filters.custodian.registry import add

    add(resource_class.filter_registry, "unused-credentials", IamUserUnusedCredentials)
    add(resource_class.filter_registry, "unused-mark", IamUserUnusedMark)
    add(resource_class.action_registry, "mark-for-op", IamUserMarkForOp, replaces=TagDelayedAction)
    add(resource_class.action_registry, "unmark-unused", UnmarkUnused)
    add(resource_class.action_registry, "disable-unused", DisableUnused)
    add(resource_class.action_registry, "enable-unused", EnableUnused)
    add(sources, NAME, UnusedBulkSource)
