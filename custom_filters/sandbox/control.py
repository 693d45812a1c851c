"""The sandbox's control endpoint, JSON on loopback: what was called, what time it is, what goes wrong.

| call | does |
|---|---|
| `GET /calls`, `DELETE /calls` | counts by `cloud:Action`; forgets them |
| `GET /clock` | `{"now": ...}` |
| `POST /clock` | sets it: `{"now": "2026-05-01T12:00:00Z"}` or `{"advance_hours": 336}` |
| `GET /faults`, `POST /faults` | faults; `{"throttle": 0.1, "report": null}` sets one, removes another |
| `GET /wire` | `{"proxy": "http://127.0.0.1:PORT"}`: what leads clients to the clouds that have one |
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from custom_filters.sandbox.clock import Clock


class Control:
    """The WSGI application behind `C7N_UNUSED_SANDBOX`."""

    def __init__(
        self,
        clock: Clock,
        calls: Counter[str],
        faults: MutableMapping[str, str | float],
        check: Callable[[Mapping[str, str | float]], None],
        proxy: Callable[[], str | None],
    ) -> None:
        """`check` raises ValueError for faults that no cloud knows or that have a wrong value."""
        self._clock, self._calls, self._faults, self._check = clock, calls, faults, check
        self._proxy = proxy

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer, status = self._answer(environ), "200 OK"
        except LookupError:
            answer, status = {"error": "no such call: see /calls, /clock, /faults, /wire"}, "404 Not Found"
        except (ValueError, TypeError) as error:
            answer, status = {"error": str(error)}, "400 Bad Request"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _answer(self, environ: WSGIEnvironment) -> dict[str, Any]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "DELETE", "/calls":
                self._calls.clear()
            case "POST", "/clock":
                self._move(json.loads(body))
            case "POST", "/faults":
                self._change(json.loads(body))
            case "GET", _:
                pass
            case _:
                raise LookupError
        return self._show(environ["PATH_INFO"])

    def _show(self, path: str) -> dict[str, Any]:
        if path == "/clock":
            return {"now": self._clock.now().isoformat(), "stated": _iso(self._clock.stated)}
        shown: dict[str, dict[str, Any]] = {"/calls": dict(self._calls), "/faults": dict(self._faults)}
        shown["/wire"] = {"proxy": self._proxy()}
        return shown[path]

    def _move(self, asked: dict[str, Any]) -> None:
        if asked.keys() == {"now"}:
            self._clock.set(datetime.fromisoformat(asked["now"].replace("Z", "+00:00")))
        elif asked.keys() == {"advance_hours"}:
            self._clock.advance(timedelta(hours=asked["advance_hours"]))
        else:
            raise ValueError('give {"now": TIME} or {"advance_hours": NUMBER}')

    def _change(self, asked: dict[str, Any]) -> None:
        if not all(value is None or isinstance(value, (str, int, float)) for value in asked.values()):
            raise ValueError("give each fault a number, a word, or null to end it")
        self._check({name: value for name, value in asked.items() if value is not None})
        for name, value in asked.items():
            if value is None:
                self._faults.pop(name, None)
            else:
                self._faults[name] = value


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
