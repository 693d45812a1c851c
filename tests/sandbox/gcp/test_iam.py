from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox.gcp.company_accounts import FULL_DESCRIPTION
from tests.sandbox.gcp.conftest import World, refused

PROJECT = "projects/meridian-prod"


def name(world: World, case: str) -> str:
    return f"{PROJECT}/serviceAccounts/{world.cloud.company.account(case).email}"


def accounts(world: World) -> Any:
    return world.iam().projects().serviceAccounts()


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


def test_a_stale_etag_is_a_conflict(world: World) -> None:
    before = accounts(world).get(name=name(world, "stale")).execute()["etag"]
    after = patch(world, "stale", "one", etag=before).execute()["etag"]
    assert refused(patch(world, "stale", "two", etag=before).execute) == (409, "ABORTED")
    assert patch(world, "stale", "two", etag=after).execute()["description"] == "two"


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
