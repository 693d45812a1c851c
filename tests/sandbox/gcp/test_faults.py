from __future__ import annotations

import json
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from custom_filters.sandbox.faults import check
from custom_filters.sandbox.gcp.faults import TABLE
from custom_filters.sandbox.wire import ConnectionDroppedError
from tests.sandbox.gcp.conftest import World, refused

STALE = "stale@meridian.example"


def users(world: World) -> Any:
    return world.directory().users()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"gcp_429": 1}, (429, "rateLimitExceeded")),
        ({"gcp_500": 1.0}, (500, "backendError")),
        ({"gcp_503": 1}, (503, "backendError")),
        ({"disabled": "iam.googleapis.com+admin.googleapis.com"}, (403, "SERVICE_DISABLED")),
        ({"deny": "admin.directory.users.patch"}, (403, "forbidden")),
        ({"deny": "USERS_SUSPEND"}, (403, "forbidden")),
        ({"subject": "notadmin"}, (403, "forbidden")),
        ({"deny_user": STALE}, (403, "forbidden")),
        ({"patch_fail": STALE}, (500, "backendError")),
    ],
)
def test_a_refused_write_is_not_applied(world: World, fault: dict[str, Any], error: tuple[int, str]) -> None:
    world.faults.update(fault)
    assert refused(users(world).patch(userKey=STALE, body={"suspended": True}).execute) == error
    world.faults.clear()
    assert users(world).get(userKey=STALE).execute()["suspended"] is False


def test_errors_carry_the_reason_in_both_styles(world: World) -> None:
    world.faults["disabled"] = "admin.googleapis.com"
    with pytest.raises(HttpError, match="Admin SDK API has not been used in project") as caught:
        users(world).get(userKey=STALE).execute()
    error = json.loads(caught.value.content)["error"]
    assert error["errors"][0]["reason"] == "accessNotConfigured"
    assert error["details"][0]["reason"] == "SERVICE_DISABLED"


def test_a_dropped_connection(world: World) -> None:
    world.faults["gcp_drop"] = 1
    with pytest.raises(ConnectionDroppedError):
        users(world).patch(userKey=STALE, body={"suspended": True}).execute()
    assert not world.cloud.state.people[world.cloud.company.person("stale").id].suspended


def test_a_share_strikes_some(world: World) -> None:
    world.faults["gcp_503"] = 0.5
    get = users(world).get(userKey=STALE)
    answers = [get.http.request(get.uri)[0].status for _ in range(40)]
    assert set(answers) == {200, 503}
    assert world.calls["gcp:admin.directory.users.get"] == 40


def test_page_tokens_expire(world: World) -> None:
    world.faults["page_token"] = "expired"
    token = users(world).list(customer="my_customer", maxResults=5).execute()["nextPageToken"]
    more = users(world).list(customer="my_customer", maxResults=5, pageToken=token)
    assert refused(more.execute) == (400, "invalid")


def test_calls_tell_the_hook_before_and_after(world: World) -> None:
    seen: list[tuple[str, str, bool, bool]] = []
    person = world.cloud.company.person("stale").id

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        seen.append((action, phase, is_write, world.cloud.state.people[person].suspended))

    world.cloud.on_request = hook
    users(world).get(userKey=STALE).execute()
    users(world).patch(userKey=STALE, body={"suspended": True}).execute()
    get, patch = "admin.directory.users.get", "admin.directory.users.patch"
    assert seen == [
        (get, "before", False, False),
        (get, "after", False, False),
        (patch, "before", True, False),
        (patch, "after", True, True),
    ]


def test_the_hook_may_drop_the_connection_after_the_write(world: World) -> None:
    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if phase == "after":
            raise ConnectionDroppedError

    world.cloud.on_request = hook
    with pytest.raises(ConnectionDroppedError):
        users(world).patch(userKey=STALE, body={"suspended": True}).execute()
    assert world.cloud.state.people[world.cloud.company.person("stale").id].suspended


def test_reading_posts_are_no_writes(world: World) -> None:
    seen: list[bool] = []
    world.cloud.on_request = lambda cloud, action, phase, is_write: seen.append(is_write)
    projects = world.api("cloudresourcemanager", "v1").projects()
    projects.getIamPolicy(resource="meridian-prod", body={}).execute()
    projects.testIamPermissions(resource="meridian-prod", body={}).execute()
    assert seen == [False] * 4


@pytest.mark.parametrize("fault", [fault.name for fault in TABLE if fault.takes != "NAMES"])
def test_a_wrong_value_is_named(fault: str) -> None:
    with pytest.raises(ValueError, match=f"fault {fault}=soonish: give "):
        check([TABLE], {fault: "soonish"})


@pytest.mark.parametrize("reason", ["quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "429"])
def test_quotas_by_user_in_each_of_their_words(world: World, reason: str) -> None:
    world.faults |= {"directory_rate": 3, "rate_reason": reason, "gcp_retry_after": 1.5}
    get = users(world).get(userKey=STALE)
    answers = [get.http.request(get.uri)[0] for _ in range(4)]
    assert [answer.status for answer in answers] == [200] * 3 + [429 if reason == "429" else 403]
    assert answers[-1]["retry-after"] == "1.5"
    told = "rateLimitExceeded" if reason == "429" else reason
    assert refused(get.execute) == (answers[-1].status, told)
    other = world.directory("super-admin-active@meridian.example").users()
    assert other.get(userKey=STALE).execute()["suspended"] is False
    world.clock.advance(seconds=61)
    assert get.execute()["suspended"] is False


def test_tokens_wear_out_and_are_renewed(world: World) -> None:
    world.faults["token_calls"] = 2
    get = users(world).get(userKey=STALE)
    assert [get.execute()["id"] for _ in range(5)]
    assert world.calls["gcp:oauth2.token"] == 3


def test_bodies_that_are_cut_or_garbled(world: World) -> None:
    world.faults["gcp_garbled"] = 1
    assert users(world).get(userKey=STALE).execute().startswith("<html>")
    world.faults["gcp_truncated"] = world.faults.pop("gcp_garbled")
    with pytest.raises(json.JSONDecodeError):
        users(world).get(userKey=STALE).execute()
