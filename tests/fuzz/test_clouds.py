"""Answers of the clouds with damage: somebody in use is never called unused; else a sentence says why."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError
from hypothesis import given, settings
from hypothesis import strategies as st

from custom_filters.aws.credential_report import parse_report
from custom_filters.aws.credentials import transform_row
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.azure.identities import Surroundings, transform_identity
from custom_filters.azure.pace import Limits
from custom_filters.azure.roles import members_of
from custom_filters.azure.users import get_listing
from custom_filters.core.credential import Identity
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.times import format_time
from custom_filters.core.verdict import UNUSED
from custom_filters.gcp.accounts import get_roles
from custom_filters.gcp.activity import OF_KEYS, analyzer_evidence, get_rows, get_seen
from custom_filters.gcp.bound_keys import get_api_keys, get_hmac_keys
from custom_filters.gcp.people import transform_user
from custom_filters.gcp.roles import get_holders
from custom_filters.gcp.usage_reports import get_newest
from tests.fuzz.mutation import damaged, mutate

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
#: Three days, and 700.
LATELY, LONG_AGO = (format_time(NOW - timedelta(days=days)) for days in (3, 700))
ROW = {
    "user": "alice", "arn": "arn:aws:iam::111111111111:user/alice", "user_creation_time": LONG_AGO,
    "password_enabled": "true", "password_last_used": LATELY, "password_last_changed": LONG_AGO,
    "access_key_1_active": "true", "access_key_1_last_rotated": LONG_AGO,
    "access_key_1_last_used_date": LATELY,
    "access_key_2_active": "false", "access_key_2_last_rotated": "N/A", "access_key_2_last_used_date": "N/A",
    "cert_1_active": "false", "cert_1_last_rotated": "N/A",
    "cert_2_active": "false", "cert_2_last_rotated": "N/A",
}  # fmt: skip
GRAPH = {
    "id": "00000000-0000-4000-8000-000000000001", "userPrincipalName": "alice@example.com",
    "mail": "alice@example.com", "accountEnabled": True, "userType": "Member", "createdDateTime": LONG_AGO,
    "assignedLicenses": [{"skuId": "sku", "disabledPlans": []}], "onPremisesSyncEnabled": None,
    "signInActivity": {
        "lastSignInDateTime": LATELY, "lastNonInteractiveSignInDateTime": LATELY,
        "lastSuccessfulSignInDateTime": LATELY,
    },
}  # fmt: skip
OTHER = GRAPH | {"id": "00000000-0000-4000-8000-000000000002", "userPrincipalName": "bob@example.com"}
DIRECTORY = {
    "id": "1", "customerId": "C01", "primaryEmail": "alice@example.com", "isAdmin": False,
    "isDelegatedAdmin": False, "suspended": False, "archived": False, "creationTime": LONG_AGO,
    "lastLoginTime": LATELY, "relations": [{"type": "manager", "value": "boss@example.com"}],
}  # fmt: skip
dice = st.randoms(use_true_random=False)
many = settings(max_examples=400)


def report(rows: Iterable[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ROW)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def unused(provider: str, *credentials: Any) -> bool:
    who = Identity(provider, "1", "alice", "A1", tuple(credentials))
    return judge_identity(who, Rules(90), NOW).verdict in UNUSED


@many
@given(dice)
def test_cells_of_a_credential_report(dice: random.Random) -> None:
    name = dice.choice(sorted(ROW))
    row = {**ROW, name: mutate(ROW[name], dice)}
    try:
        rows = parse_report(report([row]))
    except PolicyExecutionError:
        return
    for found in rows.values():
        assert not unused("aws", *transform_row(found, NOW, NOW)), found


@many
@given(dice)
def test_bytes_of_a_credential_report(dice: random.Random) -> None:
    """A cut or a strange byte ends in a sentence; who can still be read is read."""
    try:
        rows = parse_report(damaged(report([ROW, {**ROW, "user": "bob"}]), dice))
    except PolicyExecutionError:
        return
    for found in rows.values():
        judge_identity(Identity("aws", "1", "x", "A1", tuple(transform_row(found, NOW, NOW))), Rules(90), NOW)


class Pages:
    """Graph, as far as a listing needs it."""

    def __init__(self, *users: Any) -> None:
        self.users = list(users)
        self.limits = Limits()

    def get(self, *_: Any, **__: Any) -> str:
        return str(len(self.users))

    def pages(self, *_: Any) -> Iterator[list[Any]]:
        yield self.users


@many
@given(dice)
def test_a_page_of_graph(dice: random.Random) -> None:
    """An earlier read of the run had the activity, so that leaving it out means nothing."""
    seen: set[str] = set()
    get_listing(Pages(GRAPH, OTHER), "t", None, seen)  # type: ignore[arg-type]
    try:
        listing = get_listing(Pages(mutate(GRAPH, dice), OTHER), "t", None, seen)  # type: ignore[arg-type]
    except GraphError:
        return
    for user in (u for u in listing.users if u["id"] == GRAPH["id"]):
        around = Surroundings("t", False, None, False, NOW, unsure=listing.unsure.get(user["id"]))
        judged = judge_identity(transform_identity(user, around), Rules(90), NOW)
        assert judged.verdict not in UNUSED, user


@many
@given(dice)
def test_a_user_of_the_directory(dice: random.Random) -> None:
    user = mutate(DIRECTORY, dice)
    try:
        identity = transform_user(user, (), NOW)
    except PolicyExecutionError:
        return
    assert judge_identity(identity, Rules(90), NOW).verdict not in UNUSED, user


class Items:
    """A collection of Google's or of Graph, that lists these items, or answers with the first."""

    def __init__(self, *items: Any) -> None:
        self.list = items

    def items(self, *_: Any, **__: Any) -> Iterator[Any]:
        yield from self.list

    def pages(self, *_: Any, **__: Any) -> Iterator[Any]:
        yield from self.list

    def call(self, *_: Any, **__: Any) -> Any:
        return self.list[0]

    ids = Graph.ids


