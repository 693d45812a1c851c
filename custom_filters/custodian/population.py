"""Writing down everybody whom a policy's `unused-credentials` filters judge, beside its resources.json."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from c7n.utils import local_session

from custom_filters.core import population
from custom_filters.core.credential import Identity
from custom_filters.core.evidence import NeverUsed
from custom_filters.core.exemption import Matches, matches_of
from custom_filters.core.judge import IdentityJudgement
from custom_filters.core.times import format_time
from custom_filters.custodian import clock, terms
from custom_filters.custodian.request import Request
from custom_filters.custodian.store import shared


class Examined:
    """Stands in for a resource manager's `filter_resources`, and writes the file once all filters have run.

    Under `or:` two filters of ours may judge the same identity; the later one counts.
    """

    def __init__(self, manager: Any, provider: str) -> None:
        self._manager, self._provider = manager, provider
        self._filter = manager.filter_resources
        #: Lines by uid: they take a third of what the rows would.
        self._lines: dict[str, str] = {}
        self._requests: list[Request] = []

    def __call__(self, resources: Any, event: Any = None) -> Any:
        self._lines, self._requests = {}, []
        listed = len(resources)
        found = self._filter(resources, event)
        whole = not event and terms.examined(self._manager) >= listed
        self._write(None if event else listed - len(self._lines), whole=whole)
        return found

    def begin(self, request: Request) -> None:
        """A filter is about to judge."""
        self._requests.append(request)

    def add(self, judged: IdentityJudgement, now: datetime) -> None:
        """Note one identity."""
        row = population.row(judged, format_time(now))
        self._lines[row["uid"]] = population.line_of(row)

    def _exemptions(self, account: str) -> Iterator[Matches]:
        for request in self._requests:
            yield from matches_of(request.entries, self._provider, account, request.matched)

    def _write(self, filtered_out: int | None, *, whole: bool) -> None:
        """Write the file whole or not at all, for this user only."""
        folder = getattr(self._manager.ctx.output, "root_dir", None)
        if not folder or not Path(folder).is_dir():
            return
        name, account = self._manager.data.get("name", ""), str(self._manager.config.account_id or "")
        matches = tuple(dict.fromkeys(self._exemptions(account))) if whole else ()
        found = population.Population(
            self._provider, account, name, format_time(clock.now()), filtered_out, (), matches
        )
        target = Path(folder) / population.FILE_NAME
        unfinished = target.with_name(f".{target.name}.new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(population.first_line(found, len(self._lines)))
            file.writelines(self._lines.values())
        unfinished.replace(target)


def remembered(manager: Any, provider: str, identity: Identity) -> Identity:
    """The identity with what the policy's last run saw used, where a source now says never."""
    evidence = [e for c in identity.credentials for e in c.evidence]
    if not any(isinstance(e, NeverUsed) and e.covers for e in evidence):
        return identity
    root = getattr(getattr(manager.ctx, "output", None), "root_dir", None)
    if not root:
        return identity
    session = local_session(manager.session_factory)
    key = ("earlier-uses", provider, manager.data.get("name"))
    seen = shared(session, key, lambda: _earlier_uses(Path(root), provider))
    uid = population.identity_uid(identity)
    mine = {(c.kind, c.id): seen.get((uid, c.kind, c.id)) for c in identity.credentials}
    return population.remembered(identity, {item: at for item, at in mine.items() if at})


def _earlier_uses(folder: Path, provider: str) -> Mapping[tuple[str, str, str], datetime]:
    """From the population that the last run left: in this folder, or in that of a run beside this one."""
    above = list(folder.absolute().parents)[2:3]  # OUT of OUT/<run>/<provider>/<policy>; a bucket's has none
    beside = sorted(p for out in above for p in out.glob(f"[0-9]*Z-*/{provider}/{folder.name}"))
    others = [other for other in beside if other != folder.absolute()]
    for place in (folder, *reversed(others)):
        with suppress(OSError), (place / population.FILE_NAME).open(encoding="utf-8") as lines:
            return population.uses(lines)
    return {}


def follow(manager: Any, provider: str) -> None:
    """Have everybody written down whom the filters of this manager's policy judge."""
    found = getattr(manager, "filter_resources", None)  # nothing has one that only tells permissions
    if found is not None and not isinstance(found, Examined):
        manager.filter_resources = Examined(manager, provider)


def examined(manager: Any) -> Examined | None:
    """What writes down the population of this manager's policy."""
    found = getattr(manager, "filter_resources", None)
    return found if isinstance(found, Examined) else None
