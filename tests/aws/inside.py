"""Custodian's policies run in this process, on the embedded AWS: no child to start, errors are raised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources
from c7n.utils import reset_session_cache

from custom_filters import autoload
from custom_filters.custodian import pacing
from custom_filters.sandbox.sandbox import Sandbox
from tests.virtual import VirtualTime


@contextmanager
def calling(sandbox: Sandbox, **more: str) -> Iterator[None]:
    """This process as a client of the sandbox, with more in its environment; pacing takes no time."""
    environment = patch.dict(os.environ, {**sandbox.child_environment(), **more}, clear=True)
    with environment, patch.object(pacing, "SYSTEM", VirtualTime().clock):
        reset_session_cache()
        yield
    reset_session_cache()


def collection(sandbox: Sandbox, out: Path, policies: list[dict[str, Any]]) -> PolicyCollection:
    """Policies, loaded and not validated."""
    autoload.load()
    load_resources(("aws.iam-user", "aws.iam-role", "aws.account"))
    account = sandbox.aws.account_id
    options = Config.empty(region="us-east-1", account_id=account, output_dir=str(out), cache=None)
    return PolicyCollection.from_data({"policies": policies}, options)


def run(sandbox: Sandbox, out: Path, *policies: dict[str, Any]) -> None:
    """Run policies one after another; the first error is raised."""
    with calling(sandbox):
        for policy in collection(sandbox, out, list(policies)):
            policy.run()
