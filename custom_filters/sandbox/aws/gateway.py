"""What every AWS call passes on its way to moto: counts, latency, faults, hooks."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4
from xml.sax.saxutils import escape

from moto import settings as moto_settings
from moto.core.exceptions import ServiceException
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import HTTPException
from werkzeug.test import run_wsgi_app

from custom_filters.sandbox.aws.faults import ACTIONS, hits
from custom_filters.sandbox.aws.iam import CLOUD
from custom_filters.sandbox.aws.moto_time import following
from custom_filters.sandbox.wire_http import ConnectionDroppedError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from custom_filters.sandbox.aws.cloud import AwsCloud
    from custom_filters.sandbox.clock import Clock

ACTION_NAME = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]+)")
SCOPE = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
SERIAL = frozenset(("iam", "sts", "cloudtrail"))  # their state is ours to keep consistent
LATER_PAGE = re.compile(rb"(?:^|&)Marker=|NextToken")
DENIAL = re.compile(rb"<Code>(\w+)</Code><Message>(.*?)</Message>", re.DOTALL)
READING = ("Get", "List", "Describe", "Lookup", "Head", "Generate", "Assume", "Search", "Select")


@dataclass(frozen=True)
class Call:
    """One request: service (`iam`), action (`ListUsers`), access key, and how its errors are written."""

    service: str
    action: str
    key: str
    later_page: bool
    form: str

    @property
    def is_write(self) -> bool:
        """Whether it changes anything (GenerateCredentialReport and its like do not count)."""
        return not self.action.startswith(READING)

    def account(self) -> str:
        """The account that the access key belongs to."""
        account: str = get_account_id_from(self.key)
        return account


class Gateway:
    """The WSGI application that the AWS clients talk to."""

    def __init__(self, cloud: AwsCloud, moto: WSGIApplication, seed: int, latency_ms: float) -> None:
        self._cloud = cloud
        self._moto = moto
        self._latency = latency_ms / 1000
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ[CLOUD] = self._cloud
        call = identify(environ, body)
        with self._lock:
            self._cloud.calls[f"aws:{call.action}"] += 1
        self._tell(call, "before")
        if self._latency:
            time.sleep(self._latency)
        fault = self._fault(call)
        if fault is not None:
            return _answer(call, *fault, start_response)
        return self._serve(call, environ, start_response)

    def _serve(self, call: Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        enforced = self._cloud.faults.get("iam") == "enforced"
        moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0 if enforced else float("inf")
        serial = self._cloud.lock if call.service in SERIAL else contextlib.nullcontext()
        try:
            with serial, following(self._clock(call)):
                chunks, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        except NotImplementedError:
            message = f"The sandbox does not offer {call.service}:{call.action}."
            return _answer(call, "InvalidAction", 400, message, start_response)
        body = b"".join(chunks)
        if refusal := _refusal(call, status, body):
            return _answer(call, *refusal, start_response)
        if status < "4":
            self._tell(call, "after")
        start_response(status, list(headers.items()))
        return [body]

    def _clock(self, call: Call) -> Clock | None:
        """STS stays in real time: clients compare their session's expiry with the machine's clock."""
        return None if call.service == "sts" else self._cloud.clock

    def _tell(self, call: Call, phase: str) -> None:
        if self._cloud.on_request is not None:
            self._cloud.on_request("aws", call.action, phase, call.is_write)

    def _fault(self, call: Call) -> tuple[str, int, str] | None:
        faults = self._cloud.faults
        with self._lock:
            throttled = self._random.random() < float(faults.get("throttle", 0))
        if throttled:
            return "Throttling", 400, "Rate exceeded"
        hit = {name for name in ACTIONS if hits(faults.get(name), call.action, call.later_page, call.account)}
        if "drop" in hit:
            raise ConnectionDroppedError
        if "deny" in hit:
            who, what = self._cloud.caller_arn, f"{call.service}:{call.action}"
            return "AccessDenied", 403, f"User: {who} is not authorized to perform: {what}"
        if "error" in hit:
            return "ServiceFailure", 500, "The request processing has failed because of an unknown error."
        return ("Throttling", 400, "Rate exceeded") if "throttled" in hit else None


def _refusal(call: Call, status: str, body: bytes) -> tuple[str, int, str] | None:
    """What moto refused, as XML whatever the service: a client of a JSON service could not read it."""
    told = DENIAL.search(body) if status.startswith("403") and call.form in ("json", "rest") else None
    return (told.group(1).decode(), 400, told.group(2).decode()) if told else None


def identify(environ: WSGIEnvironment, body: bytes) -> Call:
    """Which service and action a signed request is for; `Unknown` when nothing tells."""
    found = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, service = found.groups() if found else ("", "unknown")
    later = bool(LATER_PAGE.search(body))
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Call(service, target.rpartition(".")[2], key, later, "json")
    if match := ACTION_NAME.search(body):
        return Call(service, match.group(1).decode(), key, later, "query")
    return Call(service, _routed(service, environ), key, later, "s3" if service == "s3" else "rest")


def _routed(service: str, environ: WSGIEnvironment) -> str:
    try:
        operation, _ = get_service_router(service).match(Request(dict(environ)))
    except (HTTPException, ServiceException, ValueError, LookupError, NotImplementedError):
        return "Unknown"
    name: str = operation.name
    return name


def _answer(
    call: Call, code: str, status: int, message: str, start_response: StartResponse
) -> Iterable[bytes]:
    request_id = str(uuid4())
    headers = [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml")]
    if call.form == "s3":
        code, status = ("SlowDown", 503) if code == "Throttling" else (code, status)
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    elif call.form == "query":
        fault = "Receiver" if status >= 500 else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
            f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    else:
        code = {"Throttling": "ThrottlingException", "AccessDenied": "AccessDeniedException"}.get(code, code)
        status = 500 if status >= 500 else 400  # the JSON services know no 403
        headers = [*headers[:1], ("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
        text = json.dumps({"__type": code, "message": message})
    start_response(f"{status} {code}", headers)
    return [text.encode()]
