"""Writing down everybody whom a policy's `unused-credentials` filters judge, beside its resources.json."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from custom_filters.core import population
from custom_filters.core.judge import IdentityJudgement
from custom_filters.core.times import format_time
from custom_filters.custodian import clock


class Examined:
    """Stands in for a resource manager's `filter_resources`, and writes the file once all filters have run.

    Under `or:` two filters of ours may judge the same identity; the later one counts.
    """

    def __init__(self, manager: Any, provider: str) -> None:
        self._manager, self._provider = manager, provider
        self._filter = manager.filter_resources
        self._rows: dict[str, Mapping[str, Any]] = {}

    def __call__(self, resources: Any, event: Any = None) -> Any:
        self._rows = {}
        listed = len(resources)
        found = self._filter(resources, event)
        self._write(None if event else listed - len(self._rows))
        return found

    def add(self, judged: IdentityJudgement, now: datetime) -> None:
        """Note one identity."""
        row = population.row(judged, format_time(now))
        self._rows[row["uid"]] = row

    def _write(self, filtered_out: int | None) -> None:
        """Write the file whole or not at all, for this user only."""
        folder = getattr(self._manager.ctx.output, "root_dir", None)
        if not folder or not Path(folder).is_dir():
            return
        name, account = self._manager.data.get("name", ""), str(self._manager.config.account_id or "")
        as_of, rows = format_time(clock.now()), tuple(self._rows.values())
        found = population.Population(self._provider, account, name, as_of, filtered_out, rows)
        target = Path(folder) / population.FILE_NAME
        unfinished = target.with_name(f".{target.name}.new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(population.lines(found))
        unfinished.replace(target)


def follow(manager: Any, provider: str) -> None:
    """Have everybody written down whom the filters of this manager's policy judge."""
    found = getattr(manager, "filter_resources", None)  # nothing has one that only tells permissions
    if found is not None and not isinstance(found, Examined):
        manager.filter_resources = Examined(manager, provider)


def note(manager: Any, judged: IdentityJudgement, now: datetime) -> None:
    """Note that an identity was judged."""
    found = getattr(manager, "filter_resources", None)
    if isinstance(found, Examined):
        found.add(judged, now)
