"""Registers our vocabulary on AWS's resources with Custodian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from c7n.manager import resources

if TYPE_CHECKING:
    from custom_filters.aws.aws_kind import AwsKind

_RESOURCES = ("iam-user", "iam-role")


def kinds() -> tuple[type[AwsKind], ...]:
    """The resource kinds of this cloud, in the order of _RESOURCES."""
    from custom_filters.aws.iam_role import IamRole
    from custom_filters.aws.iam_user import IamUser

    return (IamUser, IamRole)


def install() -> None:
    """Subscribe to Custodian's AWS resources; what is loaded already is registered at once. Idempotent."""
    if _on_resource not in resources._subscribers:
        resources.subscribe(_on_resource)
    for name in _RESOURCES:
        if name in resources:
            _on_resource(resources, resources.get(name))


def _on_resource(registry: Any, resource_class: Any) -> None:
    if getattr(resource_class, "type", None) in _RESOURCES:
        register(resource_class)


def register(resource_class: Any) -> None:
    """Put the filters, actions and the source on the resource class."""
    from c7n.query import sources

    from custom_filters.aws.source import NAME, UnusedBulkSource
    from custom_filters.custodian import registry
    from custom_filters.custodian.calls import count_calls_of

    count_calls_of("aws")
    registry.register(resource_class, kinds()[_RESOURCES.index(resource_class.type)])
    registry.add(sources, NAME, UnusedBulkSource)
