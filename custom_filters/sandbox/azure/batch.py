"""JSON batching (Graph v1.0 "Combine multiple HTTP requests using JSON batching"): at most 20 requests."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableSequence
from urllib.parse import parse_qsl, unquote

from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad, not_emulated

MAX_REQUESTS = 20


def run(
    call: Call, answer: Callable[[Call], Answer], shuffle: Callable[[MutableSequence[Json]], None]
) -> list[Json]:
    """The responses, in no promised order; `answer` does one inner request.

    Raises GraphError 400 for a malformed batch.
    """
    responses = [_response(str(step["id"]), answer(_call(call, step))) for step in _checked(call)]
    shuffle(responses)
    return responses


def _checked(call: Call) -> list[Json]:
    steps = call.json().get("requests")
    if not isinstance(steps, list) or not steps:
        raise bad("Invalid batch payload format.")
    if len(steps) > MAX_REQUESTS:
        text = f"Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}."
        raise bad(text, "MaximumValueExceeded")
    if len({step.get("id") for step in steps}) < len(steps):
        raise bad("An id is there twice.")
    for step in steps:
        typed = "body" not in step or "content-type" in {name.lower() for name in step.get("headers") or {}}
        if not (typed and step.get("id") and step.get("method") and str(step.get("url", "")).startswith("/")):
            raise bad("Each request needs id, method and relative url, and a Content-Type for its body.")
        if "dependsOn" in step:
            raise not_emulated("dependsOn in a batch")
    return steps


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
