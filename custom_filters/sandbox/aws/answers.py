"""Refusals, in the language of each AWS protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

FORMS = {
    "s3": "<Error><Code>{code}</Code><Message>{message}</Message></Error>",
    "ec2": "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    "<RequestID>{id}</RequestID></Response>",
    "query": "<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message>"
    "</Error><RequestId>{id}</RequestId></ErrorResponse>",
}
#: What the codes of IAM's protocol are called elsewhere.
NAMES = {
    "s3": {"Throttling": ("SlowDown", 503)},
    "ec2": {"AccessDenied": ("UnauthorizedOperation", 403), "InvalidClientTokenId": ("AuthFailure", 401)},
    "json": {
        "Throttling": ("ThrottlingException", 400),
        "AccessDenied": ("AccessDeniedException", 400),
        "ExpiredToken": ("ExpiredTokenException", 400),
        "InvalidClientTokenId": ("UnrecognizedClientException", 400),
    },
}


@dataclass(frozen=True)
class Refusal:
    """An error code, its HTTP status in IAM's protocol, and the message."""

    code: str
    status: int
    message: str

    def about(self, who: str, what: str) -> Refusal:
        """The same, with who asked for what in its message."""
        return replace(self, message=self.message.format(who=who, what=what))


def refuse(form: str, refusal: Refusal, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the refusal; `form`: s3, ec2, query, json or rest."""
    names = NAMES["json"] if form == "rest" else NAMES.get(form, {})
    code, status = names.get(refusal.code, (refusal.code, refusal.status))
    request_id, message = str(uuid4()), refusal.message
    if form in FORMS:
        fault = "Receiver" if status >= 500 else "Sender"
        text = FORMS[form].format(code=code, message=escape(message), fault=fault, id=request_id)
        headers = [("Content-Type", "text/xml")]
    else:
        text = json.dumps({"__type": code, "message": message})
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
    start_response(f"{status} {code}", [("x-amzn-RequestId", request_id), *headers])
    return [text.encode()]
