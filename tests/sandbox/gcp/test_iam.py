from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox.gcp.company_accounts import FULL_DESCRIPTION
from custom_filters.sandbox.gcp.people import BoundKey
from tests.sandbox.gcp.conftest import World, everything, refused

PROJECT = "projects/meridian-prod"


def name(world: World, case: str) -> str:
    return f"{PROJECT}/serviceAccounts/{world.cloud.company.account(case).email}"


def accounts(world: World) -> Any:
    return world.iam().projects().serviceAccounts()


def test_both_projects_over_all_pages(world: World) -> None:
    found = [
        account
        for project in world.cloud.company.projects
        for account in everything(accounts(world), "list", "accounts", name=f"projects/{project.id}")
    ]
    assert len({account["uniqueId"] for account in found}) == len(found) == 40
    assert world.calls["gcp:iam.projects.serviceAccounts.list"] == 3  # 20 a page


def test_no_answer_tells_when_an_account_was_made(world: World) -> None:
    account = accounts(world).get(name=name(world, "described-stale")).execute()
    assert sorted(account) == [
        "description", "displayName", "email", "etag", "name", "oauth2ClientId", "projectId", "uniqueId",
    ]  # fmt: skip


def test_an_account_by_unique_id_and_any_project(world: World) -> None:
    unique = world.cloud.company.account("stale").unique_id
    assert accounts(world).get(name=f"projects/-/serviceAccounts/{unique}").execute()["name"] == name(
        world, "stale"
    )
    assert refused(accounts(world).get(name="projects/-/serviceAccounts/nobody").execute)[0] == 403
    assert refused(accounts(world).get(name=f"{PROJECT}/serviceAccounts/nobody").execute)[0] == 404
    other = f"projects/meridian-data/serviceAccounts/{unique}"
    assert refused(accounts(world).get(name=other).execute)[0] == 404


def patch(world: World, case: str, text: str, **more: Any) -> Any:
    body = {"serviceAccount": {"description": text, **more}, "updateMask": "description"}
    return accounts(world).patch(name=name(world, case), body=body)


def test_a_description_has_256_bytes(world: World) -> None:
    assert (
        patch(world, "described-full-stale", FULL_DESCRIPTION + "abc")
        .execute()["description"]
        .endswith("abc")
    )
    assert refused(patch(world, "described-full-stale", FULL_DESCRIPTION + "aé€").execute)[0] == 400
    assert "description" not in patch(world, "described-full-stale", "").execute()


def test_patch_is_limited_to_the_mask(world: World) -> None:
    kept = accounts(world).get(name=name(world, "stale")).execute()["displayName"]
    assert patch(world, "stale", "marked", displayName="other").execute()["displayName"] == kept
    for mask in ("", "disabled"):
        body = {"serviceAccount": {"description": "x"}, "updateMask": mask}
        assert refused(accounts(world).patch(name=name(world, "stale"), body=body).execute)[0] == 400


def test_a_stale_etag_is_a_conflict(world: World) -> None:
    before = accounts(world).get(name=name(world, "stale")).execute()["etag"]
    after = patch(world, "stale", "one", etag=before).execute()["etag"]
    assert refused(patch(world, "stale", "two", etag=before).execute) == (409, "ABORTED")
    assert patch(world, "stale", "two", etag=after).execute()["description"] == "two"


def test_an_account_off_and_on_twice(world: World) -> None:
    for verb, expected in (("disable", True), ("disable", True), ("enable", None), ("enable", None)):
        assert getattr(accounts(world), verb)(name=name(world, "stale"), body={}).execute() == {}
        assert accounts(world).get(name=name(world, "stale")).execute().get("disabled") == expected


@pytest.mark.parametrize(
    ("types", "count"),
    [(None, 10), (["USER_MANAGED"], 9), (["SYSTEM_MANAGED"], 1), (["USER_MANAGED", "SYSTEM_MANAGED"], 10)],
)
def test_keys_by_type(world: World, types: list[str] | None, count: int) -> None:
    keys = (
        accounts(world).keys().list(name=name(world, "keys-mixed"), **({"keyTypes": types} if types else {}))
    )
    assert len(keys.execute()["keys"]) == count


def test_a_key_off_and_on(world: World) -> None:
    keys = accounts(world).keys()
    key = f"{name(world, 'keys-mixed')}/keys/{world.cloud.company.key('key-stale').id}"
    keys.disable(name=key, body={}).execute()
    assert keys.get(name=key).execute()["disabled"]
    keys.enable(name=key, body={}).execute()
    assert "disabled" not in keys.get(name=key).execute()
    system = f"{name(world, 'keys-mixed')}/keys/{world.cloud.company.key('key-system').id}"
    assert refused(keys.disable(name=system, body={}).execute) == (400, "FAILED_PRECONDITION")
    assert refused(keys.get(name=f"{name(world, 'keys-mixed')}/keys/none").execute)[0] == 404


