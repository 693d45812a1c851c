from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from custom_filters.core import finding
from custom_filters.core.credential import Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.finding import FIELDS, Context, LifecycleState, annotation, finding_uid, findings_of
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.notes import Entry
from tests.core import people
from tests.core.people import NOW, ago, credential, identity, never, used

CONTEXT = Context("aws-iam-user-unused", ("CIS AWS Foundations 5.0.0 1.11",), Rules(90), NOW)


def made(who: Identity, progress: LifecycleState | None = None) -> dict[str, Any]:
    judged = judge_identity(who, CONTEXT.rules, NOW)
    return annotation(judged, judged.credentials, progress or LifecycleState(), CONTEXT)


def test_the_fields_are_those_of_the_contract() -> None:
    assert set(FIELDS) == {*finding.IDENTITY_FIELDS, *finding.CREDENTIAL_FIELDS}
    assert len(set(FIELDS)) == len(FIELDS) == 34


@given(people.identities)
def test_every_credential_is_one_finding_with_every_field(who: Identity) -> None:
    value = json.loads(json.dumps(made(who)))
    findings = findings_of(value)
    assert [tuple(f) for f in findings] == [FIELDS] * len(who.credentials)
    assert [f["credential"]["kind"] for f in findings] == [c.kind for c in who.credentials]


def test_a_finding_in_full() -> None:
    exemption = Exemption("aws", "*", "amelia", "sealed", "ciso@example.com", NOW)
    who = identity(
        credential(used(100, observed_at=ago(0), value="2026-03-07T12:00:00+00:00")),
        owner="lee@example.com",
        owner_source="tag owner",
        user_type="human",
        privileged=True,
        exemption=exemption,
    )
    (found,) = findings_of(made(who, LifecycleState("marked", "disable-unused", NOW + timedelta(days=14))))
    uid = found.pop("uid")
    assert len(uid) == 32
    assert found == {
        "schema": 1,
        "provider": "aws",
        "account": "123456789012",
        "user": "amelia",
        "user_id": "AIDA1",
        "user_type": "human",
        "privileged": True,
        "mfa": None,
        "tags_itself": None,
        "anyone_may_assume": None,
        "licences": None,
        "owner": "lee@example.com",
        "owner_source": "tag owner",
        "credential": {
            "kind": "password", "id": "password", "status": "on", "created": "2025-05-11T12:00:00Z",
        },
        "verdict": "stale",
        "user_verdict": "stale",
        "last_used": "2026-03-07T12:00:00Z",
        "days_unused": 100,
        "exceeds": [90],
        "basis": "last-used",
        "evidence": [
            {
                "source": "last-used",
                "observed_at": "2026-06-15T12:00:00Z",
                "value": "2026-03-07T12:00:00+00:00",
            }
        ],
        "reason": "last used 100 days ago (2026-03-07T12:00:00Z), 90 days or more",
        "as_of": "2026-06-15T12:00:00Z",
        "threshold_days": 90,
        "phase": "marked",
        "next_action": "disable-unused",
        "next_action_at": "2026-06-29T12:00:00Z",
        "disabled_at": None,
        "exemption": {
            "reason": "sealed", "approved_by": "ciso@example.com", "expires": "2026-06-15T12:00:00Z",
        },
        "policy": "aws-iam-user-unused",
        "controls": ["CIS AWS Foundations 5.0.0 1.11"],
        "change": None,
        "first_seen": None,
    }  # fmt: skip


DAYS = {
    "since the last use": (credential(used(100)), 100),
    "since its birth": (credential(never()), 400),
    "since its rotation": (credential(never(), rotated=95), 95),
    "nobody knows": (credential(), None),
    "never used and no age": (credential(never(), created=None), None),
}


@pytest.mark.parametrize(("held", "days"), DAYS.values(), ids=DAYS)
def test_days_unused(held: Any, days: int | None) -> None:
    (found,) = findings_of(made(identity(held)))
    assert found["days_unused"] == days


def test_uid_stays_while_all_else_changes() -> None:
    before, after = identity(credential(used(1))), identity(credential(never(), status="off"), owner="x")
    assert finding_uid(before, before.credentials[0]) == finding_uid(after, after.credentials[0])


@pytest.mark.parametrize("field", ["provider", "account", "id"])
def test_uid_differs_for_another_identity(field: str) -> None:
    one = identity(credential(used(1)))
    other = Identity(**{**one.__dict__, field: "other"})
    assert finding_uid(one, one.credentials[0]) != finding_uid(other, other.credentials[0])


def test_uid_cannot_be_forged_by_moving_letters() -> None:
    one, other = credential(kind="a", id="bc"), credential(kind="ab", id="c")
    assert finding_uid(identity(one), one) != finding_uid(identity(other), other)


@pytest.mark.parametrize("field", ["schema", "user", "as_of", "exemption"])
def test_a_truncated_annotation_is_no_finding(field: str) -> None:
    value = made(identity(credential(used(1))))
    del value[field]
    with pytest.raises(KeyError):
        findings_of(value)


def test_a_mark_is_about_the_credentials_that_it_lists() -> None:
    """AWS's report names keys by slot, the list by id: a key in use all along is neither marked nor back."""
    until = NOW + timedelta(days=9)
    entry = Entry("c7n-unused", ago(5), until, "access-key", "AKIA1")
    progress = LifecycleState("marked", "disable-unused", until, (entry,))
    in_use = credential(used(9), kind="access-key", id="access_key_2")
    for days, expected in ((99, "disable-unused"), (1, None)):
        first = credential(used(days), kind="access-key", id="access_key_1")
        rows = made(identity(first, in_use), progress)["credentials"]
        assert [row["phase"] for row in rows] == ["marked", "detected"]
        assert [row["next_action"] for row in rows] == [expected, None]
