"""Many small calls in one request: Graph's $batch, of which every answer is read on its own.

https://learn.microsoft.com/graph/json-batching: at most 20 requests; the outer answer is 200 whatever became
of them; one that depends on a failed one is answered 424.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import requests

from custom_filters.azure.client import CONCURRENCY, Graph, Json
from custom_filters.azure.errors import GraphError, error_of, lost
from custom_filters.azure.retry import delay, parse_retry_after, tries

T = TypeVar("T")
LARGEST = 20
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Step:
    """One request of a batch: `url` begins after /v1.0. `after` is the index of a step that must succeed."""

    method: str
    url: str
    body: Any = None
    after: int | None = None


def batch(graph: Graph, steps: Sequence[Step]) -> list[Any]:
    """What became of each step, in order: the answer's JSON (None without a body), or its GraphError.

    Steps that fail in passing are sent again, in a further batch. The batch itself failing is raised.
    """
    results: list[Any] = [None] * len(steps)
    waiting = list(range(len(steps)))
    failures = 0
    while waiting:
        answers = _send(graph, steps, waiting)
        for index in waiting:
            results[index] = _result(steps, index, answers)
        failures += 1
        waiting = _worth_trying(steps, waiting, results, failures)
        if waiting:
            errors = [results[i] for i in waiting if results[i].status != requests.codes.failed_dependency]
            time.sleep(max(delay(error, failures) for error in errors))
    return results


def in_batches(graph: Graph, steps: Sequence[Step]) -> list[Any]:
    """The same for any number of independent steps, several batches at once."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        found = pool.map(lambda part: batch(graph, part), chunks(steps, LARGEST))
        return [result for results in found for result in results]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _send(graph: Graph, steps: Sequence[Step], waiting: Sequence[int]) -> Mapping[str, Json]:
    requests_ = [_request(steps[i], i, waiting) for i in waiting]
    answer = graph.request("POST", f"{graph.endpoint}/v1.0/$batch", body={"requests": requests_})
    responses = answer.get("responses") if isinstance(answer, Mapping) else None
    return {str(r.get("id")): r for r in responses or ()}


def _request(step: Step, index: int, waiting: Sequence[int]) -> Json:
    request: Json = {"id": str(index), "method": step.method, "url": step.url}
    if step.body is not None:
        request |= {"headers": _JSON, "body": step.body}
    if step.after in waiting:
        request["dependsOn"] = [str(step.after)]
    return request


def _result(steps: Sequence[Step], index: int, answers: Mapping[str, Json]) -> Any:
    what = f"{steps[index].method} {steps[index].url.partition('?')[0]}"
    answer = answers.get(str(index))
    if answer is None or not isinstance(answer.get("status"), int):
        return lost(what, "the batch's answer leaves it out")
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    if answer["status"] < requests.codes.bad_request:
        return answer.get("body")
    wait = parse_retry_after(headers.get("retry-after"))
    return error_of(what, answer["status"], answer.get("body"), headers, wait)


def _worth_trying(
    steps: Sequence[Step], waiting: Iterable[int], results: Sequence[Any], failures: int
) -> list[int]:
    """Those that failed in passing, and those that waited for one of them."""
    passing = [i for i in waiting if isinstance(results[i], GraphError) and failures < tries(results[i])]
    held_up = [i for i in waiting if steps[i].after in passing and i not in passing]
    return sorted([*passing, *held_up])
