from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from werkzeug.test import Client

from custom_filters.sandbox.gcp.tokens import GRANT, TOKEN_URI
from tests.sandbox.gcp.conftest import AUTH, CLOUD, World, refused

READ_USERS = AUTH + "admin.directory.user.readonly"


def grant(world: World, claims: dict[str, Any], *, key: str = "", grant_type: str = GRANT) -> tuple[int, Any]:
    info = json.loads(Path(world.cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    signer = crypt.RSASigner.from_string(key or info["private_key"], info["private_key_id"])
    now = int(time.time())
    base = {"iss": info["client_email"], "aud": TOKEN_URI, "iat": now, "exp": now + 3600, "scope": CLOUD}
    assertion = jwt.encode(signer, {**base, **claims}).decode()
    form = {"grant_type": grant_type, "assertion": assertion}
    answer = Client(world.cloud.hosts["oauth2.googleapis.com"]).post("/token", data=form)
    return answer.status_code, answer.json


@pytest.mark.parametrize(
    ("claims", "code", "error"),
    [
        ({"iss": "nobody@nowhere.iam.gserviceaccount.com"}, 400, "invalid_grant"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"sub": "nobody@meridian.example", "scope": READ_USERS}, 400, "invalid_grant"),
        (
            {"sub": "own-subject@meridian.example", "scope": f"{READ_USERS} {AUTH}gmail"},
            401,
            "unauthorized_client",
        ),
    ],
    ids=["issuer", "no-scope", "no-user", "one-not-delegated"],
)
def test_refused(world: World, claims: dict[str, Any], code: int, error: str) -> None:
    got, body = grant(world, claims)
    assert (got, body["error"]) == (code, error)


def test_a_foreign_signature_is_refused(world: World) -> None:
    other = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert grant(world, {}, key=other.decode())[1]["error_description"].startswith("Invalid JWT Signature.")


def test_a_disabled_key_gives_no_token(world: World) -> None:
    delegate, key = world.cloud.company.delegate, world.cloud.company.delegate_key
    name = f"projects/-/serviceAccounts/{delegate.email}/keys/{key.id}"
    world.iam().projects().serviceAccounts().keys().disable(name=name, body={}).execute()
    assert grant(world, {})[0] == 400


def test_scopes_are_checked_at_each_api(world: World) -> None:
    subject = world.cloud.company.subject.email
    users = world.directory(subject, READ_USERS).users()
    users.list(customer="my_customer").execute()
    assert refused(lambda: users.patch(userKey=subject, body={}).execute()) == (
        403,
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    )


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({}, "CREDENTIALS_MISSING"),
        ({"Authorization": "Bearer ya29.unknown"}, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ],
)
def test_no_api_without_a_token(world: World, header: dict[str, str], reason: str) -> None:
    client, base = Client(world.cloud.hosts["iam.googleapis.com"]), "https://iam.googleapis.com"
    answer = client.get("/v1/projects/p/serviceAccounts", headers=header, base_url=base)
    assert (answer.status_code, answer.json["error"]["details"][0]["reason"]) == (401, reason)


def test_the_key_file_is_private_and_goes_with_the_cloud(world: World) -> None:
    path = Path(world.cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"])
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    world.cloud.close()
    assert not path.parent.exists()
