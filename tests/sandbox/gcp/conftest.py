from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import google_auth_httplib2
import httplib2
import pytest
from google.oauth2.service_account import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from werkzeug.test import Client

from custom_filters.sandbox.cloud import Settings
from custom_filters.sandbox.gcp import keyfile
from custom_filters.sandbox.gcp.cloud import GcpCloud
from custom_filters.sandbox.gcp.company import DELEGATED_SCOPES
from tests.sandbox.gcp.contract import errors
from tests.sandbox.still import StillClock

AUTH = "https://www.googleapis.com/auth/"
CLOUD = AUTH + "cloud-platform"


class DirectHttp:
    """The httplib2 interface straight onto the WSGI applications; checks each answer against its document."""

    redirect_codes: frozenset[int] = frozenset()

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud = cloud

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[httplib2.Response, bytes]:
        parts = urlsplit(uri)
        answer = Client(self._cloud.hosts[parts.netloc]).open(
            parts.path,
            method=method,
            query_string=parts.query,
            data=body,
            headers=headers,
            base_url=f"https://{parts.netloc}",
        )
        played = (headers or {}).get("x-http-method-override", method)
        routed = self._cloud.documents.route(parts.netloc, played, parts.path)
        if routed and answer.status_code < 300 and "html" not in answer.mimetype:
            if body and "json" in (headers or {}).get("content-type", ""):
                assert errors(routed[0], json.loads(body), sent=True) == []
            if "fields=" not in parts.query:
                assert errors(routed[0], answer.json if answer.data else None, sent=False) == []
        response = httplib2.Response({**answer.headers, "status": str(answer.status_code)})
        return response, answer.data

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class World:
    """A small cloud and the real client libraries on it."""

    cloud: GcpCloud
    clock: StillClock
    calls: Counter[str]
    faults: dict[str, Any]

    def credentials(self, *scopes: str, subject: str | None = None) -> Credentials:
        return self.loaded.with_scopes(scopes or [CLOUD]).with_subject(subject)

    @functools.cached_property
    def loaded(self) -> Credentials:
        return Credentials.from_service_account_file(self.cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"])

    def api(self, name: str, version: str, *scopes: str, subject: str | None = None) -> Any:
        http = google_auth_httplib2.AuthorizedHttp(
            self.credentials(*scopes, subject=subject), http=DirectHttp(self.cloud)
        )
        return build(name, version, http=http, cache_discovery=False)

    def directory(self, subject: str = "", *scopes: str) -> Any:
        return self._admin("directory_v1", subject, scopes)

    def reports(self) -> Any:
        return self._admin("reports_v1", "", ())

    def iam(self) -> Any:
        return self.api("iam", "v1")

    def _admin(self, version: str, subject: str, scopes: tuple[str, ...]) -> Any:
        subject = subject or self.cloud.company.subject.email
        return self.api("admin", version, *(scopes or DELEGATED_SCOPES), subject=subject)


ONE_KEY = functools.cache(keyfile.new_key)  # making one takes longer than a test


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(keyfile, "new_key", ONE_KEY)
    calls: Counter[str] = Counter()
    faults: dict[str, Any] = {}
    clock = StillClock(datetime.now(timezone.utc).replace(microsecond=0))
    cloud = GcpCloud(Settings(users=60, seed=1), clock, calls, faults, accounts=40)
    yield World(cloud, clock, calls, faults)
    cloud.close()


def everything(resource: Any, verb: str, key: str, **arguments: Any) -> list[Any]:
    """All items over all pages, with the client's own paging."""
    found, request = [], getattr(resource, verb)(**arguments)
    while request is not None:
        answer = request.execute()
        found += answer.get(key, [])
        request = getattr(resource, f"{verb}_next")(request, answer)
    return found


def refused(ask: Callable[[], Any]) -> tuple[int, str]:
    """The code and the reason (ErrorInfo's, else `errors[]`'s, else the status) of a refused request."""
    with pytest.raises(HttpError) as caught:
        ask()
    error = json.loads(caught.value.content)["error"]
    infos = [detail["reason"] for detail in error.get("details", ()) if "reason" in detail]
    legacy = [entry["reason"] for entry in error.get("errors", ())]
    return error["code"], (infos or legacy or [error["status"]])[0]
