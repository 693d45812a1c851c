"""What can go wrong between us and Microsoft Graph, in one typed error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: https://learn.microsoft.com/graph/resolve-auth-errors: the app was not granted what the call needs.
DENIED = "Authorization_RequestDenied"
#: signInActivity without Microsoft Entra ID P1 or P2; also seen now and then in tenants that have it.
UNLICENSED = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
#: Role eligibility (privileged identity management) without Entra ID P2 or Governance.
NO_PIM = "AadPremiumLicenseRequired"

_REMEDIES = {
    DENIED: "grant the app what `c7n-unused permissions -p azure` lists, with admin consent",
    UNLICENSED: "reading sign-in activity needs a Microsoft Entra ID P1 or P2 licence in the tenant",
    "InvalidAuthenticationToken": "check the log-in and that it is for this cloud",
}


class GraphError(Exception):
    """A call to Graph that did not succeed, after the retries that its kind deserves.

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

    def __str__(self) -> str:
        answer = f"{self.status} {self.code}" if self.status else self.code
        text = f"Microsoft Graph, {self.what}: {answer}: {self.message.rstrip('. ')}"
        if self.code in _REMEDIES:
            text += f"; {_REMEDIES[self.code]}"
        return text + (f" (request-id {self.request_id})" if self.request_id else "")


def error_of(
    what: str, status: int, body: Any, headers: Mapping[str, str], retry_after: float | None
) -> GraphError:
    """The error in an answer; one that is no ODataError is told by its status alone."""
    error = body.get("error") if isinstance(body, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    inner = error.get("innerError")
    inner = inner if isinstance(inner, Mapping) else {}
    request_id = inner.get("request-id") or headers.get("request-id")
    return GraphError(
        what,
        status,
        str(error.get("code") or "no error code"),
        str(error.get("message") or "the answer says nothing more"),
        str(request_id) if request_id else None,
        retry_after,
    )


def lost(what: str, reason: object) -> GraphError:
    """No whole answer came: the connection could not be made, broke, or the answer was cut short."""
    return GraphError(what, None, "no answer", str(reason))


def explained(error: GraphError) -> GraphError:
    """The error, with what a refusal to change accountEnabled mostly means."""
    if error.code != DENIED:
        return error
    why = (
        "only a directory role may change this user (administrator, or in a restricted management unit), or "
        "the app lacks User.EnableDisableAccount.All; grant that, give the app a role, or exempt the user"
    )
    return GraphError(error.what, error.status, "refused", why, error.request_id)


def found_or_none(call: Callable[[], Any]) -> Any:
    """The call's answer, or None where Graph says that there is no such object; other errors are raised."""
    try:
        return call()
    except GraphError as error:
        if error.status == 404:
            return None
        raise
