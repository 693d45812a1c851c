"""JSON batching (Graph v1.0 "Combine multiple HTTP requests using JSON batching"): at most 20 requests."""

from __future__ import annotations

import json
from collections.abc import Callable

from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json

MAX_REQUESTS = 20
METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


def run(call: Call, answer: Callable[[Call], Answer], shuffle: Callable[[list[Json]], None]) -> list[Json]:
    """The responses, in no promised order; `answer` plays one inner request.

    A request whose dependsOn names a failed one gets 424. Raises GraphError 400 for a malformed batch.
    """
    statuses: dict[str, int] = {}
    responses: list[Json] = []
    for step in _ordered(_checked(call)):
        key = str(step["id"])
        if any(statuses[needed] >= 400 for needed in _needs(step)):
            error = {"code": "FailedDependency", "message": "A request that this one depends on failed."}
            result = Answer(424, {"error": error})
        else:
            result = answer(_call(call, step))
        statuses[key] = result.status
        responses.append(_response(key, result))
    shuffle(responses)
    return responses


def _checked(call: Call) -> list[Json]:
    steps = call.json().get("requests")
    if not isinstance(steps, list) or not steps:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(steps) > MAX_REQUESTS:
        text = f"Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}."
        raise GraphError(400, "MaximumValueExceeded", text)
    seen: set[str] = set()
    for step in steps:
        _check(step, seen)
    for step in steps:
        if not seen.issuperset(_needs(step)):
            raise GraphError(400, "BadRequest", "A dependsOn names a request that is not in the batch.")
    return steps


def _check(step: object, seen: set[str]) -> None:
    if not isinstance(step, dict) or not all(
        isinstance(step.get(key), str) for key in ("id", "method", "url")
    ):
        raise GraphError(400, "BadRequest", "Each request needs id, method and url.")
    if step["id"] in seen:
        raise GraphError(400, "BadRequest", f"Duplicate request id: {step['id']}.")
    if step["method"].upper() not in METHODS or not step["url"].startswith("/"):
        raise GraphError(400, "BadRequest", f"Invalid method or url of request {step['id']}.")
    names = {name.lower() for name in step.get("headers") or {}}
    if "body" in step and "content-type" not in names:
        raise GraphError(400, "BadRequest", f"Request {step['id']} has a body and no Content-Type header.")
    seen.add(step["id"])


def _ordered(steps: list[Json]) -> list[Json]:
    done: dict[str, Json] = {}
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if all(needed in done for needed in _needs(step))]
        if not ready:
            raise GraphError(400, "BadRequest", "The batch's dependsOn go round in a circle.")
        done |= {str(step["id"]): step for step in ready}
        waiting = [step for step in waiting if str(step["id"]) not in done]
    return list(done.values())


def _needs(step: Json) -> list[str]:
    needs = step.get("dependsOn") or []
    return [str(needed) for needed in needs] if isinstance(needs, list) else []


def _call(call: Call, step: Json) -> Call:
    given = step.get("headers")
    headers = {
        str(name).lower(): str(value) for name, value in (given if isinstance(given, dict) else {}).items()
    }
    content = json.dumps(step["body"]).encode() if "body" in step else b""
    return Call(str(step["method"]).upper(), call.origin, str(step["url"]), {}, headers, content)


def _response(key: str, answer: Answer) -> Json:
    response: Json = {"id": key, "status": answer.status, "headers": dict(answer.headers)}
    if answer.body is not None:
        response["headers"] = {**answer.headers, "Content-Type": "application/json"}
        response["body"] = answer.body
    return response
