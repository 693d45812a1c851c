"""The embedded AWS as a whole: accounts, the caller, the server."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from botocore.session import Session
from moto.sts.models import sts_backends

from custom_filters.sandbox.aws import hands
from custom_filters.sandbox.aws.account import Accounts, Faults, secret
from custom_filters.sandbox.aws.activity import add_trail, sign_in, use_key
from custom_filters.sandbox.aws.company import company, company_account
from custom_filters.sandbox.aws.faults import FAULTS
from custom_filters.sandbox.aws.gateway import Gateway
from custom_filters.sandbox.aws.grants import add_group
from custom_filters.sandbox.aws.people import REGION, Person, Role, trust
from custom_filters.sandbox.aws.roles import ALLOW_ALL, ROLES, add_role
from custom_filters.sandbox.aws.seeding import add_person
from custom_filters.sandbox.aws.server import following, forget_account, moto_application, prepare_moto
from custom_filters.sandbox.aws.snapshot import roles_snapshot, snapshot
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.cloud import Settings
from custom_filters.sandbox.loopback import serving

if TYPE_CHECKING:
    from typing_extensions import Self

ROLE, TRUST = "c7n-unused", trust({"Service": "sso.amazonaws.com"})
_EMBEDDED: set[str] = set()


class AwsCloud(Accounts):
    """Emulates AWS on loopback: `with AwsCloud(settings, clock, calls, faults) as cloud: cloud.environment`.

    settings.users > 0 seeds a company; with 0 the account is empty and `add` fills it. The caller is an
    assumed role, as from single sign-on, so it is not a user of the account. moto's state and its switch for
    authorisation belong to the process: two clouds at once need different accounts, iam=enforced is for all.
    `renewable`: `environment` names an endpoint for credentials instead of giving some.
    """

    name = "aws"
    FAULTS = FAULTS

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        calls: Counter[str],
        faults: Faults,
        account_id: str | None = None,
    ) -> None:
        super().__init__(settings, clock, calls, faults, account_id or company_account(settings.seed)[0])
        self.renewable = False
        self._stack = contextlib.ExitStack()
        self._somebody: Any = None

    def __enter__(self) -> Self:
        prepare_moto()
        if self.account_id in _EMBEDDED:
            raise RuntimeError(f"account {self.account_id} is emulated by another sandbox of this process")
        gateway = Gateway(self, moto_application(), self._renewable_session)
        with contextlib.ExitStack() as stack, following(self.clock):
            stack.callback(self._forget)
            add_role(self.account(), Role(ROLE, trust=TRUST, inline={ROLE: ALLOW_ALL}))
            self._caller = self._session("sandbox")
            self.caller_arn: str = self._caller.arn
            self._seed()
            self._url = stack.enter_context(serving(gateway))
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """Ends the server, and what moto knows of the accounts."""
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What points an unmodified AWS client here, as the caller's role."""
        where = {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.renewable:
            return {**where, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._url}/credentials"}
        return {**where, **_variables(self._caller)}

    def add(self, *entities: Person | Role, account_id: str | None = None) -> None:
        """Puts users and roles into an account, precisely as written."""
        with self.lock, following(self.clock):
            for one in entities:
                if isinstance(one, Role):
                    add_role(self.account(account_id), one)
                else:
                    add_person(self.account(account_id), one)

    def group(self, name: str, attached: Iterable[str] = (), inline: Iterable[str] = ()) -> None:
        """Makes a group of the main account, or gives it policies (see `grants.add_group`)."""
        add_group(self.account(), name, attached, inline)

    def user(self, name: str) -> Any:
        """The object, moto's own, of a user of the main account; KeyError when there is none."""
        return self.account().backend.users[name]

    def sign_in(self, name: str, region: str = REGION) -> None:
        """The user signs in with the password, now: GetUser shows it at once, the report when next made."""
        with self.lock:
            sign_in(self.account(), name, region)

    def use_key(self, key_id: str, service: str = "s3", region: str = REGION) -> None:
        """Somebody calls with an access key, now."""
        with self.lock:
            use_key(self.account(), key_id, service, region)

    def hand(self, hand: str, who: str, **more: Any) -> None:
        """Somebody else does something to a user or role meanwhile (see `hands`)."""
        if self._somebody is None:
            session, clients = self._session("somebody.else"), Session()
            self.foreign.add(session.access_key_id)
            clients.set_credentials(*_variables(session).values())
            self._somebody = clients.create_client("iam", REGION, endpoint_url=self._url)
        # What is done by calls to this server must not hold the lock that the server takes.
        alone = self.lock if hand in hands.DIRECT else contextlib.nullcontext()
        with following(self.clock), alone:
            hands.act(self.account(), self._somebody, hand, who, **more)

    def snapshot(self, account_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Each user's credentials and their status, tags, inline policies: to compare before and after."""
        with self.lock:
            return snapshot(self.account(account_id))

    def roles(self, account_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Each role's tags and policies: to compare before and after."""
        with self.lock:
            return roles_snapshot(self.account(account_id))

    def forget_report(self) -> None:
        """Drops the credential report: the next one is generated anew, without four hours of waiting."""
        self.account().report = None

    def enforce_iam(self, on: bool, policy: str | None = None) -> None:
        """Switches moto's authorisation; `policy` (JSON) replaces what the caller's role may do."""
        if policy is not None:
            self.account().backend.get_role(ROLE).put_policy(ROLE, policy)
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

    def _session(self, name: str) -> Any:
        role, backend = self.account().backend.get_role(ROLE), sts_backends[self.account_id]["aws"]
        made = backend.assume_role(REGION, name, role.arn, None, 43200, None)
        made.secret_access_key = made.access_key.secret_access_key = secret()
        return made

    def _renewable_session(self) -> dict[str, str]:
        made = self._session("sandbox")
        until = datetime.now(timezone.utc) + timedelta(hours=6)
        names = ("AccessKeyId", "SecretAccessKey", "Token")
        return {**dict(zip(names, _variables(made).values(), strict=True)), "Expiration": until.isoformat()}

    def _seed(self) -> None:
        account = self.account()
        account.backend.create_account_alias(company_account(self.settings.seed)[1])
        account.backend.update_account_password_policy(True, False, 0, 14, 24, True, True, True, True)
        add_trail(account.id)
        if self.settings.users:
            staff = company(self.settings.users, self.settings.seed)
            for name, attached in staff.groups.items():
                add_group(account, name, attached)
            self.add(*staff.people, *ROLES)

    def account(self, account_id: str | None = None) -> Any:
        """An account, which this cloud then has for itself in this process."""
        _EMBEDDED.add(account_id or self.account_id)
        return super().account(account_id)

    def _forget(self) -> None:
        for account_id in self.known:
            forget_account(account_id)
            _EMBEDDED.discard(account_id)


def _variables(session: Any) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }
