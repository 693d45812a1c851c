"""What can go wrong between us and Google's APIs, in one typed error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from c7n.exceptions import PolicyExecutionError

#: ErrorInfo reasons (google.rpc) and the Admin SDK's `errors[].reason` for the same things.
_DISABLED = frozenset({"SERVICE_DISABLED", "accessNotConfigured"})
_NO_SCOPE = frozenset({"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"})
#: Google's words for too fast: of the older APIs, of google.rpc.ErrorInfo, and of the status alone.
_TOO_FAST = frozenset(
    {
        "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded",
        "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED",
    }
)  # fmt: skip
_FORBIDDEN, _TOO_MANY = 403, 429
#: The reason of an error without an answer: no token is given for these scopes.
NO_TOKEN = "no access token"
_GRANT = "`c7n-unused permissions -p gcp` lists what is needed"


class GoogleError(PolicyExecutionError):
    """A call to Google that failed, after its retries.

    `method` is the API's (`users.list`); `status` the HTTP status, None when no answer came; `reason` is
    Google's own word for it; `retry_after` is in seconds, None when not said.
    """

    retry_after: float | None = None

    def __init__(self, method: str, status: int | None, reason: str, message: str, remedy: str = "") -> None:
        super().__init__(method, status, reason, message, remedy)
        self.method, self.status, self.reason = method, status, reason
        self.message, self.remedy = message, remedy

    @property
    def too_fast(self) -> bool:
        """Whether the call was throttled."""
        return self.status == _TOO_MANY or self.reason in _TOO_FAST

    @property
    def refused(self) -> bool:
        """Whether Google refuses the answer: a missing permission or scope, an API that is not enabled.

        A call that came too fast, or got no answer, may succeed another time.
        """
        return self.reason == NO_TOKEN or (self.status == _FORBIDDEN and not self.too_fast)

    @property
    def text(self) -> str:
        """What happened, without what to do."""
        answer = f"{self.status} {self.reason}" if self.status else self.reason
        return f"Google, {self.method}: {answer}: {self.message.strip().rstrip('.')}"

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}" if self.remedy else self.text


def error_of(method: str, status: int, content: bytes) -> GoogleError:
    """The error in an answer; one that is not Google's JSON has its status only."""
    error = _error(content)
    reason, metadata = _reason(error)
    message = str(error.get("message") or "the answer says nothing more")
    return GoogleError(method, status, reason, message, _remedy(status, reason, metadata))


def lost(method: str, reason: object) -> GoogleError:
    """The error when no complete answer arrived."""
    return GoogleError(method, None, "no answer", str(reason))


@contextmanager
def documented(method: str) -> Iterator[None]:
    """Raise GoogleError where an answer does not have the form that Google documents."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        text = f"it is not as documented ({type(error).__name__}: {error})"
        raise GoogleError(method, None, "broken answer", text) from error


def no_token(method: str, scopes: tuple[str, ...], error: object) -> GoogleError:
    """Google issues no token; usually the scopes are not delegated or the key is no longer valid."""
    remedy = "check the key that GOOGLE_APPLICATION_CREDENTIALS names"
    if scopes:
        remedy = f"delegate {', '.join(scopes)} to the service account and check GOOGLE_WORKSPACE_SUBJECT"
    return GoogleError(method, None, NO_TOKEN, str(error), f"{remedy}; {_GRANT}")


def _error(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _reason(error: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for detail in error.get("details", ()):
        if "reason" in detail:
            return str(detail["reason"]), detail.get("metadata", {})
    legacy = next((entry.get("reason") for entry in error.get("errors", ())), None)
    return str(legacy or error.get("status") or "no reason given"), {}


def _remedy(status: int, reason: str, metadata: Mapping[str, Any]) -> str:
    if reason in _DISABLED:
        service = metadata.get("service", "the API")
        project = str(metadata.get("consumer", "the project")).removeprefix("projects/")
        return f"gcloud services enable {service} --project {project}"
    if reason in _NO_SCOPE:
        return f"delegate the scope to the service account; {_GRANT}"
    if status == _FORBIDDEN:
        missing = metadata.get("permission")
        return f"grant {missing}; {_GRANT}" if missing else f"the caller may not do that; {_GRANT}"
    return ""
