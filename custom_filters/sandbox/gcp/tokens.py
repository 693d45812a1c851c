"""oauth2.googleapis.com/token: the JWT bearer grant of service accounts, with domain-wide delegation.

Source: "Using OAuth 2.0 for Server to Server Applications", with its table of JWT error codes.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.auth import jwt

from custom_filters.sandbox.faults import Faults
from custom_filters.sandbox.gcp.errors import unauthenticated
from custom_filters.sandbox.gcp.state import State

TOKEN_URI = "https://oauth2.googleapis.com/token"  # an address
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME, SKEW = 3600, 300
UNDELEGATED = "Client is unauthorized to retrieve access tokens using this method, or for these scopes."


class GrantError(Exception):
    """A refused grant: `error` and `error_description` of RFC 6749."""

    def __init__(self, description: str, error: str = "invalid_grant", code: int = 400) -> None:
        super().__init__(description)
        self.code, self.body = code, {"error": error, "error_description": description}


@dataclass(frozen=True)
class Token:
    """The service account it was given to, the user it stands for, its scopes and its end (wall seconds)."""

    account: str
    subject: str
    scopes: frozenset[str]
    expires: float


class Tokens:
    """Gives tokens for signed assertions and knows the ones it gave.

    `public_keys`: key id -> PEM; `delegated`: unique id of a service account -> the scopes that the
    administrator delegated to it (each exactly as listed: a wider scope does not include a narrower one).
    """

    def __init__(self, state: State, faults: Faults) -> None:
        self._state, self._faults = state, faults
        self._given: dict[str, Token] = {}
        self._uses: Counter[str] = Counter()
        self.public_keys: dict[str, bytes] = {}
        self.delegated: dict[str, set[str]] = {}

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a token request. Raises GrantError."""
        if form.get("grant_type") != GRANT:
            raise GrantError(f"Invalid grant_type: {form.get('grant_type', '')}", "unsupported_grant_type")
        claims = self._verified(form.get("assertion", ""))
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise GrantError("Invalid OAuth scope or ID token audience provided.", "invalid_scope")
        subject, account = str(claims.get("sub", "")), str(claims["iss"])
        if subject and subject != account:
            self._check_delegation(account, subject, scopes)
        text = "ya29.c." + secrets.token_urlsafe(48)
        own = "" if subject == account else subject
        self._given[text] = Token(account, own, scopes, time.time() + LIFETIME)
        return {"access_token": text, "expires_in": LIFETIME - 1, "token_type": "Bearer"}

    def use(self, text: str, service: str) -> Token:
        """The token, for one call. Raises ApiError when it was never given, or is over."""
        token = self._given.get(text)
        if token is None:
            raise unauthenticated(service, "ACCESS_TOKEN_TYPE_UNSUPPORTED")
        self._uses[text] += 1
        worn = 0 < self._faults.number("token_calls") < self._uses[text]
        if worn or time.time() > token.expires:
            raise unauthenticated(service, "ACCESS_TOKEN_EXPIRED")
        return token

    def _verified(self, assertion: str) -> Mapping[str, Any]:
        try:
            issuer = str(jwt.decode(assertion, verify=False).get("iss"))
            account = self._state.account(issuer)
            if account is None or account.disabled:
                raise GrantError("Invalid grant: account not found")
            live = {key.id for key in self._state.keys_of(account) if not key.disabled}
            certificates = {name: pem for name, pem in self.public_keys.items() if name in live}
            claims: Mapping[str, Any] = jwt.decode(assertion, certificates, True, TOKEN_URI, SKEW)
        except (ValueError, TypeError) as error:  # malformed, signed by another key, for others, too late
            raise GrantError(f"Invalid JWT Signature. {error}") from error
        if claims["exp"] - claims["iat"] > LIFETIME:
            raise GrantError("Invalid JWT: Token must be a short-lived token (60 minutes).")
        return claims

    def _check_delegation(self, account: str, subject: str, scopes: frozenset[str]) -> None:
        known = self._state.account(account)
        if not scopes <= (self.delegated.get(known.unique_id, set()) if known else set()):
            raise GrantError(UNDELEGATED, "unauthorized_client", 401)
        person = self._state.person(subject)
        if person is None or person.suspended:
            raise GrantError("Invalid email or User ID")
