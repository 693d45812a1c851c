"""What every AWS call passes on its way to moto: counts, latency, faults, hooks."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from moto import settings as moto_settings
from moto.core.exceptions import ServiceException
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import HTTPException
from werkzeug.test import run_wsgi_app

from custom_filters.sandbox.aws.account import ACCOUNTS, Account, Accounts
from custom_filters.sandbox.aws.activity import caller, record_call
from custom_filters.sandbox.aws.answers import Refusal, refuse
from custom_filters.sandbox.aws.faults import enabled, hits
from custom_filters.sandbox.aws.lag import as_of, lag_of, remember
from custom_filters.sandbox.aws.server import following
from custom_filters.sandbox.wire_http import ConnectionDroppedError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SCOPE = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/")
SERIAL = frozenset(("iam", "sts", "cloudtrail"))  # their state is ours to keep consistent
DENIAL = re.compile(rb"<Code>(\w+)</Code><Message>(.*?)</Message>", re.DOTALL)
READING = ("Get", "List", "Describe", "Lookup", "Head", "Generate", "Assume", "Search", "Select")
THROTTLED = Refusal("Throttling", 400, "Rate exceeded")
REFUSALS = {
    "deny": Refusal("AccessDenied", 403, "User: {who} is not authorized to perform: {what}: explicit deny"),
    "error": Refusal("ServiceFailure", 500, "The request processing has failed because of an unknown error."),
    "unavailable": Refusal("ServiceUnavailable", 503, "The request has failed due to a temporary failure."),
    "throttle": THROTTLED,
    "throttled": THROTTLED,
}
EXPIRED = Refusal("ExpiredToken", 403, "The security token included in the request is expired")
STRANGE = Refusal("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
BURST, SLOW = 20, 2.0
PAGE = b"<!doctype html><title>Sign in to the network</title><p>Welcome"


@dataclass(frozen=True)
class Call:
    """One request: service (`iam`), action (`ListUsers`), access key, ..., and how its errors are written."""

    service: str
    action: str
    key: str
    region: str
    parameters: Mapping[str, Any]
    form: str

    @property
    def is_write(self) -> bool:
        """Whether it changes anything (GenerateCredentialReport and its like do not count)."""
        return not self.action.startswith(READING)

    def subjects(self) -> set[str]:
        """What a fault's WHERE may name after its `@`: whom and where the call is about."""
        named = {str(self.parameters.get(name)) for name in ("UserName", "RoleName")}
        later = {"next"} if self.parameters.keys() & {"Marker", "NextToken"} else set()
        return {self.region, get_account_id_from(self.key), *named, *later}


