"""The embedded AWS as a whole: accounts, the caller, the server."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from moto import backends
from moto.cloudtrail.models import cloudtrail_backends
from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.core.utils import convert_to_flask_response, method_names_from_class
from moto.moto_server import werkzeug_app
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends

from custom_filters.sandbox.aws import faults as known_faults
from custom_filters.sandbox.aws import moto_time
from custom_filters.sandbox.aws.account import Account, secret
from custom_filters.sandbox.aws.cloudtrail import CloudTrail, Pace
from custom_filters.sandbox.aws.company import company, company_account
from custom_filters.sandbox.aws.gateway import Gateway
from custom_filters.sandbox.aws.iam import Iam
from custom_filters.sandbox.aws.people import Person
from custom_filters.sandbox.aws.seeding import REGION, add_group, add_person, load_managed_policies
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.loopback import Loopback

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

Hook = Callable[[str, str, str, bool], None]
ROLE = "c7n-unused"
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}'
_PLAYED: set[str] = set()


class HasSettings(Protocol):
    """What is taken from the sandbox's `Settings`."""

    users: int
    seed: int
    latency_ms: float


class AwsCloud:
    """Plays AWS on loopback: `with AwsCloud(settings, clock, calls, faults) as cloud: cloud.environment`.

    settings.users > 0 seeds a company; with 0 the account is empty and `add` fills it. The caller is an
    assumed role, as from single sign-on, so it is no user of the account. moto's state and its switch for
    authorisation belong to the process: two clouds at once need different accounts, iam=enforced is for all.
    """

    FAULTS = known_faults.NAMES
    check_faults = staticmethod(known_faults.check)

    def __init__(
        self,
        settings: HasSettings,
        clock: Clock,
        calls: Counter[str],
        faults: MutableMapping[str, str | float],
        account_id: str | None = None,
    ) -> None:
        known_faults.check(faults)
        self._settings = settings
        self.clock, self.calls, self.faults = clock, calls, faults
        self.account_id = account_id or company_account(settings.seed)[0]
        self.on_request: Hook | None = None
        self.pace = Pace()
        self.lock = threading.RLock()
        self._accounts: dict[str, Account] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        _prepare_moto()
        if self.account_id in _PLAYED:
            raise RuntimeError(f"account {self.account_id} is played by another sandbox of this process")
        gateway = Gateway(self, _moto(), self._settings.seed, self._settings.latency_ms)
        with contextlib.ExitStack() as stack, moto_time.following(self.clock):
            stack.callback(self._forget)
            self._become_caller(self.account(self.account_id))
            self._seed()
            self._server = stack.enter_context(Loopback(gateway))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What points an unmodified AWS client here, as the caller's role."""
        caller = self._caller
        return {
            "AWS_ENDPOINT_URL": self._server.url,
            "AWS_ACCESS_KEY_ID": caller.access_key_id,
            "AWS_SECRET_ACCESS_KEY": caller.secret_access_key,
            "AWS_SESSION_TOKEN": caller.session_token,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def caller_arn(self) -> str:
        """The assumed role that `environment` calls as."""
        arn: str = self._caller.arn
        return arn

    def account(self, account_id: str | None = None) -> Account:
        """An account, made at its first use; without an id the main one."""
        account_id = account_id or self.account_id
        with self.lock:
            if account_id not in self._accounts:
                _PLAYED.add(account_id)
                self._accounts[account_id] = Account(account_id, self.clock, self.faults)
                load_managed_policies(self._accounts[account_id])
            return self._accounts[account_id]

    def add(self, *people: Person, account_id: str | None = None) -> None:
        """Puts users into an account, precisely as written."""
        with self.lock, moto_time.following(self.clock):
            for person in people:
                add_person(self.account(account_id), person)

    def group(self, name: str, attached: Iterable[str] = (), inline: Iterable[str] = ()) -> None:
        """Makes a group of the main account, or gives it policies (see `seeding.add_group`)."""
        add_group(self.account(), name, attached, inline)

    def user(self, name: str) -> Any:
        """The object, moto's own, of a user of the main account; KeyError when there is none."""
        return self.account().backend.users[name]

    def forget_report(self) -> None:
        """Drops the credential report: the next one is generated anew, without four hours of waiting."""
        self.account().report = None

    def enforce_iam(self, on: bool, policy: str | None = None) -> None:
        """Switches moto's authorisation; `policy` (JSON) replaces what the caller's role may do."""
        if policy is not None:
            role = self.account().backend.get_role(ROLE)
            role.put_policy(ROLE, policy)
        if on:
            self.faults["iam"] = "enforced"
        else:
            self.faults.pop("iam", None)

    def credentials_of(self, user: str) -> dict[str, str]:
        """An environment that calls as a user, with the first of the user's keys."""
        key = self.user(user).access_keys[0]
        own = {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}
        plain = {name: value for name, value in self.environment.items() if name != "AWS_SESSION_TOKEN"}
        return {**plain, **own}

    def _become_caller(self, account: Account) -> None:
        role = account.backend.create_role(ROLE, TRUST, "/", None, "Runs c7n-unused", [], 3600)
        role.put_policy(ROLE, '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}')
        self._caller = sts_backends[account.id]["aws"].assume_role(
            region_name=REGION,
            role_session_name="sandbox",
            role_arn=role.arn,
            policy=None,
            duration=43200,
            external_id=None,
        )
        self._caller.secret_access_key = self._caller.access_key.secret_access_key = secret()

    def _seed(self) -> None:
        account = self.account()
        account.backend.create_account_alias(company_account(self._settings.seed)[1])
        account.backend.update_account_password_policy(True, False, 0, 14, 24, True, True, True, True)
        add_trail(account.id)
        if self._settings.users:
            staff = company(self._settings.users, self._settings.seed, self.clock.reference())
            for name, attached in staff.groups.items():
                add_group(account, name, attached)
            self.add(*staff.people)

    def _forget(self) -> None:
        for account_id in self._accounts:
            for backend in BackendDict._instances:
                if account_id in backend:
                    backend[account_id].reset()
                    backend.pop(account_id)
            _PLAYED.discard(account_id)


def add_trail(account_id: str) -> None:
    """A multi-Region trail that logs, with the bucket it needs."""
    bucket = f"trail-{account_id}"
    s3_backends[account_id]["aws"].create_bucket(bucket, REGION)
    trails = cloudtrail_backends[account_id][REGION]
    trails.create_trail("management-events", bucket, "", "", True, True, True, False, "", "", "", [])
    trails.start_logging("management-events")


@cache
def _prepare_moto() -> None:
    """Once for the process: time, and two lookups that moto repeats for every request."""
    moto_time.install()
    responses.method_names_from_class = cache(method_names_from_class)
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # no web page has any business with these servers


def _moto() -> Any:
    ours: dict[str, Any] = {"iam": Iam, "cloudtrail": CloudTrail}

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
