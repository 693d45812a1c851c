"""moto in server mode: its WSGI application with our responses in it, its time, and its state's end."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from types import SimpleNamespace
from typing import Any

from moto import backends
from moto.core import responses, utils
from moto.core.base_backend import BackendDict
from moto.core.utils import convert_to_flask_response, method_names_from_class
from moto.moto_server import werkzeug_app

from custom_filters.sandbox.aws.services import OURS
from custom_filters.sandbox.clock import Clock

_CLOCK: ContextVar[Clock | None] = ContextVar("c7n_unused_sandbox_clock", default=None)


@contextlib.contextmanager
def following(clock: Clock | None) -> Iterator[None]:
    """In this thread moto's time is the clock's; without one, and elsewhere, it is the real one."""
    token = _CLOCK.set(clock)
    try:
        yield
    finally:
        _CLOCK.reset(token)


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        """Whole seconds, as AWS stores them."""
        clock = _CLOCK.get()
        at = clock.now() if clock else datetime.datetime.now(datetime.timezone.utc)
        return at.astimezone(tz).replace(microsecond=0)

    @classmethod
    def utcnow(cls) -> datetime.datetime:  # type: ignore[override]
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)


@cache
def prepare_moto() -> None:
    """Once for the process: time, and two lookups that moto repeats for every request."""
    # 157 of moto's modules hold `utcnow` by name: what it looks up can be replaced, it can't.
    utils.datetime = SimpleNamespace(**{**vars(datetime), "datetime": _Datetime})
    responses.method_names_from_class = cache(method_names_from_class)
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # no web page has any business with these servers


def moto_application() -> Any:
    """All of moto's services, some with our actions first."""

    def create(service: Any) -> Any:
        app = werkzeug_app.create_backend_app(service)
        if service in OURS:
            view = convert_to_flask_response(OURS[service]().dispatch)
            app.view_functions = dict.fromkeys(app.view_functions, view)
        return app

    return _Dispatcher(create)


class _Dispatcher(werkzeug_app.DomainDispatcherApplication):
    """moto's, with its search for a service's backend remembered: it lists a directory for every request."""

    def __init__(self, create_app: Callable[[Any], Any]) -> None:
        super().__init__(create_app)
        self._modules = set(backends.list_of_moto_modules())
        self._found: dict[str, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        if host is None or host == "moto_api" or host in self._modules:
            return host
        if host not in self._found:
            self._found[host] = super().get_backend_for_host(host)
        return self._found[host]


def forget_account(account_id: str) -> None:
    """Drops everything moto knows of an account; what is in a bucket may be a file, which is closed."""
    for backend in BackendDict._instances:
        if account_id in backend:
            if backend.service_name == "s3":
                backend[account_id].reset()
            backend.pop(account_id)
