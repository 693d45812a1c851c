from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from custom_filters.sandbox.gcp.cloud import HANDLERS
from custom_filters.sandbox.gcp.documents import documents
from tests.sandbox.gcp.conftest import CLOUD, DirectHttp, World
from tests.sandbox.gcp.contract import errors

ADMIN, IAM = "admin.googleapis.com", "iam.googleapis.com"
USERS = "/admin/directory/v1/users"


def ask(
    world: World, host: str, path: str, *, http: str = "GET", json: Any = None, **headers: str
) -> TestResponse:
    scopes = sorted(world.cloud.delegated) if host == ADMIN else [CLOUD]
    subject = world.cloud.company.subject.email if host == ADMIN else None
    credentials = world.credentials(*scopes, subject=subject)
    credentials.refresh(lambda url, **k: _Answer(*DirectHttp(world.cloud).request(url, **k)))
    headers = {"Authorization": f"Bearer {credentials.token}", **headers}
    return Client(world.cloud.hosts[host]).open(
        path, method=http, json=json, headers=headers, base_url=f"https://{host}"
    )


class _Answer:
    """What google-auth wants of a transport."""

    def __init__(self, response: Any, data: bytes) -> None:
        self.status, self.headers, self.data = response.status, response, data


def test_every_emulated_method_is_in_a_document() -> None:
    assert set(HANDLERS) <= documents().ids


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{USERS}?customer=my_customer&colour=red", 'Unknown name "colour"'),
        (f"{USERS}?customer=my_customer&maxResults=501", "within the range: [1, 500]"),
        (f"{USERS}?customer=my_customer&maxResults=many", "Invalid value at 'maxResults'"),
        (f"{USERS}?customer=my_customer&projection=all", "Allowed values: [basic, custom, full]"),
        (f"{USERS}?customer=my_customer&fields=users(id", "Invalid field selection"),
    ],
)
def test_what_the_document_does_not_allow_is_refused(world: World, path: str, message: str) -> None:
    answer = ask(world, ADMIN, path)
    assert answer.status_code == 400
    assert message in answer.json["error"]["message"]


def test_a_documented_method_that_is_not_emulated_says_so(world: World) -> None:
    answer = ask(world, IAM, "/v1/projects/meridian-prod/roles")
    assert (answer.status_code, answer.json["error"]["status"]) == (501, "UNIMPLEMENTED")


def test_a_long_query_comes_as_a_form(world: World) -> None:
    users = world.directory().users()
    long_mask = ",".join(["nextPageToken", *["users/id"] * 400])
    found = users.list(customer="my_customer", maxResults=2, fields=long_mask).execute()
    assert [sorted(user) for user in found["users"]] == [["id"], ["id"]]


def test_a_wrong_answer_would_be_noticed() -> None:
    routed = documents().route(ADMIN, "GET", USERS)
    assert routed is not None
    wrong = {"users": [{"id": 7, "lastLoginTime": "yesterday", "shoe": 43}], "kind": "x"}
    assert len(errors(routed[0], wrong, sent=False)) == 3
