"""oauth2.googleapis.com/token: the JWT bearer grant of service accounts, with domain-wide delegation.

Source: "Using OAuth 2.0 for Server to Server Applications", with its table of JWT error codes.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from custom_filters.sandbox.faults import Faults
from custom_filters.sandbox.gcp.errors import unauthenticated
from custom_filters.sandbox.gcp.state import State

TOKEN_URI = "https://oauth2.googleapis.com/token"  # an address
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600
SKEW = 300
UNDELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
    "the scopes requested."
)
SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
    "iat and exp values in the JWT claim."
)


class GrantError(Exception):
    """A refused grant: `error` and `error_description` of RFC 6749."""

    def __init__(self, code: int, error: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.body = {"error": error, "error_description": description}


@dataclass(frozen=True)
class Token:
    """The service account it was given to, the user it stands for, its scopes and its end (wall seconds)."""

    account: str
    subject: str
    scopes: frozenset[str]
    expires: float


class Tokens:
    """Gives tokens for signed assertions and knows the ones it gave.

    `public_keys`: key id -> key; `delegated`: unique id of a service account -> the scopes that the
    administrator delegated to it (each exactly as listed: a wider scope does not include a narrower one).
    """

    def __init__(self, state: State, wall: Callable[[], float], faults: Faults) -> None:
        self._state, self._wall, self._faults = state, wall, faults
        self._given: dict[str, Token] = {}
        self._uses: Counter[str] = Counter()
        self.public_keys: dict[str, RSAPublicKey] = {}
        self.delegated: dict[str, set[str]] = {}

    def grant(self, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """The answer to a token request. Raises GrantError."""
        if form.get("grant_type") != GRANT:
            message = f"Invalid grant_type: {form.get('grant_type', '')}"
            raise GrantError(400, "unsupported_grant_type", message)
        claims = self._verified(form.get("assertion", ""))
        self._check_times(claims, now)
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise GrantError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        subject = str(claims.get("sub", ""))
        account = str(claims["iss"])
        if subject and subject != account:
            self._check_delegation(account, subject, scopes)
        text = "ya29.c." + secrets.token_urlsafe(48)
        own = "" if subject == account else subject
        self._given[text] = Token(account, own, scopes, self._wall() + LIFETIME)
        return {"access_token": text, "expires_in": LIFETIME - 1, "token_type": "Bearer"}

    def use(self, text: str, service: str) -> Token:
        """The token, for one call. Raises ApiError when it was never given, or is over."""
        token = self._given.get(text)
        if token is None:
            raise unauthenticated(service, "ACCESS_TOKEN_TYPE_UNSUPPORTED")
        self._uses[text] += 1
        worn = 0 < self._faults.number("token_calls") < self._uses[text]
        if worn or self._wall() > token.expires:
            raise unauthenticated(service, "ACCESS_TOKEN_EXPIRED")
        return token

    def _verified(self, assertion: str) -> dict[str, Any]:
        try:
            head, payload, signature = assertion.split(".")
            header, claims = json.loads(_decoded(head)), json.loads(_decoded(payload))
            signed, mark = f"{head}.{payload}".encode(), _decoded(signature)
        except ValueError:
            raise GrantError(400, "invalid_grant", "Invalid JWT: malformed assertion.") from None
        account = self._state.account(str(claims.get("iss", "")))
        if account is None or account.disabled:
            raise GrantError(400, "invalid_grant", "Invalid grant: account not found")
        key_id = str(header.get("kid", ""))
        key = next((k for k in self._state.keys_of(account) if k.id == key_id), None)
        public = self.public_keys.get(key_id)
        if key is None or key.disabled or public is None or header.get("alg") != "RS256":
            raise GrantError(400, "invalid_grant", "Invalid JWT Signature.")
        try:
            public.verify(mark, signed, PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise GrantError(400, "invalid_grant", "Invalid JWT Signature.") from None
        return dict(claims)

    def _check_times(self, claims: Mapping[str, Any], now: datetime) -> None:
        if claims.get("aud") != TOKEN_URI:
            raise GrantError(
                400, "invalid_grant", "Invalid JWT: Failed audience check. The right audience is " + TOKEN_URI
            )
        issued, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or not isinstance(ends, int | float):
            raise GrantError(400, "invalid_grant", SHORT_LIVED)
        # a client run under the sandbox's own date signs with that
        clocks = (self._wall(), now.timestamp())
        timely = any(issued - SKEW <= clock <= ends + SKEW for clock in clocks)
        if not timely or ends - issued > LIFETIME:
            raise GrantError(400, "invalid_grant", SHORT_LIVED)

    def _check_delegation(self, account: str, subject: str, scopes: frozenset[str]) -> None:
        known = self._state.account(account)
        delegated = self.delegated.get(known.unique_id, set()) if known else set()
        if not scopes <= delegated:
            raise GrantError(401, "unauthorized_client", UNDELEGATED)
        person = self._state.person(subject)
        if person is None or person.suspended:
            raise GrantError(400, "invalid_grant", "Invalid email or User ID")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
