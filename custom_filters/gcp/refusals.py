"""What Google refuses, told apart from what fails: the rest of a run goes on without it, and says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from custom_filters.core.evidence import Unknown
from custom_filters.core.lifecycle_states import Recent
from custom_filters.custodian.store import shared
from custom_filters.gcp.client import session_of
from custom_filters.gcp.errors import NO_TOKEN, GoogleError
from custom_filters.gcp.pace import is_too_fast

log = logging.getLogger("custodian.unused")

T = TypeVar("T")
_FORBIDDEN = 403


def is_refused(error: GoogleError) -> bool:
    """Whether Google will not tell: a missing permission or scope, an API that is not enabled.

    A call that came too fast, or got no answer, may succeed another time.
    """
    return error.reason == NO_TOKEN or (error.status == _FORBIDDEN and not is_too_fast(error))


def known_or_unknown(manager: Any, source: str, key: tuple[Any, ...], load: Callable[[], T]) -> T | Unknown:
    """What `load` reads once a run, or why that is unknown where Google refuses it; told once."""
    session = session_of(manager)
    told: set[str] = shared(session, ("gcp-refusals",), set)
    return shared(session, key, lambda: _loaded(source, load, told))


def _loaded(source: str, load: Callable[[], T], told: set[str]) -> T | Unknown:
    try:
        return load()
    except GoogleError as error:
        if not is_refused(error):
            raise
        if str(error) not in told:
            told.add(str(error))
            log.warning("%s is not known here: %s", source, error)
        return Unknown(f"{source} could not be read: {error}", source)


def recent_without(error: GoogleError) -> Recent:
    """What is known of the last hours after this error."""
    return Recent("unavailable" if is_refused(error) else "failed", str(error))
