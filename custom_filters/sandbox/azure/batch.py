"""JSON batching (Graph v1.0 "Combine multiple HTTP requests using JSON batching"): at most 20 requests."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableSequence
from urllib.parse import parse_qsl, unquote

from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad

MAX_REQUESTS = 20
FAILED: Json = {
    "error": {"code": "FailedDependency", "message": "A request that this one depends on failed."}
}  # fmt: skip


def run(
    call: Call, answer: Callable[[Call], Answer], shuffle: Callable[[MutableSequence[Json]], None]
) -> list[Json]:
    """The responses, in no promised order; `answer` does one inner request.

    A request whose dependsOn names a failed one gets 424. Raises GraphError 400 for a malformed batch.
    """
    failed: set[str] = set()
    responses: list[Json] = []
    for step in _checked(call):
        result = Answer(424, FAILED) if failed & _needs(step) else answer(_call(call, step))
        failed |= {str(step["id"])} if result.status >= 400 else set()
        responses.append(_response(str(step["id"]), result))
    shuffle(responses)
    return responses


def _checked(call: Call) -> list[Json]:
    steps = call.json().get("requests")
    if not isinstance(steps, list) or not steps:
        raise bad("Invalid batch payload format.")
    if len(steps) > MAX_REQUESTS:
        text = f"Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}."
        raise bad(text, "MaximumValueExceeded")
    before: set[str] = set()
    for step in steps:
        if str(step.get("id")) in before or not _needs(step) <= before:
            raise bad("An id is there twice, or a dependsOn names a request that is not before it.")
        before.add(str(step.get("id")))
        typed = "body" not in step or "content-type" in {name.lower() for name in step.get("headers") or {}}
        if not (typed and step.get("id") and step.get("method") and str(step.get("url", "")).startswith("/")):
            raise bad("Each request needs id, method and relative url, and a Content-Type for its body.")
    return steps


def _needs(step: Json) -> set[str]:
    needed = step.get("dependsOn")
    return {str(one) for one in needed} if isinstance(needed, list) else set()


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
