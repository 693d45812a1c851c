"""Google's error answers: the newer format (`status`, `details`), and `errors[].reason` on the Admin SDK.

Sources: google.rpc.Status and ErrorInfo (AIP-193); Admin SDK "Handle API errors".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
REASON = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "duplicate",
    429: "rateLimitExceeded",
    500: "backendError",
    501: "notImplemented",
    503: "backendError",
}
TYPE = "type.googleapis.com/google.rpc."


class ApiError(Exception):
    """An answer other than 2xx; `reason` is the Admin SDK's, `info` an ErrorInfo (reason, metadata)."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str = "",
        status: str = "",
        domain: str = "global",
        info: tuple[str, Mapping[str, str]] | None = None,
        details: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASON[code]
        self.status = status or STATUS[code]
        self.domain = domain
        self.details = [*details, *([error_info(*info)] if info else [])]

    def body(self, *, legacy: bool) -> dict[str, Any]:
        """The JSON body; `legacy` adds what the Admin SDK has and leaves `status` to answers with details."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if legacy:
            entry = {"message": self.message, "domain": self.domain, "reason": self.reason}
            error["errors"] = [entry]
        if not legacy or self.details:
            error["status"] = self.status
        if self.details:
            error["details"] = self.details
        return {"error": error}


def error_info(reason: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """A google.rpc.ErrorInfo."""
    domain = "iam.googleapis.com" if reason == "IAM_PERMISSION_DENIED" else "googleapis.com"
    return {"@type": TYPE + "ErrorInfo", "reason": reason, "domain": domain, "metadata": dict(metadata)}


def invalid_payload(description: str) -> ApiError:
    """What the JSON front end answers to a parameter or field that the API does not have."""
    message = f"Invalid JSON payload received. {description}"
    violations = [{"description": message}]
    return ApiError(400, message, details=[{"@type": TYPE + "BadRequest", "fieldViolations": violations}])


def not_found(name: str) -> ApiError:
    """The Directory API's 404 for the parameter `name`."""
    return ApiError(404, f"Resource Not Found: {name}")


def not_authorized() -> ApiError:
    """The Directory API's 403: the subject's administrator privileges do not reach."""
    return ApiError(403, "Not Authorized to access this resource/api")


def permission_denied(permission: str, resource: str) -> ApiError:
    """Cloud IAM's 403."""
    message = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    return ApiError(
        403, message, info=("IAM_PERMISSION_DENIED", {"permission": permission, "resource": resource})
    )


def service_disabled(service: str, title: str, project_number: str) -> ApiError:
    """An API that is not enabled in the caller's project."""
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={project_number}"
    message = (
        f"{title} has not been used in project {project_number} before or it is disabled. Enable it by "
        f"visiting {url} then retry. If you enabled this API recently, wait a few minutes for the action to "
        "propagate to our systems and retry."
    )
    help_links = [{"description": "Google developers console API activation", "url": url}]
    return ApiError(
        403,
        message,
        reason="accessNotConfigured",
        domain="usageLimits",
        details=[{"@type": TYPE + "Help", "links": help_links}],
        info=(
            "SERVICE_DISABLED",
            {"service": service, "consumer": f"projects/{project_number}", "serviceTitle": title},
        ),
    )


def scope_insufficient(service: str, method: str) -> ApiError:
    """The token lacks every scope that the method takes."""
    return ApiError(
        403,
        "Request had insufficient authentication scopes.",
        reason="insufficientPermissions",
        info=("ACCESS_TOKEN_SCOPE_INSUFFICIENT", {"service": service, "method": method}),
    )


def unauthenticated(service: str, reason: str) -> ApiError:
    """No token (CREDENTIALS_MISSING), or one that is unknown or over (ACCESS_TOKEN_INVALID / _EXPIRED)."""
    if reason == "CREDENTIALS_MISSING":
        message = (
            "Request is missing required authentication credential. Expected OAuth 2 access token, login "
            "cookie or other valid authentication credential."
        )
    else:
        message = (
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
            "other valid authentication credential."
        )
    return ApiError(401, message, info=(reason, {"service": service}))
