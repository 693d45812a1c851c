"""Writing notes into service accounts' descriptions, which the API does not keep others from overwriting."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping

from custom_filters.core.record import RecordError
from custom_filters.gcp.accounts import get_account
from custom_filters.gcp.client import Client
from custom_filters.gcp.description import Description, parse_description
from custom_filters.gcp.errors import GoogleError

_ATTEMPTS = 8
_CONFLICT = 409

Changes = Mapping[str, str | None]


class DescriptionWriter:
    """One runner's writes to a description take turns; None in `changes` removes a note."""

    def __init__(self, accounts: Client) -> None:
        self._accounts = accounts
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._written: defaultdict[tuple[str, str], dict[str, str | None]] = defaultdict(dict)

    def check_room(self, account: str, key: str, changes: Changes) -> None:
        """Raise RecordError when the notes would not fit: 256 bytes, the owner's text included."""
        self._read(account).changed(key, changes).render()

    def write(self, account: str, key: str, changes: Changes) -> None:
        """Read, change, write and read again, until it stays; GoogleError, RecordError.

        What this run noted before is noted again, should somebody have overwritten it.
        """
        written = self._written[account, key]
        written.update(changes)
        with self._locks[account]:
            for _ in range(_ATTEMPTS):
                present = self._read(account)
                wanted = present.changed(key, written)
                if wanted.notes == present.notes:
                    return
                self._patch(account, wanted.render())
        raise RecordError("its description is being changed by somebody else; run again")

    def _read(self, account: str) -> Description:
        found = get_account(self._accounts, account)
        if found is None:
            raise RecordError("the service account is gone")
        return parse_description(found.get("description", ""))

    def _patch(self, account: str, description: str) -> None:
        body = {"serviceAccount": {"description": description}, "updateMask": "description"}
        try:
            self._accounts.call("patch", name=account, body=body)
        except GoogleError as error:
            if error.status != _CONFLICT:  # which the next attempt sees
                raise
