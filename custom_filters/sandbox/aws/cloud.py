"""The embedded AWS as a whole: accounts, the caller, the server."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from moto.sts.models import sts_backends

from custom_filters.sandbox.aws import faults as known_faults
from custom_filters.sandbox.aws import moto_time
from custom_filters.sandbox.aws.account import Account, secret
from custom_filters.sandbox.aws.activity import add_trail, sign_in, use_key
from custom_filters.sandbox.aws.cloudtrail import Pace
from custom_filters.sandbox.aws.company import company, company_account
from custom_filters.sandbox.aws.gateway import Gateway
from custom_filters.sandbox.aws.grants import REGION, add_group, load_managed_policies
from custom_filters.sandbox.aws.people import Person
from custom_filters.sandbox.aws.seeding import add_person
from custom_filters.sandbox.aws.server import forget_account, moto_application, prepare_moto
from custom_filters.sandbox.aws.snapshot import snapshot
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
        prepare_moto()
        if self.account_id in _PLAYED:
            raise RuntimeError(f"account {self.account_id} is played by another sandbox of this process")
        gateway = Gateway(self, moto_application(), self._settings.seed, self._settings.latency_ms)
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
        """Makes a group of the main account, or gives it policies (see `grants.add_group`)."""
        add_group(self.account(), name, attached, inline)

    def user(self, name: str) -> Any:
        """The object, moto's own, of a user of the main account; KeyError when there is none."""
        return self.account().backend.users[name]

    def sign_in(self, name: str) -> None:
        """The user signs in with the password, now: GetUser shows it at once, the report when next made."""
        with self.lock:
            sign_in(self.account(), name)

    def use_key(self, key_id: str, service: str = "s3") -> None:
        """Somebody calls with an access key, now."""
        with self.lock:
            use_key(self.account(), key_id, service)

    def snapshot(self, account_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Each user's credentials and their status, tags, inline policies: to compare before and after."""
        with self.lock:
            return snapshot(self.account(account_id))

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
            staff = company(self._settings.users, self._settings.seed)
            for name, attached in staff.groups.items():
                add_group(account, name, attached)
            self.add(*staff.people)

    def _forget(self) -> None:
        for account_id in self._accounts:
            forget_account(account_id)
            _PLAYED.discard(account_id)
