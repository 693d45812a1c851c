"""Keys of service accounts whose use Google does not tell: HMAC keys, and API keys bound to an account.

https://cloud.google.com/storage/docs/json_api/v1/projects/hmacKeys,
https://cloud.google.com/api-keys/docs/reference/rest/v2/projects.locations.keys: neither makes authentication
activity, so an account that has a live one and is not seen in use otherwise is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from custom_filters.core.credential import Credential
from custom_filters.core.evidence import Unknown
from custom_filters.core.times import parse_time
from custom_filters.gcp.client import Api, Client, once_or_unknown, project_of, shared_client
from custom_filters.gcp.errors import documented

HMAC, API = "hmac-key", "bound-api-key"
KINDS = (HMAC, API)
HMAC_KEYS = Api("storage", "v1", "projects.hmacKeys")
API_KEYS = Api("apikeys", "v2", "projects.locations.keys")
_HMAC_PAGE, _API_PAGE = 250, 300
_ACCOUNT = "serviceAccountEmail"
_OFF = ("INACTIVE", "DELETED")


@dataclass(frozen=True)
class BoundKey:
    """One key: its kind, id, the account's address, and whether it is on."""

    kind: str
    id: str
    account: str
    on: bool
    created: datetime

    def credential(self, now: datetime) -> Credential:
        """Its use is never known."""
        evidence = Unknown(f"Google does not tell when an {_named(self.kind)} was used", self.kind,
                           observed_at=now)  # fmt: skip
        return Credential(self.kind, self.id, "on" if self.on else "off", self.created, (evidence,))


@dataclass(frozen=True)
class BoundKeys:
    """The keys of a project by the address of their account, and why some could not be read."""

    by_account: Mapping[str, tuple[BoundKey, ...]]
    unread: tuple[Unknown, ...] = ()

    def credentials(self, account: str, now: datetime) -> tuple[Credential, ...]:
        """One account's keys."""
        return tuple(key.credential(now) for key in self.by_account.get(account, ()))

    def evidence(self, account: str, now: datetime) -> tuple[Unknown, ...]:
        """What they mean for the account itself: to disable it stops its keys too."""
        live = [key for key in self.by_account.get(account, ()) if key.on]
        held = (Unknown(f"it has the live {_named(k.kind)} {k.id}, whose use Google does not tell", k.kind,
                        observed_at=now) for k in live)  # fmt: skip
        return (*self.unread, *held)


def _named(kind: str) -> str:
    return "HMAC key" if kind == HMAC else "API key"


def shared_bound_keys(manager: Any) -> BoundKeys:
    """The keys of the project, each kind read once a run."""
    project = project_of(manager)
    hmac, api = shared_client(manager, HMAC_KEYS), shared_client(manager, API_KEYS)
    found = (
        once_or_unknown(manager, HMAC, ("gcp-hmac", project), lambda: get_hmac_keys(hmac, project)),
        once_or_unknown(manager, API, ("gcp-api-keys", project), lambda: get_api_keys(api, project)),
    )
    by_account: defaultdict[str, list[BoundKey]] = defaultdict(list)
    for key in (key for keys in found if not isinstance(keys, Unknown) for key in keys):
        by_account[key.account].append(key)
    unread = tuple(keys for keys in found if isinstance(keys, Unknown))
    return BoundKeys({name: tuple(keys) for name, keys in by_account.items()}, unread)


def get_hmac_keys(client: Client, project: str) -> tuple[BoundKey, ...]:
    """Every HMAC key of a project; deleted ones are not listed."""
    rows = client.items("list", "items", projectId=project, maxResults=_HMAC_PAGE)
    with documented("hmacKeys.list"):
        return tuple(
            _key(HMAC, row["accessId"], row, row["timeCreated"], on=row.get("state") not in _OFF)
            for row in rows
        )


def get_api_keys(client: Client, project: str) -> tuple[BoundKey, ...]:
    """Every API key of a project that stands for a service account."""
    rows = client.items("list", "keys", parent=f"projects/{project}/locations/global", pageSize=_API_PAGE)
    with documented("keys.list"):
        bound = (row for row in rows if row.get(_ACCOUNT))
        return tuple(_key(API, row["uid"], row, row["createTime"], on=True) for row in bound)


def _key(kind: str, name: str, row: Mapping[str, Any], created: str, *, on: bool) -> BoundKey:
    return BoundKey(kind, name, row[_ACCOUNT], on, parse_time(created))
