"""Worker processes for what takes long."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

_MOST = 4


def processes() -> ProcessPoolExecutor:
    """One process a core, at most four; not forked, for what reads from buckets runs threads."""
    return ProcessPoolExecutor(min(os.cpu_count() or 1, _MOST), mp_context=get_context("spawn"))
