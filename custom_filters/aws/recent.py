"""What CloudTrail says of the last hours, before a credential is switched off or on again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from c7n.utils import local_session

from custom_filters.aws.client import aws_client, found_or_none, shared_in_account
from custom_filters.aws.cloudtrail import (
    PASSWORD_EVENTS,
    SIGN_IN_REGIONS,
    Asked,
    Trail,
    attempt,
    detail,
    is_about,
    uses,
)
from custom_filters.aws.credentials import ACCESS_KEY, PASSWORD
from custom_filters.aws.quarantine import COMPROMISED, foreign_deny
from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Used
from custom_filters.core.lifecycle_states import Recent, item_of
from custom_filters.core.notes import Item
from custom_filters.core.times import format_time, to_utc
from custom_filters.custodian.selected import Fresh, with_use

#: A reset may be missing from a credential report that is so old.
_RESETS_SINCE = timedelta(hours=48)
#: Partition -> the Region that records IAM's events.
IAM_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
_PASSWORD_ITEM = Item(PASSWORD, PASSWORD)


def shared_trail(manager: Any, asked: tuple[str, ...] | None) -> Trail:
    """Clients for the Regions asked for, else for all that are enabled; to be made in the main thread."""
    return shared_in_account(manager, ("trail", asked), lambda: _trail(manager, asked))


def _trail(manager: Any, asked: tuple[str, ...] | None) -> Trail:
    session = local_session(manager.session_factory)
    partition = str(session.get_partition_for_region(manager.config.region))
    home = IAM_REGION.get(partition, manager.config.region)
    names, regional = (asked, Asked()) if asked else enabled_regions(manager)
    needed = {home, *names, *(SIGN_IN_REGIONS if partition == "aws" else ())}
    clients = {region: aws_client(manager, "cloudtrail", region) for region in sorted(needed)}
    return Trail(clients, home, regional)


def enabled_regions(manager: Any) -> tuple[tuple[str, ...], Asked]:
    """The Regions that the account can use, and what is wrong with that list, if anything."""
    ec2 = aws_client(manager, "ec2")
    found = attempt("all Regions", lambda: tuple(ec2.describe_regions()["Regions"]), {})
    return tuple(region["RegionName"] for region in found.events), replace(found, events=())


def shared_resets(manager: Any, trail: Trail, now: datetime) -> Asked:
    """Who was given another password lately, by three look-ups a run; to be asked in the main thread."""
    load = partial(trail.of_iam, PASSWORD_EVENTS, now - _RESETS_SINCE, now)
    return shared_in_account(manager, ("password-events",), load)


def recent_use(
    trail: Trail, resets: Asked, fresh: Fresh, since: datetime, now: datetime
) -> tuple[Identity, Recent]:
    """The identity with what CloudTrail saw since, and how that went."""
    identity = fresh.identity
    keys = [c.id for c in identity.credentials if c.kind == ACCESS_KEY]
    asked = trail.of_user(identity.name, keys, since, now)
    known = not (resets.failed or resets.refused)
    reset = any(is_about(event, identity.name) for event in resets.events)
    recent = asked.recent([_PASSWORD_ITEM] if known and not reset else [])
    if recent.state == "checked" and not known:
        recent = replace(recent, reason=resets.recent().reason)
    return with_use(identity, _spread(uses(asked.events, keys), identity)), recent


def _spread(seen: Mapping[Item | None, Used], identity: Identity) -> dict[Item | None, Used]:
    """What cannot be told apart, such as a session, may be the use of any of the credentials."""
    anybodys = seen.get(None)
    if anybodys is None:
        return dict(seen)
    items = [item_of(credential) for credential in identity.credentials]
    return {**{item: max(seen.get(item, anybodys), anybodys, key=_at) for item in items}, None: anybodys}


def _at(used: Used) -> datetime:
    return used.at


def changed_by(
    iam: Any, trail: Asked, fresh: Fresh, since: Mapping[Item, datetime], caller: str
) -> dict[Item, str]:
    """What shows that others changed a user's credentials since we switched them off.

    `trail` holds UpdateAccessKey events, where CloudTrail could be read.
    """
    why = next(_denied(iam, fresh.identity.name), None)
    found = dict.fromkeys(since, why) if why else {}
    for event in trail.events:
        asked = detail(event).get("requestParameters") or {}
        item, at = Item(ACCESS_KEY, str(asked.get("accessKeyId"))), to_utc(event["EventTime"])
        by = event.get("Username")
        ours = by == caller.rpartition("/")[2]
        if item in since and at > since[item] and not ours:
            found[item] = f"{by} set it to {asked.get('status')} at {format_time(at)}"
    return {item: text for item, text in found.items() if text}


def _denied(iam: Any, name: str) -> Iterator[str]:
    attached = found_or_none(lambda: iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]) or []
    for policy in attached:
        if policy["PolicyName"].startswith(COMPROMISED):
            yield f"AWS found a key of the user in public and attached {policy['PolicyName']}"
    inline = found_or_none(lambda: iam.list_user_policies(UserName=name)["PolicyNames"]) or []
    documents = {p: iam.get_user_policy(UserName=name, PolicyName=p)["PolicyDocument"] for p in inline}
    if why := foreign_deny(documents, "user"):
        yield why
