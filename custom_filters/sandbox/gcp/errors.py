"""Google's error answers: the newer format (`status`, `details`), and `errors[].reason` on the Admin SDK.

Sources: google.rpc.Status and ErrorInfo (AIP-193); Admin SDK "Handle API errors".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Code -> (status of the newer APIs, reason of the Admin SDK).
KINDS = {
    400: ("INVALID_ARGUMENT", "invalid"),
    401: ("UNAUTHENTICATED", "authError"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    409: ("ALREADY_EXISTS", "duplicate"),
    412: ("FAILED_PRECONDITION", "conditionNotMet"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    500: ("INTERNAL", "backendError"),
    501: ("UNIMPLEMENTED", "notImplemented"),
    503: ("UNAVAILABLE", "backendError"),
}
TYPE = "type.googleapis.com/google.rpc."
NO_TOKEN = "Request is missing required authentication credential."
BAD_TOKEN = "Request had invalid authentication credentials."  # a message, not a secret


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
        self.code, self.message, self.domain = code, message, domain
        self.status, self.reason = status or KINDS[code][0], reason or KINDS[code][1]
        self.details = list(details)
        if info:
            domain = "iam.googleapis.com" if info[0] == "IAM_PERMISSION_DENIED" else "googleapis.com"
            named = {"reason": info[0], "domain": domain, "metadata": dict(info[1])}
            self.details.append({"@type": TYPE + "ErrorInfo", **named})

    def body(self, *, legacy: bool) -> dict[str, Any]:
        """The JSON body; `legacy` adds what the Admin SDK has and leaves `status` to answers with details."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if legacy:
            error["errors"] = [{"message": self.message, "domain": self.domain, "reason": self.reason}]
        if not legacy or self.details:
            error["status"] = self.status
        if self.details:
            error["details"] = self.details
        return {"error": error}


def invalid_payload(description: str) -> ApiError:
    """What the JSON front end answers to a parameter or field that the API does not have."""
    message = f"Invalid JSON payload received. {description}"
    violations = [{"description": message}]
    return ApiError(400, message, details=[{"@type": TYPE + "BadRequest", "fieldViolations": violations}])


def not_emulated(what: str) -> ApiError:
    """501 for what Google can do and the sandbox can't: refused rather than ignored."""
    return ApiError(501, f"The sandbox does not emulate {what}")


def not_found(name: str) -> ApiError:
    """The Directory API's 404 for the parameter `name`."""
    return ApiError(404, f"Resource Not Found: {name}")


def not_authorized() -> ApiError:
    """The Directory API's 403: the subject's administrator privileges do not reach."""
    return ApiError(403, "Not Authorized to access this resource/api")


def too_fast(reason: str) -> ApiError:
    """A quota that is used up: 403 with this reason, or 429."""
    code = 429 if reason == "429" else 403
    reason = "rateLimitExceeded" if reason == "429" else reason
    message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'."
    return ApiError(code, message, reason=reason, domain="usageLimits")


def permission_denied(permission: str, resource: str) -> ApiError:
    message = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    metadata = {"permission": permission, "resource": resource}
    return ApiError(403, message, info=("IAM_PERMISSION_DENIED", metadata))


def service_disabled(service: str, title: str, project_number: str) -> ApiError:
    message = f"{title} has not been used in project {project_number} before or it is disabled."
    metadata = {"service": service, "consumer": f"projects/{project_number}", "serviceTitle": title}
    legacy: dict[str, Any] = {"reason": "accessNotConfigured", "domain": "usageLimits"}
    return ApiError(403, message, info=("SERVICE_DISABLED", metadata), **legacy)


def scope_insufficient(service: str, method: str) -> ApiError:
    info = ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", {"service": service, "method": method})
    message = "Request had insufficient authentication scopes."
    return ApiError(403, message, reason="insufficientPermissions", info=info)


def unauthenticated(service: str, reason: str) -> ApiError:
    """No token (CREDENTIALS_MISSING), or one that is unknown or over (ACCESS_TOKEN_...)."""
    message = NO_TOKEN if reason == "CREDENTIALS_MISSING" else BAD_TOKEN
    return ApiError(401, message, info=(reason, {"service": service}))
