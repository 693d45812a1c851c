"""The journal of a run whose output is a bucket: objects of its own; an event is acted on once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from boto3.exceptions import S3UploadFailedError
from c7n.exceptions import PolicyExecutionError

from custom_filters.core.vocabulary import EVENT_VARIABLE
from custom_filters.outputs.action_logs import journals
from custom_filters.sandbox.aws.people import Key, Person, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.inside import calling, collection
from tests.aws.runs import client, embedded, policy

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
BUCKET = "the-outputs"
MARK = {"type": "mark-for-op", "op": "disable-unused", "tag": "c7n-unused", "hours": 336}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded(now=NOW) as started:
        started.aws.add(Person("sam", keys=(Key(used=days(200)),)))
        client(started, "s3").create_bucket(Bucket=BUCKET)
        yield started


def mark(sandbox: Sandbox, event: str, bucket: str = BUCKET) -> None:
    """One delivery of an event, in a container of its own."""
    marking = {**policy("marking", exemptions="none"), "actions": [MARK]}
    with calling(sandbox, **{EVENT_VARIABLE: event}):
        (one,) = collection(sandbox, f"s3://{bucket}/out?region=us-east-1", [marking])  # type: ignore[arg-type]
        one.run()


def tags(sandbox: Sandbox) -> dict[str, str]:
    found: dict[str, str] = sandbox.aws.snapshot()["sam"]["tags"]
    return found


def test_each_step_is_an_object_below_the_execution(sandbox: Sandbox) -> None:
    mark(sandbox, "event-1")
    listed = client(sandbox, "s3").list_objects_v2(Bucket=BUCKET, Prefix="out/marking/journal/")["Contents"]
    steps = [f"out/marking/journal/event-1/00000{n}/c7n-unused-actions.jsonl" for n in (1, 2)]
    assert [item["Key"] for item in listed] == steps
    with calling(sandbox):
        found = [one for one in journals([f"s3://{BUCKET}/out"]) if "/journal/" in one.where]
    ((intent, outcome),) = ([line["step"] for line in one.lines] for one in found)
    assert (intent, outcome, [one.problems for one in found]) == ("intent", "outcome", [[]])


def test_an_event_that_is_delivered_again_is_not_acted_on_again(sandbox: Sandbox) -> None:
    mark(sandbox, "event-1")
    backend = sandbox.aws.account().backend
    backend.untag_user("sam", list(tags(sandbox)))
    mark(sandbox, "event-1")
    assert tags(sandbox) == {}
    mark(sandbox, "event-2")
    assert tags(sandbox).keys() == {"c7n-unused", "c7n-unused-record"}


def test_without_a_journal_nothing_is_changed(sandbox: Sandbox) -> None:
    """The bucket cannot be written: found before the first change. Custodian's own upload fails too."""
    with pytest.raises(S3UploadFailedError) as caught:
        mark(sandbox, "", bucket="not-there")
    assert tags(sandbox) == {}
    cause = caught.value.__context__
    while cause is not None and not isinstance(cause, PolicyExecutionError):
        cause = cause.__context__
    assert "the journal could not be written" in str(cause)
