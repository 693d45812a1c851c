"""A believable Workspace customer with two Google Cloud projects, the same for the same seed and moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from custom_filters.sandbox.gcp.company_accounts import machines, named_accounts, named_keys
from custom_filters.sandbox.gcp.company_people import named_people, workforce
from custom_filters.sandbox.gcp.people import (
    Customer,
    Group,
    Key,
    Person,
    Project,
    RoleAssignment,
    ServiceAccount,
    SsoAssignment,
    Thing,
)

NAMES = ("harbour", "meridian", "lakeside", "alder", "foxglove")
_AUTH = "https://www.googleapis.com/auth/"
DELEGATED_SCOPES = frozenset(
    _AUTH + name
    for name in (
        *("admin.directory.group.member.readonly", "admin.directory.rolemanagement.readonly"),
        *("admin.directory.user", "admin.directory.user.readonly"),
        *("admin.directory.userschema", "admin.directory.userschema.readonly"),
        *("admin.reports.audit.readonly", "admin.reports.usage.readonly"),
        "cloud-identity.inboundsso.readonly",
    )
)
CLOUD_PERMISSIONS = frozenset(
    (
        "apikeys.keys.list",
        *(f"iam.serviceAccountKeys.{verb}" for verb in ("disable", "enable", "get", "list")),
        *(f"iam.serviceAccounts.{verb}" for verb in ("disable", "enable", "get", "list", "update")),
        "monitoring.timeSeries.list",
        "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
        "policyanalyzer.serviceAccountLastAuthenticationActivities.query",
        "resourcemanager.projects.getIamPolicy",
        "storage.hmacKeys.list",
    )
)
SUPER_ADMIN, HELPDESK = "10000000000000001", "10000000000000002"  # roles
ADMINS_GROUP = "01it0ops0admins0"


@dataclass(frozen=True)
class Company:
    """Everything there is. Users, service accounts and keys with a `case` stand for it in the tests.

    The first of the people is the super administrator whom policies act for; the first account, with the
    key `delegate-key`, is what they run as.
    """

    customer: Customer
    people: tuple[Person, ...]
    projects: tuple[Project, ...]
    accounts: tuple[ServiceAccount, ...]
    keys: tuple[Key, ...]
    others: tuple[Thing, ...]

    @property
    def things(self) -> Iterator[Thing]:
        yield from (self.customer, *self.people, *self.projects, *self.accounts, *self.keys, *self.others)

    @property
    def subject(self) -> Person:
        return self.people[0]

    @property
    def delegate(self) -> ServiceAccount:
        """The service account that policies run as, with domain-wide delegation."""
        return self.accounts[0]

    @property
    def delegate_key(self) -> Key:
        return self.key("delegate-key")

    def person(self, case: str) -> Person:
        """The user who stands for this case; StopIteration if the company is too small for it."""
        return next(person for person in self.people if person.case == case)

    def account(self, case: str) -> ServiceAccount:
        return next(account for account in self.accounts if account.case == case)

    def key(self, case: str) -> Key:
        return next(key for key in self.keys if key.case == case)


def company(users: int, seed: int, now: datetime, accounts: int = 300) -> Company:
    """A company of `users` people and at least `accounts` service accounts.

    With neither there is only what a client needs: the subject, and the delegate with its key.
    """
    now = now.replace(microsecond=0)
    dice = random.Random(seed)
    name = NAMES[seed % len(NAMES)]
    domain = f"{name}.example"
    customer = Customer(f"C0{dice.getrandbits(36):09x}"[:9], domain, now - timedelta(days=3000))
    people = list(named_people(now, domain))[: max(users, 1)]
    people += workforce(range(len(people), users), now, domain, seed)
    projects = tuple(
        Project(f"{name}-{part}", f"{dice.randint(10**11, 10**12 - 1)}", now - timedelta(days=2000))
        for part in ("prod", "data")
    )
    named = {account.case: account for account in named_accounts(now, projects[0])}
    named = named if accounts else {"delegate": named["delegate"]}
    projects = tuple(replace(p, bindings=_bindings(named, people[0])) for p in projects)
    crowded = list(machines(range(len(named), accounts), now, projects, seed))
    sso = SsoAssignment("1partners", target_org_unit="orgUnits/03ph8a2z1partners")
    return Company(
        customer,
        tuple(people),
        projects,
        (*named.values(), *(thing for thing in crowded if isinstance(thing, ServiceAccount))),
        (*named_keys(now, named, seed), *(thing for thing in crowded if isinstance(thing, Key))),
        (*_groups(people, domain), *_assignments(people), sso),
    )


def _bindings(accounts: dict[str, ServiceAccount], owner: Person) -> dict[str, tuple[str, ...]]:
    def members(*cases: str) -> tuple[str, ...]:
        return tuple(f"serviceAccount:{accounts[case].email}" for case in cases if case in accounts)

    return {
        "roles/owner": (f"user:{owner.email}",),
        "roles/iam.serviceAccountAdmin": members("delegate"),
        "roles/editor": members("default-compute", "default-appengine", "active"),
    }


def _groups(people: list[Person], domain: str) -> Iterator[Group]:
    members = {person.case: (person.email, "MEMBER") for person in people if person.case}
    for group_id, name, cases in (
        (ADMINS_GROUP, "it-ops", ("group-admin-stale",)),
        ("02exempt0people0", "never-suspend", ("exempt-stale", "break-glass")),
    ):
        found = tuple(members[case] for case in cases if case in members)
        yield Group(group_id, f"{name}@{domain}", name, found)


def _assignments(people: list[Person]) -> Iterator[RoleAssignment]:
    for number, person in enumerate(people):
        if person.admin or person.delegated_admin:
            role = SUPER_ADMIN if person.admin else HELPDESK
            yield RoleAssignment(f"{20_000_000_000 + number}", role, person.id)
    yield RoleAssignment("29999999999", HELPDESK, ADMINS_GROUP, "group")
