"""Refusals, in the language of each AWS protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

CORE = "<Error>{type}<Code>{code}</Code><Message>{message}</Message></Error>"
FORMS = {
    "s3": CORE,
    "ec2": f"<Response><Errors>{CORE}</Errors><RequestID>{{id}}</RequestID></Response>",
    "query": f"<ErrorResponse>{CORE}<RequestId>{{id}}</RequestId></ErrorResponse>",
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


class Refusal(NamedTuple):
    """An error code, its HTTP status in IAM's protocol, and the message."""

    code: str
    status: int
    message: str


def refuse(form: str, refusal: Refusal, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the refusal; `form`: s3, ec2, query, json or rest."""
    names = NAMES["json"] if form == "rest" else NAMES.get(form, {})
    code, status = names.get(refusal.code, refusal[:2])
    request_id, kind = str(uuid4()), "text/xml"
    if form in FORMS:
        fault = f"<Type>{'Receiver' if status >= 500 else 'Sender'}</Type>" if form == "query" else ""
        text = FORMS[form].format(type=fault, code=code, message=escape(refusal.message), id=request_id)
    else:
        text, kind = json.dumps({"__type": code, "message": refusal.message}), "application/x-amz-json-1.1"
    headers = [("x-amzn-RequestId", request_id), ("Content-Type", kind), ("x-amzn-ErrorType", code)]
    start_response(f"{status} {code}", headers)
    return [text.encode()]
