from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.gcp.conftest import World, everything, refused

SCHEMA = {
    "schemaName": "c7n_unused",
    "fields": [
        {"fieldName": "mark", "fieldType": "STRING", "displayName": "m", "readAccessType": "ADMINS_AND_SELF"}
    ],
}


def at(case: str) -> str:
    return f"{case}@meridian.example"


def test_a_page_token_belongs_to_its_query(world: World) -> None:
    users = world.directory().users()
    token = users.list(customer="my_customer", maxResults=2).execute()["nextPageToken"]
    again = users.list(customer="my_customer", projection="full", pageToken=token)
    assert refused(again.execute) == (400, "invalid")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, (400, "badRequest")),
        ({"customer": "C0stranger"}, (403, "forbidden")),
        ({"customer": "my_customer", "projection": "custom"}, (400, "invalid")),
        ({"customer": "my_customer", "projection": "custom", "customFieldMask": "none"}, (400, "invalid")),
        ({"customer": "my_customer", "query": "isSuspended=true"}, (501, "notImplemented")),
    ],
)
def test_list_refuses(world: World, arguments: dict[str, Any], error: tuple[int, str]) -> None:
    assert refused(world.directory().users().list(**arguments).execute) == error


def test_foreign_hands(world: World) -> None:
    users = world.directory().users()
    first = world.cloud.company.person("stale").id
    world.cloud.hand("disable", at("stale"), reason="ABUSE")
    assert users.get(userKey=first).execute()["suspensionReason"] == "ABUSE"
    world.cloud.hand("enable", at("stale"))
    assert "suspensionReason" not in users.get(userKey=first).execute()
    world.cloud.hand("rename", at("stale"), to=at("renamed"))
    assert users.get(userKey=at("stale")).execute()["primaryEmail"] == at("renamed")
    world.cloud.hand("recreate", at("renamed"))
    assert users.get(userKey=at("renamed")).execute()["id"] != first
    world.cloud.hand("delete", at("renamed"))
    assert refused(users.get(userKey=at("renamed")).execute) == (404, "notFound")
    with pytest.raises(KeyError):
        world.cloud.hand("enable", at("renamed"))


@pytest.mark.parametrize(("fault", "stale"), [("gcp_read_lag", "get"), ("gcp_list_lag", "list")])
def test_reads_lag_writes(world: World, fault: str, stale: str) -> None:
    world.faults[fault] = 2
    users = world.directory().users()
    assert users.patch(userKey=at("stale"), body={"suspended": True}).execute()["suspended"]

    def seen() -> dict[str, bool]:
        listed = everything(users, "list", "users", customer="my_customer")
        (one,) = [user["suspended"] for user in listed if user["primaryEmail"] == at("stale")]
        return {"get": users.get(userKey=at("stale")).execute()["suspended"], "list": one}

    assert seen() == {"get": True, "list": True, stale: False}
    world.clock.advance(seconds=3)
    assert seen() == {"get": True, "list": True}


@pytest.mark.parametrize(
    ("target", "code"), [("stale", 0), ("super-admin-stale", 403), ("delegated-admin-stale", 403)]
)
def test_only_a_super_admin_changes_an_admin(world: World, target: str, code: int) -> None:
    request = (
        world.directory(at("delegated-admin-stale"))
        .users()
        .patch(userKey=at(target), body={"suspended": True})
    )
    if code:
        assert refused(request.execute) == (code, "forbidden")
    else:
        assert request.execute()["suspended"]
    own = world.directory().users().patch(userKey=at(target), body={"suspended": True}).execute()
    assert own["suspended"]


@pytest.mark.parametrize(
    "value",
    [
        {"unknown": {"mark": "x"}},
        {"c7n_unused": {"unknown": "x"}},
        {"c7n_unused": {"mark": 7}},
        {"c7n_unused": {"mark": "x" * 501}},
    ],
)
def test_custom_values_must_fit_the_schema(world: World, value: Any) -> None:
    directory = world.directory()
    directory.schemas().insert(customerId="my_customer", body=SCHEMA).execute()
    change = directory.users().patch(userKey=at("stale"), body={"suspended": True, "customSchemas": value})
    assert refused(change.execute)[0] == 400
    assert not directory.users().get(userKey=at("stale")).execute()["suspended"]


def test_a_new_schema_takes_a_while(world: World) -> None:
    world.faults["schema_delay"] = 60
    directory = world.directory()
    directory.schemas().insert(customerId="my_customer", body=SCHEMA).execute()
    mark = directory.users().patch(userKey=at("stale"), body={"customSchemas": {"c7n_unused": {"mark": "x"}}})
    assert refused(mark.execute) == (400, "invalid")
    world.clock.advance(seconds=61)
    assert mark.execute()["customSchemas"] == {"c7n_unused": {"mark": "x"}}


def test_the_list_may_contradict_get(world: World) -> None:
    users = world.directory().users()
    listed = {u["id"]: u for u in everything(users, "list", "users", customer="my_customer")}
    world.faults["conflict"] = "on"
    wrong = {u["id"]: u for u in everything(users, "list", "users", customer="my_customer")}
    person = world.cloud.company.person("list-conflict").id
    assert wrong[person]["lastLoginTime"] < listed[person]["lastLoginTime"]
    assert users.get(userKey=person).execute()["lastLoginTime"] == listed[person]["lastLoginTime"]
    assert wrong[world.cloud.company.person("stale").id] == listed[world.cloud.company.person("stale").id]


def test_a_list_that_leaves_sign_ins_out(world: World) -> None:
    world.faults["omit_list"] = at("active")
    listed = everything(world.directory().users(), "list", "users", customer="my_customer")
    silent = {user["primaryEmail"] for user in listed if "lastLoginTime" not in user}
    assert silent == {at("active"), at("login-time-missing")}
    assert "lastLoginTime" in world.directory().users().get(userKey=at("active")).execute()
