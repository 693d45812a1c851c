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
    assert refused(users.list(domain="meridian.example", pageToken=token).execute) == (400, "invalid")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, (400, "badRequest")),
        ({"customer": "C0stranger"}, (403, "forbidden")),
        ({"domain": "stranger.example"}, (404, "notFound")),
        ({"customer": "my_customer", "projection": "custom"}, (400, "invalid")),
        ({"customer": "my_customer", "projection": "custom", "customFieldMask": "none"}, (400, "invalid")),
        ({"customer": "my_customer", "query": "favouriteColour=red"}, (400, "invalid")),
    ],
)
def test_list_refuses(world: World, arguments: dict[str, Any], error: tuple[int, str]) -> None:
    assert refused(world.directory().users().list(**arguments).execute) == error


@pytest.mark.parametrize(
    ("query", "cases"),
    [
        ("isSuspended=true", {"suspended-stale", "suspended-by-google"}),
        ("isDelegatedAdmin=true", {"delegated-admin-stale"}),
        ("isAdmin=true email:super*", {"super-admin-active", "super-admin-stale"}),
        ("email=former.name@meridian.example", {"alias-stale"}),
        ("orgUnitPath='/Partners'", {"sso-only", "sso-stale"}),
    ],
)
def test_queries(world: World, query: str, cases: set[str]) -> None:
    found = everything(world.directory().users(), "list", "users", customer="my_customer", query=query)
    named = {world.cloud.state.people[user["id"]].case for user in found}
    assert named - {""} == cases


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


def test_deleted_users_are_apart(world: World) -> None:
    users = world.directory().users()
    shown = users.list(customer="my_customer", showDeleted="true").execute()["users"]
    assert [user["primaryEmail"] for user in shown] == [at("deleted")]
    assert refused(users.get(userKey=at("deleted")).execute) == (404, "notFound")


def test_suspend_and_back(world: World) -> None:
    users = world.directory().users()
    off = users.patch(userKey=at("stale"), body={"suspended": True, "isAdmin": True}).execute()
    assert (off["suspended"], off["suspensionReason"], off["isAdmin"]) == (True, "ADMIN", False)
    on = users.update(userKey=at("stale"), body={"suspended": False}).execute()
    assert (on["suspended"], on.get("suspensionReason")) == (False, None)


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


def test_custom_values_merge_and_null_removes(world: World) -> None:
    directory = world.directory()
    two = {
        **SCHEMA,
        "fields": [*SCHEMA["fields"], {"fieldName": "n", "fieldType": "INT64", "displayName": "n"}],
    }
    directory.schemas().insert(customerId="my_customer", body=two).execute()
    key = at("stale")

    def after(value: Any) -> Any:
        directory.users().patch(userKey=key, body={"customSchemas": value}).execute()
        shown = (
            directory.users().get(userKey=key, projection="custom", customFieldMask="c7n_unused").execute()
        )
        return shown.get("customSchemas")

    assert after({"c7n_unused": {"mark": "one"}}) == {"c7n_unused": {"mark": "one"}}
    assert after({"c7n_unused": {"n": "7"}}) == {"c7n_unused": {"mark": "one", "n": "7"}}
    assert after({"c7n_unused": {"mark": None}}) == {"c7n_unused": {"n": "7"}}
    assert after({"c7n_unused": None}) is None
    assert "customSchemas" not in directory.users().get(userKey=key).execute()  # projection basic


@pytest.mark.parametrize(
    "value", [{"unknown": {"mark": "x"}}, {"c7n_unused": {"unknown": "x"}}, {"c7n_unused": {"mark": 7}}]
)
def test_custom_values_must_fit_the_schema(world: World, value: Any) -> None:
    directory = world.directory()
    directory.schemas().insert(customerId="my_customer", body=SCHEMA).execute()
    assert (
        refused(directory.users().patch(userKey=at("stale"), body={"customSchemas": value}).execute)[0] == 400
    )


def test_schemas(world: World) -> None:
    schemas = world.directory().schemas()
    assert "schemas" not in schemas.list(customerId="my_customer").execute()
    made = schemas.insert(customerId="my_customer", body=SCHEMA).execute()
    assert schemas.get(customerId="my_customer", schemaKey=made["schemaId"]).execute() == made
    assert refused(schemas.insert(customerId="my_customer", body=SCHEMA).execute) == (409, "duplicate")
    assert refused(schemas.get(customerId="my_customer", schemaKey="none").execute) == (404, "notFound")
    schemas.patch(customerId="my_customer", schemaKey="c7n_unused", body={"displayName": "Unused"}).execute()
    assert schemas.list(customerId="my_customer").execute()["schemas"][0]["displayName"] == "Unused"


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


def test_sign_out(world: World) -> None:
    assert world.directory().users().signOut(userKey=at("stale")).execute() in ("", b"")
    assert world.cloud.state.signed_out == [at("stale")]


def test_administrator_roles_and_groups(world: World) -> None:
    directory, customer = world.directory(), world.cloud.company.customer.id
    roles = everything(directory.roles(), "list", "items", customer="my_customer")
    assert [role["isSuperAdminRole"] for role in roles] == [True, False]
    held = everything(directory.roleAssignments(), "list", "items", customer=customer)
    assert {item["assigneeType"] for item in held} == {"user", "group"}
    mine = directory.roleAssignments().list(
        customer=customer, userKey=at("group-admin-stale"), includeIndirectRoleAssignments=True
    )
    assert [item["assigneeType"] for item in mine.execute()["items"]] == ["group"]
    groups = everything(directory.groups(), "list", "groups", userKey=at("exempt-stale"))
    assert [group["name"] for group in groups] == ["never-suspend"]
    members = everything(directory.members(), "list", "members", groupKey=groups[0]["id"])
    assert {member["email"] for member in members} == {at("exempt-stale"), at("break-glass")}
    assert directory.customers().get(customerKey="my_customer").execute()["id"] == customer


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("text", [None, 'customer=="customers/my_customer"'])
def test_sso_assignments(world: World, version: str, text: str | None) -> None:
    subject = world.cloud.company.subject.email
    scope = "https://www.googleapis.com/auth/cloud-identity.inboundsso.readonly"
    api = world.api("cloudidentity", version, scope, subject=subject).inboundSsoAssignments()
    found = api.list(**({"filter": text} if text else {})).execute()["inboundSsoAssignments"]
    assert [assignment["ssoMode"] for assignment in found] == ["SAML_SSO"]
    assert refused(api.list(filter="customer==other").execute) == (400, "INVALID_ARGUMENT")