class Gateway:
    """The WSGI application that the AWS clients talk to."""

    def __init__(
        self, accounts: Accounts, moto: WSGIApplication, credentials: Callable[[], Mapping[str, str]]
    ) -> None:
        """`credentials` makes a new session, for clients whose credentials are renewable."""
        self._accounts, self._moto, self._credentials = accounts, moto, credentials
        self._latency = accounts.settings.latency_ms / 1000
        self._random = random.Random(accounts.settings.seed)
        self._lock = threading.Lock()
        self._served: Counter[str] = Counter()
        self._struck: set[tuple[str, str]] = set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/credentials" and "AWS4" not in environ.get("HTTP_AUTHORIZATION", ""):
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._credentials()).encode()]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ[ACCOUNTS] = self._accounts
        call = identify(environ, body)
        if call.key in self._accounts.foreign:
            return self._serve(call, environ, start_response)
        self._accounts.count(call.action)
        self._accounts.tell(call.action, "before", call.is_write)
        faults = self._hits(call)
        time.sleep(self._latency + SLOW * ("slow" in faults))
        if "drop" in faults:
            raise ConnectionDroppedError
        if "garbled" in faults:
            start_response("200 OK", [("Content-Type", "text/html")])
            return [PAGE]
        if refusal := self._refusal(call, faults):
            return refuse(call.form, refusal, start_response)
        answer = self._serve(call, environ, start_response)
        if "drop_after" in faults:
            raise ConnectionDroppedError
        return _half(answer) if "truncated" in faults else answer

    def _serve(self, call: Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        enforced = self._accounts.faults.get("iam") == "enforced"
        moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0 if enforced else float("inf")
        try:
            with self._state(call):
                chunks, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
                if status < "4" and call.service != "sts":
                    record_call(self._account(call), call.key, call.service, call.action, call.parameters)
        except NotImplementedError:
            message = f"The sandbox does not offer {call.service}:{call.action}."
            return refuse(call.form, Refusal("InvalidAction", 400, message), start_response)
        body = b"".join(chunks)
        told = DENIAL.search(body) if status.startswith("403") and call.form in ("json", "rest") else None
        if told:  # moto refuses in XML whatever the service: a client of a JSON service could not read it
            refusal = Refusal(told.group(1).decode(), 400, told.group(2).decode())
            return refuse(call.form, refusal, start_response)
        if status < "4" and call.key not in self._accounts.foreign:
            self._accounts.tell(call.action, "after", call.is_write)
        headers["Content-Length"] = str(len(body))
        start_response(status, list(headers.items()))
        return [body]

    @contextlib.contextmanager
    def _state(self, call: Call) -> Iterator[None]:
        """Locks what is ours, sets moto's clock, and lets reads of IAM lag.

        STS stays in real time: clients compare their session's expiry with the machine's clock.
        """
        clock = None if call.service == "sts" else self._accounts.clock
        with contextlib.ExitStack() as stack:
            if call.service in SERIAL:
                stack.enter_context(self._accounts.lock)
            stack.enter_context(following(clock))
            for make in self._account(call).pending.pop(call.service, ()):
                make()
            if call.service == "iam" and call.is_write:
                remember(self._account(call), call.parameters)
            elif call.service == "iam" and call.key not in self._accounts.foreign:
                account = self._account(call)
                stack.enter_context(as_of(account, lag_of(account, call.action, call.parameters)))
            yield

    def _account(self, call: Call) -> Account:
        return self._accounts.account(get_account_id_from(call.key))

    def _hits(self, call: Call) -> set[str]:
        """The faults that strike this call."""
        struck, faults = set(), dict(self._accounts.faults)
        subjects = call.subjects() if faults else set()
        for name in (*REFUSALS, "slow", "drop", "drop_after", "truncated", "garbled"):
            if name in faults:
                with self._lock:
                    drawn, first = self._random.random(), (name, call.action) not in self._struck
                if hits(faults[name], call.action, {*subjects, "once"} if first else subjects, drawn):
                    self._struck.add((name, call.action))
                    struck.add(name)
        return struck

    def _refusal(self, call: Call, struck: set[str]) -> Refusal | None:
        if name := next((name for name in REFUSALS if name in struck), None):
            _, _, who = caller(self._account(call), call.key) or ("", "", "anonymous")
            told = REFUSALS[name].message.format(who=who, what=f"{call.service}:{call.action}")
            return REFUSALS[name]._replace(message=told)
        faults = self._accounts.faults
        with self._lock:
            self._served[call.key] += 1
            expired = "aws_expire" in faults and self._served[call.key] > float(faults["aws_expire"])
        if expired and call.service != "sts":
            return EXPIRED
        if call.service in {"cloudtrail", "ec2", "cloudformation"} and call.region not in enabled(faults):
            return STRANGE
        rate = float(faults.get("aws_rate", 0))
        if rate and call.service == "iam" and not self._accounts.buckets.admits(rate, BURST, "iam"):
            return THROTTLED
        return None


def _half(body: Iterable[bytes]) -> Iterator[bytes]:
    whole = b"".join(body)
    yield whole[: len(whole) // 2]
    raise ConnectionDroppedError


def identify(environ: WSGIEnvironment, body: bytes) -> Call:
    """Which service and action a signed request is for; `Unknown` when nothing tells."""
    found = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = found.groups() if found else ("", "", "unknown")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Call(service, target.rpartition(".")[2], key, region, json.loads(body or b"{}"), "json")
    form = "ec2" if service == "ec2" else "query"
    if body.startswith(b"Action=") or b"&Action=" in body[:4096]:
        parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return Call(service, parameters["Action"], key, region, parameters, form)
    return Call(service, _routed(service, environ), key, region, {}, "s3" if service == "s3" else "rest")


def _routed(service: str, environ: WSGIEnvironment) -> str:
    try:
        operation, _ = get_service_router(service).match(Request(dict(environ)))
    except (HTTPException, ServiceException, ValueError, LookupError, NotImplementedError):
        return "Unknown"
    name: str = operation.name
    return name
