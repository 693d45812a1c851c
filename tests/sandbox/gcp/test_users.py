from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox.gcp.people import Group, RoleAssignment
from tests.sandbox.gcp.conftest import World, everything, refused

SCHEMA = {
    "schemaName": "c7n_unused",
    "fields": [
        {"fieldName": "mark", "fieldType": "STRING", "displayName": "m", "readAccessType": "ADMINS_AND_SELF"}
    ],
}


def at(case: str) -> str:
    return f"{case}@meridian.example"


def test_every_user_once_over_all_pages(world: World) -> None:
    users = everything(world.directory().users(), "list", "users", customer="my_customer", maxResults=7)
    assert len({user["id"] for user in users}) == len(users) == 60
    assert world.calls["gcp:admin.directory.users.list"] == 9


def test_pages_are_100_unless_asked(world: World) -> None:
    world.cloud.add(*(_person(world, number) for number in range(100)))
    answer = world.directory().users().list(customer="my_customer").execute()
    assert len(answer["users"]) == 100


def _person(world: World, number: int) -> Any:
    from dataclasses import replace

    one = world.cloud.company.person("active")
    return replace(one, id=f"9{number}", email=f"more{number}@meridian.example")


def test_a_page_token_ends_after_three_days(world: World) -> None:
    users = world.directory().users()
    token = users.list(customer="my_customer", maxResults=2).execute()["nextPageToken"]
    world.clock.advance(days=3, seconds=1)
    more = users.list(customer="my_customer", maxResults=2, pageToken=token)
    assert refused(more.execute) == (400, "invalid")


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


@pytest.mark.parametrize(
    "key", [at("alias-stale"), "former.name@meridian.example", "FORMER.NAME@meridian.example"]
)
def test_get_by_any_address(world: World, key: str) -> None:
    user = world.directory().users().get(userKey=key).execute()
    assert user["id"] == world.cloud.company.person("alias-stale").id


def test_how_sign_ins_read(world: World) -> None:
    users = world.directory().users()
    assert users.get(userKey=at("never-old")).execute()["lastLoginTime"] == "1970-01-01T00:00:00.000Z"
    assert "lastLoginTime" not in users.get(userKey=at("login-time-missing")).execute()


def test_suspend_and_back(world: World) -> None:
    users = world.directory().users()
    off = users.patch(userKey=at("stale"), body={"suspended": True, "isAdmin": True}).execute()
    assert (off["suspended"], off["suspensionReason"], off["isAdmin"]) == (True, "ADMIN", False)
    assert off["suspensionTime"][:19] == world.clock.now().isoformat()[:19]
    on = users.patch(userKey=at("stale"), body={"suspended": False}).execute()
    assert (on["suspended"], on.get("suspensionReason"), on.get("suspensionTime")) == (False, None, None)


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


def test_a_person_is_no_administrator(world: World) -> None:
    users = world.directory(at("active")).users()
    assert refused(users.list(customer="my_customer").execute) == (403, "forbidden")
    world.faults["subject"] = "notadmin"
    assert refused(world.directory().users().get(userKey=at("stale")).execute) == (403, "forbidden")


def test_a_service_account_alone_belongs_to_no_customer(world: World) -> None:
    users = world.api("admin", "directory_v1").users()
    assert refused(users.list(customer="my_customer").execute) == (400, "invalid")


def test_notes_and_the_switch_change_in_one_patch(world: World) -> None:
    directory, key = world.directory(), at("stale")
    two = {**SCHEMA, "fields": [*SCHEMA["fields"], {"fieldName": "n", "fieldType": "STRING"}]}
    directory.schemas().insert(customerId="my_customer", body=two).execute()

    def after(value: Any) -> Any:
        directory.users().patch(userKey=key, body={"suspended": True, "customSchemas": value}).execute()
        shown = (
            directory.users().get(userKey=key, projection="custom", customFieldMask="c7n_unused").execute()
        )
        assert shown["suspended"]
        return shown.get("customSchemas")

    assert after({"c7n_unused": {"mark": "one"}}) == {"c7n_unused": {"mark": "one"}}
    assert after({"c7n_unused": {"n": "7"}}) == {"c7n_unused": {"mark": "one", "n": "7"}}
    assert after({"c7n_unused": {"mark": None}}) == {"c7n_unused": {"n": "7"}}
    assert after({"c7n_unused": None}) is None
    assert "customSchemas" not in directory.users().get(userKey=key).execute()  # projection basic


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


def test_schemas(world: World) -> None:
    schemas = world.directory().schemas()
    made = schemas.insert(customerId="my_customer", body=SCHEMA).execute()
    for key in ("c7n_unused", made["schemaId"]):
        assert schemas.get(customerId="my_customer", schemaKey=key).execute() == made
    assert refused(schemas.insert(customerId="my_customer", body=SCHEMA).execute) == (409, "duplicate")
    assert refused(schemas.get(customerId="my_customer", schemaKey="none").execute) == (404, "notFound")
    fields = [*SCHEMA["fields"], {"fieldName": "more", "fieldType": "STRING"}]
    change = schemas.patch(customerId="my_customer", schemaKey="c7n_unused", body={"fields": fields})
    assert [field["fieldName"] for field in change.execute()["fields"]] == ["mark", "more"]


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


def test_administrator_roles_and_groups(world: World) -> None:
    directory, customer = world.directory(), world.cloud.company.customer.id
    machine = world.cloud.company.account("active")
    inner = Group("04inner", at("inner"), "inner", ((customer, "MEMBER"), (machine.email, "MEMBER")))
    outer = Group("05outer", at("outer"), "outer", ((inner.email, "MEMBER"), (at("stale"), "OWNER")))
    role = RoleAssignment("7", "10000000000000001", machine.unique_id)
    world.cloud.add(inner, outer, role)
    held = everything(directory.roleAssignments(), "list", "items", customer=customer, maxResults=2)
    assert {item["assigneeType"] for item in held} == {"user", "group"}
    assert machine.unique_id in {item["assignedTo"] for item in held}

    def members(group: Group) -> dict[str, str]:
        found = everything(directory.members(), "list", "members", groupKey=group.id)
        return {member["id"]: member["type"] for member in found}

    assert members(outer) == {inner.id: "GROUP", world.cloud.company.person("stale").id: "USER"}
    assert members(inner) == {customer: "CUSTOMER", machine.unique_id: "USER"}
    assert refused(directory.members().list(groupKey="none").execute) == (404, "notFound")


def test_sso_assignments(world: World) -> None:
    scope = "https://www.googleapis.com/auth/cloud-identity.inboundsso.readonly"
    api = world.api("cloudidentity", "v1", scope, subject=world.cloud.company.subject.email)
    assignments = api.inboundSsoAssignments()
    own = f'customer=="customers/{world.cloud.company.customer.id}"'
    found = assignments.list(filter=own).execute()["inboundSsoAssignments"]
    assert [assignment["ssoMode"] for assignment in found] == ["SAML_SSO"]
    for wrong in ("customer==other", 'customer=="customers/C0stranger"'):
        assert refused(assignments.list(filter=wrong).execute) == (400, "INVALID_ARGUMENT")
