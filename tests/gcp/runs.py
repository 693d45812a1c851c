"""Stock Custodian on the embedded Google."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from custom_filters.core.notes import Entry, Item, Notes, Record, floor_minute
from custom_filters.core.notes_writing import Place, render
from custom_filters.gcp.description import parse_description
from custom_filters.gcp.people import ITEM as SIGN_IN
from custom_filters.gcp.principals import ITEM as ACCOUNT
from custom_filters.gcp.schema import SCHEMA, field_names, field_of
from custom_filters.sandbox.gcp.cloud import GcpCloud
from custom_filters.sandbox.gcp.people import Key, Person, ServiceAccount
from custom_filters.sandbox.sandbox import Sandbox
from tests import clouds
from tests.clouds import CUSTODIAN, ROOT, custodian, resources, utc

__all__ = ["CUSTODIAN", "ROOT", "custodian", "resources", "utc"]
REPORT = ROOT / "policies/gcp/report.yml"
ENFORCE = ROOT / "policies/gcp/enforce.yml"
DOMAIN = "lakeside.example"
NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)

_numbers = itertools.count(5_000)


@contextmanager
def embedded(*, marks: bool = True, **settings: Any) -> Iterator[Sandbox]:
    """A customer with nobody but our own subject, and with our custom schema unless `marks` is False."""
    with clouds.started("gcp", **settings) as sandbox:
        if marks:
            add_schema(sandbox.gcp, utc(2020, 1, 1))
        yield sandbox


def add_schema(cloud: GcpCloud, made: datetime) -> None:
    """What `c7n-unused setup` makes."""
    fields = [{"fieldName": name, "fieldType": "STRING", "multiValued": False} for name in field_names()]
    cloud.state.schemas[SCHEMA] = {"schemaId": SCHEMA, "schemaName": SCHEMA, "fields": fields}
    cloud.state.schema_times[SCHEMA] = made


def person(name: str, now: datetime, idle: float | None, **fields: Any) -> Person:
    """Somebody who last signed in `idle` days ago (None: never), 900 days after being created."""
    made: dict[str, Any] = {
        "id": f"1{next(_numbers):020d}",
        "email": f"{name}@{DOMAIN}",
        "given": name,
        "family": "Doe",
        "created": now - timedelta(days=900),
        "last_login": None if idle is None else now - timedelta(days=idle),
    }
    return Person(**{**made, **fields})


def account(where: Any, name: str, now: datetime, idle: float | None, **fields: Any) -> ServiceAccount:
    """A service account of the first project that last authenticated `idle` days ago (None: never)."""
    company = where.company if hasattr(where, "company") else where.gcp.company
    project = company.projects[0].id
    made: dict[str, Any] = {
        "project": project,
        "email": f"{name}@{project}.iam.gserviceaccount.com",
        "unique_id": f"1{next(_numbers):020d}",
        "created": now - timedelta(days=900),
        "last_authenticated": None if idle is None else now - timedelta(days=idle),
    }
    return ServiceAccount(**{**made, **fields})


def key(owner: ServiceAccount, name: str, now: datetime, idle: float | None, **fields: Any) -> Key:
    """A user-managed key; `name` begins its id, in hex digits."""
    made: dict[str, Any] = {
        "id": name.ljust(40, "0"),
        "account": owner.email,
        "valid_after": now - timedelta(days=600),
        "valid_before": NO_END,
        "last_authenticated": None if idle is None else now - timedelta(days=idle),
    }
    return Key(**{**made, **fields})


def notes(principal: str, now: datetime, *items: Item, off: bool = False) -> dict[str, str]:
    """Our notes on a principal whose notice ends now, or who was switched off now."""
    now = floor_minute(now)
    marked = now - timedelta(days=14)
    entries = [Entry("c7n-unused", marked, now, i.kind, i.id, now if off else None) for i in items]
    rendered = render(Notes(Record(principal)).changed(entries), Place(500))
    return {name: text for name, text in rendered.items() if text}


def noted_person(someone: Person, now: datetime, *, off: bool = False) -> Person:
    """Somebody with these notes in our custom schema."""
    fields = {field_of(name): text for name, text in notes(someone.id, now, SIGN_IN, off=off).items()}
    return replace(someone, custom={SCHEMA: fields}, suspended=someone.suspended or off)


def noted_account(one: ServiceAccount, now: datetime, *items: Item, off: bool = False) -> ServiceAccount:
    """An account with these notes on itself, or on keys of it, in its description."""
    made = notes(one.unique_id, now, *(items or (ACCOUNT,)), off=off)
    described = parse_description(one.description).changed(made).render()
    return replace(one, description=described, disabled=one.disabled or (off and not items))


def policy(
    name: str, *filters: dict[str, Any], resource: str = "directory-user", **more: Any
) -> dict[str, Any]:
    """A policy with our filter behind the given ones."""
    return clouds.policy(f"gcp.{resource}", name, *filters, **more)


def in_project(sandbox: Sandbox, number: int) -> dict[str, str]:
    """What makes a run be about the project with this number."""
    return dict.fromkeys(("GCP_PROJECT", "GOOGLE_CLOUD_PROJECT"), sandbox.gcp.company.projects[number].id)


def annotations(out: Path, name: str) -> list[dict[str, Any]]:
    """The annotations of a policy's resources."""
    return [resource["c7n:unused"] for resource in resources(out, name)]
