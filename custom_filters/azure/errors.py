"""What can go wrong between us and Microsoft Graph, in one typed error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import requests

from custom_filters.azure.permissions import ENABLE, USER_WRITE, needed_by

#: signInActivity without Microsoft Entra ID P1 or P2; also seen now and then in tenants that have it.
UNLICENSED = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
#: Role eligibility (privileged identity management) without Entra ID P2 or Governance.
NO_PIM = "AadPremiumLicenseRequired"

#: The code of an error that Graph passes on; the service's own code is JSON in the message.
_WRAPPED = "UnknownError"

_REMEDIES = {
    UNLICENSED: "reading sign-in activity needs a Microsoft Entra ID P1 or P2 licence in the tenant",
    "InvalidAuthenticationToken": "check the log-in and that it is for this cloud",
}


class GraphError(Exception):
    """A call to Graph that failed, after its retries.

    `status` is the HTTP status, None when no answer came; `code` is Graph's own (`Request_BadRequest`);
    `request_id` is what Microsoft's support asks for; `retry_after` is in seconds, None when not said.
    """

    def __init__(
        self,
        what: str,
        status: int | None,
        code: str,
        message: str,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, status, code, message, request_id, retry_after)
        self.what, self.status, self.code, self.message = what, status, code, message
        self.request_id, self.retry_after = request_id, retry_after

    @property
    def denied(self) -> bool:
        """Whether the call was refused: a permission is missing, or the object is out of the app's reach."""
        return self.status == requests.codes.forbidden and self.code not in {UNLICENSED, NO_PIM}

    @property
    def remedy(self) -> str | None:
        """What to do about it, where that is known."""
        if self.denied:
            names = " and ".join(needed_by(self.what))
            return (
                f"grant the app {names or 'what `c7n-unused permissions -p azure` lists'}, with admin consent"
            )
        return _REMEDIES.get(self.code)

    def __str__(self) -> str:
        answer = f"{self.status} {self.code}" if self.status else self.code
        text = f"Microsoft Graph, {self.what}: {answer}: {self.message.rstrip('. ')}"
        if self.remedy:
            text += f"; {self.remedy}"
        return text + (f" (request-id {self.request_id})" if self.request_id else "")


def error_of(
    what: str, status: int, body: Any, headers: Mapping[str, str], retry_after: float | None
) -> GraphError:
    """The error in an answer; one that is not an ODataError has its status only."""
    error = body.get("error") if isinstance(body, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    code, message = _unwrapped(error)
    inner = error.get("innerError")
    inner = inner if isinstance(inner, Mapping) else {}
    request_id = inner.get("request-id") or headers.get("request-id")
    return GraphError(
        what,
        status,
        code or "no error code",
        message or "the answer says nothing more",
        str(request_id) if request_id else None,
        retry_after,
    )


def _unwrapped(error: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message; those of the service behind Graph where Graph only passes an error on."""
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    if code != _WRAPPED:
        return code, message
    try:
        inner = json.loads(message)
    except ValueError:
        return code, message
    if not isinstance(inner, Mapping):
        return code, message
    return str(inner.get("errorCode") or code), str(inner.get("message") or message)


def lost(what: str, reason: object) -> GraphError:
    """The error when the connection failed or broke, or the answer was cut short."""
    return GraphError(what, None, "no answer", str(reason))


def explained(error: GraphError) -> GraphError:
    """The error, with the usual cause of a refusal to change a user."""
    if not error.denied:
        return error
    why = (
        "only a directory role may change this user (an administrator, or in a restricted management unit), "
        f"or the app lacks {USER_WRITE} or {ENABLE}; grant that, give the app a role, or exempt the user"
    )
    return GraphError(error.what, error.status, error.code, why, error.request_id)


def found_or_none(call: Callable[[], Any]) -> Any:
    """The call's answer, or None if Graph does not know the object; raises other errors."""
    try:
        return call()
    except GraphError as error:
        if error.status == requests.codes.not_found:
            return None
        raise
