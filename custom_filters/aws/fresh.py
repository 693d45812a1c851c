"""A user's credentials as they are now, one user at a time and past every cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from custom_filters.aws.client import found_or_none
from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE, LAST_USED, PASSWORD, status_of
from custom_filters.aws.details import get_service_credentials, get_ssh_keys
from custom_filters.aws.notes import BY_SLOT
from custom_filters.aws.quarantine import QUARANTINE, is_ours
from custom_filters.aws.users import get_user, tags_of
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, NeverUsed, read_use
from custom_filters.core.notes import read_notes
from custom_filters.core.times import to_utc


@dataclass(frozen=True)
class FreshUser:
    """A user as it is now: what GetUser says (with tags), and every credential with its real id."""

    user: Mapping[str, Any]
    credentials: list[Credential]


def get_fresh_user(iam: Any, known: Identity, now: datetime) -> FreshUser | None:
    """Read a user and its credentials; None when it is gone, or another one has its name.

    The credentials are read first and the tags last: a record that another run wrote is then never missed.
    """
    if get_user(iam, known.name) is None:
        return None
    credentials = get_credentials(iam, known, now)
    profile = found_or_none(lambda: iam.get_login_profile(UserName=known.name)["LoginProfile"])
    user = get_user(iam, known.name)
    if user is None or user["UserId"] != known.id:
        return None
    if profile:
        credentials.insert(0, _password(iam, known, profile, user, now))
    return FreshUser(user, credentials)


def named_by_slot(fresh: list[Credential], known: list[Credential]) -> list[Credential]:
    """Fresh credentials under the names that the report gives them, so that a finding keeps its uid."""
    named = [c for c in fresh if c.kind not in BY_SLOT]
    for kind, prefix in ((ACCESS_KEY, "access_key"), (CERTIFICATE, "cert")):
        dates = {c.id: c.rotated for c in known if c.kind == kind}
        free = [f"{prefix}_{n}" for n in range(1, len(fresh) + 1)]
        # Those that a date identifies choose first.
        for item in sorted(
            (c for c in fresh if c.kind == kind), key=lambda c: c.created not in dates.values()
        ):
            slot = next((s for s in free if dates.get(s) == item.created), free[0])
            free.remove(slot)
            named.append(replace(item, id=slot))
    return named


def get_credentials(iam: Any, known: Identity, now: datetime) -> list[Credential]:
    """Every credential but the password, with its real id and fresh evidence.

    `known` is what the bulk data said: the dates of the last rotation are only there.
    """
    name = known.name
    found = [_access_key(key, _last_used(iam, key), known, now) for key in get_keys(iam, name)]
    found += get_ssh_keys(iam, name)
    found += chain.from_iterable(get_service_credentials(iam, UserName=name).values())
    pages = iam.get_paginator("list_signing_certificates").paginate(UserName=name)
    return found + [_certificate(item) for page in pages for item in page["Certificates"]]


def get_keys(iam: Any, name: str) -> list[dict[str, Any]]:
    """A user's access keys, as ListAccessKeys gives them."""
    pages = iam.get_paginator("list_access_keys").paginate(UserName=name)
    return [key for page in pages for key in page["AccessKeyMetadata"]]


def _last_used(iam: Any, key: Mapping[str, Any]) -> datetime | None:
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    at: datetime | None = used.get("LastUsedDate")
    return at


def _access_key(
    key: Mapping[str, Any], last_used: datetime | None, known: Identity, now: datetime
) -> Credential:
    created = to_utc(key["CreateDate"])
    evidence: Evidence = NeverUsed(created, LAST_USED, observed_at=now)
    if last_used:
        evidence = read_use(last_used, LAST_USED, now=now, observed_at=now)
    slots = [c for c in known.credentials if c.kind == ACCESS_KEY]
    same = [c for c in slots if c.rotated == created.replace(microsecond=0)]
    seen = same[0].evidence if len(same) == 1 else ()
    return Credential(
        kind=ACCESS_KEY,
        id=key["AccessKeyId"],
        status=status_of(key),
        created=created,
        evidence=(*seen, evidence),
        rotated=_newest(created, *(c.rotated for c in same or slots)),
    )


def _certificate(item: Mapping[str, Any]) -> Credential:
    uploaded = to_utc(item["UploadDate"])
    return Credential(CERTIFICATE, item["CertificateId"], status_of(item), uploaded, (), uploaded)


def _password(
    iam: Any, known: Identity, profile: Mapping[str, Any], user: Mapping[str, Any], now: datetime
) -> Credential:
    """The password of a login profile; off when our own inline policy denies the user everything."""
    created = to_utc(profile["CreateDate"])
    evidence: Evidence = NeverUsed(created, LAST_USED, observed_at=now)
    if user.get("PasswordLastUsed"):
        evidence = read_use(user["PasswordLastUsed"], LAST_USED, now=now, observed_at=now)
    before = next((c for c in known.credentials if c.kind == PASSWORD), None)
    return Credential(
        kind=PASSWORD,
        id=PASSWORD,
        status="off" if _is_quarantined(iam, known, tags_of(user), now) else "on",
        created=created,
        evidence=(*(before.evidence if before else ()), evidence),
        rotated=_newest(created, before.rotated if before else None),
        age_problem=before.age_problem if before else None,
    )


def _is_quarantined(iam: Any, known: Identity, tags: Mapping[str, str], now: datetime) -> bool:
    """Asked only where the listing or the record says so."""
    off = any(e.kind == PASSWORD for e in read_notes(tags, known.id, now).off())
    if not off and not any(c.kind == PASSWORD and c.status == "off" for c in known.credentials):
        return False
    found = found_or_none(lambda: iam.get_user_policy(UserName=known.name, PolicyName=QUARANTINE))
    return found is not None and is_ours(found["PolicyDocument"])


def _newest(first: datetime, *others: datetime | None) -> datetime:
    return max([first, *(d for d in others if d)])
