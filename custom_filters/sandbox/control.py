"""The sandbox's control endpoint, JSON on loopback: what was called, what time it is, what goes wrong.

| call | does |
|---|---|
| `GET /calls`, `DELETE /calls` | counts by `cloud:Action`; forgets them |
| `GET /clock` | `{"now": ...}` |
| `POST /clock` | sets it: `{"now": "2026-05-01T12:00:00Z"}` or `{"advance_hours": 336}` |
| `GET /faults`, `POST /faults` | faults; `{"throttle": 0.1, "report": null}` sets one, removes another |
| `POST /hands` | somebody else acts: `{"cloud": "azure", "hand": "enable", "who": "ada@contoso.example"}` |
| `GET /wire` | `{"proxy": "http://127.0.0.1:PORT"}`: what leads clients to the clouds |

Paths begin with the run's secret, which is part of `C7N_UNUSED_SANDBOX`; any other is answered 403.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from custom_filters.sandbox.sandbox import Sandbox


class Control:
    """The WSGI application behind `C7N_UNUSED_SANDBOX`."""

    def __init__(self, sandbox: Sandbox, secret: str) -> None:
        self._sandbox, self._secret = sandbox, secret

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        _, secret, path = [*request.path.split("/", 2), "", ""][:3]
        try:
            if not hmac.compare_digest(secret.encode(), self._secret.encode()):
                raise PermissionError("the path must begin with the run's secret: see C7N_UNUSED_SANDBOX")
            answer, status = self._answer(request, path), 200
        except PermissionError as error:
            answer, status = {"error": str(error)}, 403
        except LookupError as error:
            answer, status = {"error": f"no such call or user: {error}"}, 404
        except (ValueError, TypeError) as error:
            answer, status = {"error": str(error)}, 400
        return Response(json.dumps(answer), status, content_type="application/json")(environ, start_response)

    def _answer(self, request: Request, path: str) -> dict[str, Any]:
        match request.method, path:
            case "DELETE", "calls":
                self._sandbox.calls.clear()
            case "POST", "clock":
                self._move(json.loads(request.get_data()))
            case "POST", "faults":
                self._change(json.loads(request.get_data()))
            case "POST", "hands":
                return self._act(**json.loads(request.get_data()))
            case "GET", _:
                pass
            case _:
                raise LookupError(f"{request.method} {path}")
        return self._show(path)

    def _show(self, path: str) -> dict[str, Any]:
        clock = self._sandbox.clock
        stated = clock.stated.isoformat() if clock.stated else None
        shown: dict[str, dict[str, Any]] = {
            "calls": dict(self._sandbox.calls),
            "clock": {"now": clock.now().isoformat(), "stated": stated},
            "faults": dict(self._sandbox.faults),
            "wire": {"proxy": self._sandbox.proxy},
        }
        return shown[path]

    def _move(self, asked: dict[str, Any]) -> None:
        if asked.keys() == {"now"}:
            self._sandbox.clock.set(datetime.fromisoformat(asked["now"].replace("Z", "+00:00")))
        elif asked.keys() == {"advance_hours"}:
            self._sandbox.clock.advance(timedelta(hours=asked["advance_hours"]))
        else:
            raise ValueError('give {"now": TIME} or {"advance_hours": NUMBER}')

    def _change(self, asked: dict[str, Any]) -> None:
        if not all(value is None or isinstance(value, (str, int, float)) for value in asked.values()):
            raise ValueError("give each fault a number, a word, or null to end it")
        faults = self._sandbox.faults
        self._sandbox.check_faults({name: value for name, value in asked.items() if value is not None})
        for name, value in asked.items():
            if value is None:
                faults.pop(name, None)
            else:
                faults[name] = value

    def _act(self, cloud: str, hand: str, who: str, **more: Any) -> dict[str, Any]:
        """Each cloud has `hand(hand, who, ...)`: see its module `hands`."""
        self._sandbox.clouds[cloud].hand(hand, who, **more)
        return {"done": hand}
