"""Findings on disk, so that a report over a thousand accounts needs little memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from custom_filters.reports.model import Finding


class Spool:
    """Findings, one JSON line each, in a temporary file (mode 0600) that vanishes with this object."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - open for as long as this object lives
            "w", encoding="utf-8", prefix="c7n-unused-", suffix=".jsonl"
        )
        self._count = 0
        self.extend(findings)

    @property
    def path(self) -> Path:
        """The file, complete as of the last `extend`."""
        return Path(self._file.name)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Append findings."""
        encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
        for finding in findings:
            self._file.write(encode(finding) + "\n")
            self._count += 1
        self._file.flush()

    def __iter__(self) -> Iterator[Finding]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def __len__(self) -> int:
        return self._count