AUTHENTICATED = {
    "fullResourceName": "//iam.googleapis.com/projects/p/serviceAccounts/a@p.iam.gserviceaccount.com/keys/k",
    "observationPeriod": {"startTime": LONG_AGO, "endTime": LATELY},
    "activity": {"lastAuthenticatedTime": LATELY, "serviceAccountKey": {"serviceAccountId": "1"}},
}
SERIES = {
    "metric": {"labels": {"key_id": "k"}}, "resource": {"labels": {"unique_id": "1"}},
    "points": [{"interval": {"endTime": LATELY}, "value": {"int64Value": "3"}}],
}  # fmt: skip
USAGE = {
    "usageReports": [{"entity": {"profileId": "1"},
                      "parameters": [{"name": "accounts:last_login_time", "datetimeValue": LATELY},
                                     {"name": "gmail:num_emails_sent", "intValue": "3"}]}],
    "warnings": [{"message": "late"}],
}  # fmt: skip
HMAC = {"accessId": "GOOG1", "serviceAccountEmail": "a@p", "state": "ACTIVE", "timeCreated": LONG_AGO}
API_KEY = {"uid": "u", "serviceAccountEmail": "a@p", "createTime": LONG_AGO}
POLICY = {"bindings": [{"role": "roles/owner", "members": ["serviceAccount:a@p"]}]}
#: What reads items of a cloud, and one of them.
READERS: dict[str, tuple[Callable[[Any], object], dict[str, Any]]] = {
    "Policy Analyzer": (
        lambda items: [
            analyzer_evidence(row, None, NOW, 90) for row in get_rows(items, "p", OF_KEYS).values()
        ],
        AUTHENTICATED,
    ),
    "Monitoring": (lambda items: get_seen(items, "p", OF_KEYS, NOW), SERIES),
    "usage reports": (lambda items: get_newest(items, "C01", NOW), USAGE),
    "HMAC keys": (lambda items: get_hmac_keys(items, "p"), HMAC),
    "API keys": (lambda items: get_api_keys(items, "p"), API_KEY),
    "IAM policy": (lambda items: get_roles(items, "p"), POLICY),
    "administrator roles": (
        lambda items: get_holders(items, Items(), "C01"),  # type: ignore[arg-type]
        {"assignedTo": "1", "assigneeType": "user"},
    ),
    "members of groups": (
        lambda items: get_holders(Items({"assignedTo": "g", "assigneeType": "group"}), items, "C01"),  # type: ignore[arg-type]
        {"id": "1", "type": "USER"},
    ),
    "ids of Graph": (lambda items: list(members_of(items, "g")), {"id": "1"}),
}


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=150)
@given(dice)
def test_items_of_other_sources(name: str, dice: random.Random) -> None:
    """They are read, or a sentence of the cloud's own error class says what they lack."""
    reader, item = READERS[name]
    reader(Items(item))
    try:
        reader(Items(mutate(item, dice)))
    except (PolicyExecutionError, GraphError):
        return


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_date_before_any_cloud_is_not_a_use(text: str) -> None:
    row = {**ROW, "password_last_used": text, "access_key_1_last_used_date": text}
    assert not unused("aws", *transform_row(row, NOW, NOW))
