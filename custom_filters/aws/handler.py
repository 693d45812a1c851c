"""The entry point in AWS Lambda: `mode: {handler: custom_filters.aws.handler.run}`.

Custodian's archive holds c7n and this package; its stock handler would not know our filters and actions.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from c7n.handler import dispatch_event
from c7n.utils import reset_session_cache

from custom_filters.aws.plugin import install
from custom_filters.core.vocabulary import EVENT_VARIABLE
from custom_filters.custodian.deadline import watch

install()
# c7n's handler logs everything; at DEBUG Custodian writes whole users into CloudWatch.
logging.getLogger("custodian").setLevel(logging.INFO)


def run(event: dict[str, Any], context: object) -> bool | None:
    """Run the archive's policy for one schedule event; what `c7n.handler.dispatch_event` returns.

    A container may be reused minutes later. What policies share hangs on the session, so the session goes
    first: a listing or a report of an earlier event is never used again. Actions watch the time that is left
    and end between two users; the next event goes on. A failed policy is raised, which makes the invocation
    fail.
    """
    reset_session_cache()
    # The same for each delivery of an event: what an earlier one did is not done again.
    os.environ[EVENT_VARIABLE] = str(getattr(context, "aws_request_id", ""))
    watch(context)
    done: bool | None = dispatch_event(event, context)
    return done
