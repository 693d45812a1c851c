"""What the report lacks, read only for users who look unused: SSH keys, service-specific credentials."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from custom_filters.aws.client import answer_or_refusal, aws_client, found_or_none, shared_in_account
from custom_filters.aws.credentials import transform_service_credential, transform_ssh_key
from custom_filters.core.credential import Credential
from custom_filters.custodian import clock
from custom_filters.custodian.parallel import for_each

log = logging.getLogger("custodian.unused.aws")


SshKeys: TypeAlias = list[Credential] | ClientError


def shared_ssh_keys(manager: Any, names: Iterable[str]) -> dict[str, SshKeys]:
    """The SSH keys of these users by name, or why they may not be read.

    One call for each user that was not read before in this run. Raises the refusal when there is nobody of
    several users whose keys may be read: that is a permission that is missing.
    """
    known: dict[str, SshKeys] = shared_in_account(manager, ("ssh-keys",), dict)
    missing = [name for name in names if name not in known]
    if missing:
        iam = aws_client(manager)
        log.info("reading the SSH keys of %d users that are not plainly active", len(missing))
        known.update(for_each(lambda n: (n, answer_or_refusal(lambda: get_ssh_keys(iam, n))), missing))
        _tell_refusals([found for name in missing if isinstance(found := known[name], ClientError)], missing)
    return known


def _tell_refusals(refused: list[ClientError], asked: list[str]) -> None:
    if not refused:
        return
    if len(refused) == len(asked) > 1:
        raise refused[0]
    log.warning("the SSH keys of %d users may not be read, so they are unknown: %s", len(refused), refused[0])


def get_ssh_keys(iam: Any, name: str) -> list[Credential]:
    """A user's SSH keys; a user that is gone has none."""
    pages = iam.get_paginator("list_ssh_public_keys").paginate(UserName=name)
    found = found_or_none(lambda: [transform_ssh_key(key) for page in pages for key in page["SSHPublicKeys"]])
    return found or []


def shared_service_credentials(manager: Any) -> dict[str, list[Credential]]:
    """Every user's service-specific credentials by user name, read once a run."""
    load = partial(get_service_credentials, aws_client(manager), AllUsers=True)
    return shared_in_account(manager, ("service-credentials",), load)


def get_service_credentials(iam: Any, **whose: Any) -> dict[str, list[Credential]]:
    """ListServiceSpecificCredentials by user name, page by page (botocore has no paginator for it).

    `whose` is AllUsers=True or UserName=NAME.
    """
    found: dict[str, list[Credential]] = {}
    arguments: dict[str, Any] = {**whose, "MaxItems": 1000}
    while True:
        page = iam.list_service_specific_credentials(**arguments)
        for item in page.get("ServiceSpecificCredentials", ()):
            found.setdefault(item["UserName"], []).append(transform_service_credential(item, clock.now()))
        if not page.get("IsTruncated"):
            return found
        arguments["Marker"] = page["Marker"]
