"""The Regions that an account can use: the default ones, and those that it opted in to."""

from __future__ import annotations

from collections.abc import Mapping

from custom_filters.sandbox.aws.faults import targets

_DEFAULT = """
ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1
eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
"""
DEFAULT_REGIONS = frozenset(_DEFAULT.split())


def enabled(faults: Mapping[str, str | float]) -> frozenset[str]:
    """The Regions whose endpoints know the account's credentials."""
    return DEFAULT_REGIONS | {region for region, _ in targets(faults.get("aws_opt_in"))}
