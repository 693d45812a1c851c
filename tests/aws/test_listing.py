"""Bulk lists: pages, and users that appear or vanish between two calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from custom_filters.aws.details import get_service_credentials, get_ssh_keys
from custom_filters.aws.users import get_listing, get_user, tags_of
from custom_filters.sandbox.aws.people import KEYSPACES, Password, Person, ServiceCredential, SshKey, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import client, embedded


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded() as started:
        started.aws.add(
            Person("amelia", path="/staff/", password=Password(used=days(3)), tags={"owner": "lee"}),
            Person("bob", groups=("readers",), attached=("ReadOnlyAccess",)),
        )
        yield started


def at(sandbox: Sandbox, action: str, do: Any) -> None:
    """Have something happen just before an action is answered for the first time."""

    def hook(cloud: str, called: str, phase: str, is_write: bool) -> None:
        if (called, phase) == (action, "before"):
            sandbox.on_request = None
            do()

    sandbox.on_request = hook


def test_both_lists_make_one_resource(sandbox: Sandbox) -> None:
    listing = get_listing(client(sandbox, "iam"))
    amelia, bob = (listing.by_name[name] for name in ("amelia", "bob"))
    assert (amelia["Path"], amelia["Tags"]) == ("/staff/", [{"Key": "owner", "Value": "lee"}])
    assert amelia["PasswordLastUsed"]
    assert (bob["Tags"], bob["GroupList"]) == ([], ["readers"])
    assert [p["PolicyName"] for p in bob["AttachedManagedPolicies"]] == ["ReadOnlyAccess"]
    assert "UserPolicyList" not in bob


def test_all_pages_are_read() -> None:
    with embedded() as sandbox:
        sandbox.aws.add(*(Person(f"user-{n}") for n in range(2001)))
        assert len(get_listing(client(sandbox, "iam")).users) == 2001
        calls = sandbox.calls
    assert (calls["aws:ListUsers"], calls["aws:GetAccountAuthorizationDetails"]) == (3, 3)
    assert calls["aws:GetUser"] == 0


def test_who_appears_in_between_is_read(sandbox: Sandbox) -> None:
    carol = Person("carol", tags={"owner": "kim"}, attached=("AdministratorAccess",))
    at(sandbox, "GetAccountAuthorizationDetails", lambda: sandbox.aws.add(carol))
    listing = get_listing(client(sandbox, "iam"))
    assert tags_of(listing.by_name["carol"]) == {"owner": "kim"}
    assert listing.privileges.privileged["carol"] is True


def test_who_vanishes_in_between_is_no_longer_there(sandbox: Sandbox) -> None:
    iam = client(sandbox, "iam")
    at(sandbox, "GetAccountAuthorizationDetails", lambda: sandbox.aws.account().backend.delete_user("amelia"))
    assert set(get_listing(iam).by_name) == {"bob"}


def test_who_vanishes_from_the_second_list_only_is_read_again(sandbox: Sandbox) -> None:
    """As when the second list is behind: nobody is dropped."""
    iam = client(sandbox, "iam")
    users = sandbox.aws.account().backend.users
    hidden = users["amelia"]
    at(sandbox, "GetAccountAuthorizationDetails", lambda: users.pop("amelia"))
    real = iam.get_user

    def appearing(**arguments: Any) -> Any:
        users["amelia"] = hidden
        return real(**arguments)

    iam.get_user = appearing
    listing = get_listing(iam)
    assert set(listing.by_name) == {"amelia", "bob"}
    assert listing.privileges.privileged.get("amelia") is None


def test_a_user_that_is_gone_is_none_and_other_errors_are_raised(sandbox: Sandbox) -> None:
    iam = client(sandbox, "iam")
    assert get_user(iam, "nobody") is None
    sandbox.faults["deny"] = "GetUser"
    with pytest.raises(ClientError, match="AccessDenied"):
        get_user(iam, "amelia")


def test_ssh_keys(sandbox: Sandbox) -> None:
    sandbox.aws.add(Person("git", ssh_keys=(SshKey(id="APKA1"), SshKey(id="APKA2", active=False))))
    iam = client(sandbox, "iam")
    assert [(c.id, c.status) for c in get_ssh_keys(iam, "git")] == [("APKA1", "on"), ("APKA2", "off")]
    assert get_ssh_keys(iam, "nobody") == []
    sandbox.faults["deny"] = "ListSSHPublicKeys"
    with pytest.raises(ClientError, match="AccessDenied"):
        get_ssh_keys(iam, "git")


def test_service_credentials_of_everybody_in_pages() -> None:
    with embedded() as sandbox:
        two = (ServiceCredential(), ServiceCredential(KEYSPACES))
        sandbox.aws.add(*(Person(f"user-{n}", service_credentials=two) for n in range(501)))
        found = get_service_credentials(client(sandbox, "iam"), AllUsers=True)
        assert sandbox.calls["aws:ListServiceSpecificCredentials"] == 2
    assert len(found) == 501
    assert {len(held) for held in found.values()} == {2}
