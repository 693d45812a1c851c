"""moto in server mode: its WSGI application with our responses in it, and its state's end."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from moto import backends
from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.core.utils import convert_to_flask_response, method_names_from_class
from moto.moto_server import werkzeug_app

from custom_filters.sandbox.aws import moto_time
from custom_filters.sandbox.aws.cloudtrail import CloudTrail
from custom_filters.sandbox.aws.iam import Iam
from custom_filters.sandbox.aws.services import CloudFormation, Ec2


@cache
def prepare_moto() -> None:
    """Once for the process: time, and two lookups that moto repeats for every request."""
    moto_time.install()
    responses.method_names_from_class = cache(method_names_from_class)
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # no web page has any business with these servers


def moto_application() -> Any:
    """All of moto's services, some with our actions first."""
    ours: dict[str, Any] = {
        "iam": Iam,
        "cloudtrail": CloudTrail,
        "ec2": Ec2,
        "cloudformation": CloudFormation,
    }

    def create(service: Any) -> Any:
        app = werkzeug_app.create_backend_app(service)
        if service in ours:
            view = convert_to_flask_response(ours[service].dispatch)
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
    """Drops everything moto knows of an account."""
    for backend in BackendDict._instances:
        if account_id in backend:
            backend[account_id].reset()
            backend.pop(account_id)