@pytest.mark.parametrize("way", ["permissions", "deny"])
def test_a_missing_permission_is_named(world: World, way: str) -> None:
    if way == "deny":
        world.faults["deny"] = "iam.serviceAccounts.disable+iam.serviceAccounts.get"
    else:
        world.cloud.permissions.discard("iam.serviceAccounts.disable")
    request = accounts(world).disable(name=name(world, "stale"), body={})
    assert refused(request.execute) == (403, "IAM_PERMISSION_DENIED")
    with pytest.raises(Exception, match=r"iam\.serviceAccounts\.disable"):
        request.execute()


def test_an_unknown_project_is_denied(world: World) -> None:
    assert refused(accounts(world).list(name="projects/stranger").execute)[0] == 403


def test_policies_and_permissions_of_projects(world: World) -> None:
    projects = world.api("cloudresourcemanager", "v1").projects()
    policy = projects.getIamPolicy(resource="meridian-prod", body={}).execute()
    assert "roles/owner" in {binding["role"] for binding in policy["bindings"]}
    asked = {"permissions": ["iam.serviceAccounts.list", "iam.serviceAccounts.delete"]}
    held = projects.testIamPermissions(resource="meridian-prod", body=asked).execute()
    assert held == {"permissions": ["iam.serviceAccounts.list"]}


def test_keys_that_make_no_activity(world: World) -> None:
    stale, born = world.cloud.company.account("stale").email, world.clock.now()
    world.cloud.add(
        BoundKey("GOOG1", stale, "meridian-prod", born),
        BoundKey("GOOG2", stale, "meridian-prod", born, state="INACTIVE"),
        BoundKey("GOOG3", stale, "meridian-prod", born, state="DELETED"),
        BoundKey("bound", stale, "meridian-prod", born, kind="api"),
        BoundKey("plain", "", "meridian-prod", born, kind="api"),
    )
    hmac = world.api("storage", "v1").projects().hmacKeys()
    rows = everything(hmac, "list", "items", projectId="meridian-prod", maxResults=1)
    assert [(row["accessId"], row["state"]) for row in rows] == [("GOOG1", "ACTIVE"), ("GOOG2", "INACTIVE")]
    assert {row["serviceAccountEmail"] for row in rows} == {stale}
    keys = world.api("apikeys", "v2").projects().locations().keys()
    found = everything(keys, "list", "keys", parent=f"{PROJECT}/locations/global")
    assert [row.get("serviceAccountEmail") for row in found] == [stale, None]
    world.cloud.permissions -= {"storage.hmacKeys.list", "apikeys.keys.list"}
    for request in (hmac.list(projectId="meridian-prod"), keys.list(parent=f"{PROJECT}/locations/global")):
        assert refused(request.execute) == (403, "IAM_PERMISSION_DENIED")


@pytest.mark.parametrize(("fault", "stale"), [("gcp_read_lag", "get"), ("gcp_list_lag", "list")])
def test_reads_lag_writes(world: World, fault: str, stale: str) -> None:
    world.faults[fault] = 2
    key = f"{name(world, 'keys-mixed')}/keys/{world.cloud.company.key('key-stale').id}"
    keys = accounts(world).keys()
    assert patch(world, "stale", "marked").execute()["description"] == "marked"
    keys.disable(name=key, body={}).execute()

    def seen() -> dict[str, list[object]]:
        every = accounts(world).list(name=PROJECT, pageSize=100).execute()["accounts"]
        (one,) = [a for a in every if a["name"] == name(world, "stale")]
        every_key = keys.list(name=name(world, "keys-mixed")).execute()["keys"]
        (listed,) = [k for k in every_key if k["name"] == key]
        single = accounts(world).get(name=name(world, "stale")).execute()
        return {
            "get": [single.get("description"), keys.get(name=key).execute().get("disabled")],
            "list": [one.get("description"), listed.get("disabled")],
        }

    now = ["marked", True]
    assert seen() == {"get": now, "list": now, stale: [None, None]}
    world.clock.advance(seconds=3)
    assert seen() == {"get": now, "list": now}


def test_foreign_hands(world: World) -> None:
    key = world.cloud.company.key("key-stale").id
    path = f"{name(world, 'keys-mixed')}/keys/{key}"
    world.cloud.hand("disable", key, reason="EXPOSED")
    world.cloud.hand("note", world.cloud.company.account("stale").email, value="mine")
    off = accounts(world).keys().get(name=path).execute()
    assert off["disableReason"] == "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED"
    assert off["extendedStatus"][0]["key"].endswith("KEY_EXPOSED")
    assert accounts(world).get(name=name(world, "stale")).execute()["description"] == "mine"
    accounts(world).keys().enable(name=path, body={}).execute()
    assert "extendedStatus" in accounts(world).keys().get(name=path).execute()
    world.cloud.hand("delete", key)
    assert refused(accounts(world).keys().get(name=path).execute)[0] == 404
    with pytest.raises(ValueError, match="no hand does"):
        world.cloud.hand("clap", world.cloud.company.account("stale").email)
