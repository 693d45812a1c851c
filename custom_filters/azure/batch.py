"""Many small calls in one request: Graph's $batch, of which every answer is read on its own.

https://learn.microsoft.com/graph/json-batching: at most 20 requests; the outer answer is 200 whatever became
of them; one that depends on a failed one is answered 424.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import requests

from custom_filters.azure.client import CONCURRENCY, Graph, Json
from custom_filters.azure.errors import GraphError, error_of, lost
from custom_filters.azure.pace import again, given_up
from custom_filters.custodian.pacing import Again, Turn
from custom_filters.custodian.waits import parse_retry_after

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
    turn = Turn()
    while waiting:
        answers = _send(graph, steps, waiting, turn)
        for index in waiting:
            results[index] = _result(steps, index, answers)
        waiting = _worth_trying(graph, steps, waiting, results, turn)
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


def _send(graph: Graph, steps: Sequence[Step], waiting: Sequence[int], turn: Turn) -> Mapping[str, Json]:
    requests_ = [_request(steps[i], i, waiting) for i in waiting]
    answer = graph.request("POST", f"{graph.endpoint}/v1.0/$batch", body={"requests": requests_}, turn=turn)
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
    graph: Graph, steps: Sequence[Step], waiting: Iterable[int], results: list[Any], turn: Turn
) -> list[int]:
    """Those that failed in passing or were refused for their speed, and those that waited for one of them.

    Returns when the next batch may be sent.
    """
    waiting = list(waiting)
    whys = {i: why for i in waiting if isinstance(results[i], GraphError) and (why := again(results[i]))}
    refused = {i: why for i, why in whys.items() if why.tries is None}
    limiter = graph.limits.others
    if refused and (sentence := limiter.refused(turn, _longest(refused.values()))):
        for index in refused:
            results[index] = given_up(results[index], sentence)
            del whys[index]
    passing = {i: why for i, why in whys.items() if i not in refused}
    if passing:
        tries = max(why.tries or 0 for why in passing.values())
        if not limiter.goes_on(turn, Again(tries, _longest(passing.values()))):
            whys = {i: why for i, why in whys.items() if i not in passing}
    held_up = [i for i in waiting if steps[i].after in whys and i not in whys]
    return sorted([*whys, *held_up])


def _longest(whys: Iterable[Again]) -> float | None:
    return max((why.retry_after for why in whys if why.retry_after is not None), default=None)
