"""Every answer that is written here has the fields that botocore's model of the service requires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import (
    BEDROCK,
    Certificate,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
    days,
)

PERSON = Person(
    "u",
    password=Password(used=days(1)),
    keys=(Key(used=days(1)),),
    ssh_keys=(SshKey(),),
    service_credentials=(ServiceCredential(), ServiceCredential(BEDROCK, expires=days(-1))),
    certificates=(Certificate(),),
    tags={"owner": "x"},
    groups=("g",),
    attached=("ReadOnlyAccess",),
    inline={"p": "{}"},
)
USER = {"UserName": "u"}
ACTIONS: dict[str, dict[str, Any]] = {
    "ListUsers": {},
    "GetUser": USER,
    "CreateUser": {"UserName": "new", "Tags": [{"Key": "k", "Value": "v"}]},
    "GetAccountAuthorizationDetails": {},
    "ListUserTags": USER,
    "GetLoginProfile": USER,
    "ListAccessKeys": USER,
    "CreateAccessKey": USER,
    "ListSSHPublicKeys": USER,
    "ListSigningCertificates": USER,
    "ListServiceSpecificCredentials": {"AllUsers": True},
    "GenerateCredentialReport": {},
    "GetCredentialReport": {},
    "ListGroupsForUser": USER,
    "ListAttachedUserPolicies": USER,
    "ListUserPolicies": USER,
    "GetUserPolicy": {**USER, "PolicyName": "p"},
}


def lacking(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Paths of required members that an answer does not have."""
    if shape.type_name == "list":
        for one in value:
            yield from lacking(shape.member, one, f"{path}[]")
    if shape.type_name == "structure":
        yield from (f"{path}.{name}" for name in shape.required_members if name not in value)
        for name, member in shape.members.items():
            if name in value:
                yield from lacking(member, value[name], f"{path}.{name}")


@pytest.fixture
def ready(sandbox: Sandbox, iam: Any) -> Any:
    sandbox.aws.add(PERSON)
    iam.generate_credential_report()
    sandbox.clock.advance(timedelta(minutes=1))
    return iam


@pytest.mark.parametrize("action", ACTIONS)
def test_iam(ready: Any, action: str) -> None:
    answer = ready._make_api_call(action, ACTIONS[action])
    shape = ready.meta.service_model.operation_model(action).output_shape
    assert list(lacking(shape, answer, action)) == []
    assert set(answer) - {"ResponseMetadata"} <= set(shape.members)


def test_last_accessed_details(ready: Any, sandbox: Sandbox) -> None:
    job = ready.generate_service_last_accessed_details(Arn=sandbox.aws.user("u").arn)["JobId"]
    sandbox.clock.advance(timedelta(minutes=1))
    answer = ready.get_service_last_accessed_details(JobId=job)
    shape = ready.meta.service_model.operation_model("GetServiceLastAccessedDetails").output_shape
    assert list(lacking(shape, answer, "")) == []


def test_lookup_events(ready: Any, client: Any) -> None:
    trail = client("cloudtrail")
    event = trail.lookup_events()["Events"][0]
    members = trail.meta.service_model.shape_for("Event").members
    assert event.keys() <= members.keys()
    assert {"EventId", "EventName", "EventTime", "Username"} <= event.keys()
