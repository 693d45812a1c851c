"""JSON batching (Graph v1.0 "Combine multiple HTTP requests using JSON batching"): at most 20 requests."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableSequence
from urllib.parse import parse_qsl, unquote

from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad

MAX_REQUESTS = 20
METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


def run(
    call: Call, answer: Callable[[Call], Answer], shuffle: Callable[[MutableSequence[Json]], None]
) -> list[Json]:
    """The responses, in no promised order; `answer` does one inner request.

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
        raise bad("Invalid batch payload format.")
    if len(steps) > MAX_REQUESTS:
        text = f"Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}."
        raise bad(text, "MaximumValueExceeded")
    for step in steps:
        _check(step)
    ids = [step["id"] for step in steps]
    if len(set(ids)) < len(ids) or not all(set(ids).issuperset(_needs(step)) for step in steps):
        raise bad("An id is there twice, or a dependsOn names a request that is not in the batch.")
    return steps


def _check(step: object) -> None:
    if not isinstance(step, dict) or not all(isinstance(step.get(k), str) for k in ("id", "method", "url")):
        raise bad("Each request needs id, method and url.")
    if step["method"].upper() not in METHODS or not step["url"].startswith("/"):
        raise bad(f"Invalid method or url of request {step['id']}.")
    if "body" in step and "content-type" not in {name.lower() for name in step.get("headers") or {}}:
        raise bad(f"Request {step['id']} has a body and no Content-Type header.")


def _ordered(steps: list[Json]) -> list[Json]:
    done: dict[str, Json] = {}
    while len(done) < len(steps):
        waiting = [step for step in steps if step["id"] not in done]
        ready = [step for step in waiting if done.keys() >= set(_needs(step))]
        if not ready:
            raise bad("The batch's dependsOn go round in a circle.")
        done |= {str(step["id"]): step for step in ready}
    return list(done.values())


def _needs(step: Json) -> list[str]:
    needs = step.get("dependsOn") or []
    return [str(needed) for needed in needs] if isinstance(needs, list) else []


def _call(call: Call, step: Json) -> Call:
    given = step.get("headers")
    named = given.items() if isinstance(given, dict) else ()
    path, _, query = str(step["url"]).partition("?")
    values = dict(parse_qsl(query, keep_blank_values=True))
    headers = {str(name).lower(): str(value) for name, value in named}
    content = json.dumps(step["body"]).encode() if "body" in step else b""
    method = str(step["method"]).upper()
    return Call(method, call.origin, unquote(path), values, headers, content, call.version, inner=True)


def _response(key: str, answer: Answer) -> Json:
    response: Json = {"id": key, "status": answer.status, "headers": dict(answer.headers)}
    if answer.body is not None:
        response["headers"] = {**answer.headers, "Content-Type": "application/json"}
        response["body"] = answer.body
    return response
