from __future__ import annotations

from datetime import timedelta
from typing import Any

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import (
    BEDROCK,
    Person,
    ServiceCredential,
    days,
)
from tests.sandbox.aws.conftest import NOW, Code


def test_service_specific_credentials_are_listed_for_everybody_in_pages(
    sandbox: Sandbox, iam: Any, code: Code
) -> None:
    people = (Person(f"u{number}", service_credentials=(ServiceCredential(),)) for number in range(5))
    sandbox.aws.add(
        *people, Person("key", service_credentials=(ServiceCredential(BEDROCK, expires=days(-9)),))
    )
    first = iam.list_service_specific_credentials(AllUsers=True, MaxItems=4)
    rest = iam.list_service_specific_credentials(AllUsers=True, Marker=first["Marker"])
    found = first["ServiceSpecificCredentials"] + rest["ServiceSpecificCredentials"]
    assert sorted(one["UserName"] for one in found) == ["key", "u0", "u1", "u2", "u3", "u4"]
    only = iam.list_service_specific_credentials(AllUsers=True, ServiceName=BEDROCK)
    assert only["ServiceSpecificCredentials"][0]["ExpirationDate"] == NOW + timedelta(days=9)
    both = {"AllUsers": True, "UserName": "u1"}
    assert code(iam.list_service_specific_credentials, **both) == ("ValidationError", 400)
