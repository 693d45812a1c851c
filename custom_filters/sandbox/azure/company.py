"""A believable tenant: named cases that a detector can get wrong, and a crowd around them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from custom_filters.sandbox.azure.people import NULL_DATE, Activity, Company, Group, Person
from custom_filters.sandbox.company import Someone, crowd

DOMAIN = "contoso.example"
E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"  # Microsoft 365 E3
EXEMPT_GROUP = "c7n-unused-exempt"
ADMIN_GROUP = "Helpdesk operators"


def company(users: int, seed: int, now: datetime) -> Company:
    """The same tenant for the same arguments: the named cases first, then a crowd up to `users` people.

    Days are counted back from `now` (aware UTC). About a tenth of the crowd has not signed in for 90 days.
    """
    groups = [
        Group(EXEMPT_GROUP),
        Group("Service desk exempt", groups=(EXEMPT_GROUP,)),
        Group(ADMIN_GROUP, assignable=True, roles=("Helpdesk Administrator",)),
        Group("On-call admins", assignable=True, eligible=("User Administrator",)),
    ]
    people = cases(now)[:users]
    people.extend(_member(someone) for someone in crowd(range(users - len(people)), seed, now))
    return Company(people, groups)


def cases(now: datetime) -> list[Person]:
    """One person for each case worth a name."""

    def ago(days: float) -> datetime:
        return (now - timedelta(days=days)).replace(microsecond=0)

    def signed(days: float) -> Activity:
        return Activity(ago(days), ago(days), ago(days))

    def user(case: str, created: datetime | None = None, **more: object) -> Person:
        upn = f"{case}@{DOMAIN}"
        fields: dict[str, object] = {"mail": upn, "department": "Operations", "manager": f"active@{DOMAIN}"}
        fields |= {"name": case.replace("-", " ").title(), "created": created or ago(900), **more}
        return Person(upn=upn, case=case, **fields)  # type: ignore[arg-type]  # each its field's type

    def guest(case: str, created: datetime, state: str, **more: object) -> Person:
        upn = f"{case}_partner.example#EXT#@{DOMAIN}"
        mail = f"{case}@partner.example"
        return Person(
            upn,
            case.replace("-", " ").title(),
            created,
            case=case,
            user_type="Guest",
            mail=mail,
            external_state=state,
            sponsors=(f"active@{DOMAIN}",),
            **more,  # type: ignore[arg-type]
        )

    spring_2020 = datetime(2020, 2, 1, tzinfo=timezone.utc)
    successful_only = Activity(ago(400), ago(401), ago(3))
    return [
        user("active", activity=signed(1), manager=None),
        user("idle", activity=signed(120)),
        user("idle-89-days", activity=signed(89)),
        user("idle-400-days", activity=signed(400)),
        user("never-signed-in-old", ago(400)),
        user("never-signed-in-new", ago(3)),
        user("last-before-april-2020", datetime(2017, 5, 1, tzinfo=timezone.utc)),
        user("failed-attempts-only", activity=Activity(ago(2), ago(300), ago(300))),
        user("failed-before-successful-was-known", activity=Activity(ago(2), None, None)),
        user("non-interactive-only", activity=Activity(ago(500), ago(1), ago(500))),
        user("successful-newest", activity=successful_only),
        user("null-date", ago(500), activity=Activity(NULL_DATE, NULL_DATE, None)),
        user("null-date-interactive", ago(500), activity=Activity(NULL_DATE, ago(200), None)),
        user("empty-activity", ago(500), activity=Activity()),
        user("future-date", activity=signed(-30)),
        Person(f"no-created@{DOMAIN}", "No Created", None, case="no-created"),
        Person(
            f"no-created-idle@{DOMAIN}", "No Created Idle", None, activity=signed(200), case="no-created-idle"
        ),
        guest("guest-pending-old", ago(60), "PendingAcceptance", external_changed=ago(60)),
        guest("guest-pending-new", ago(5), "PendingAcceptance", external_changed=ago(5)),
        guest("guest-idle", ago(500), "Accepted", external_changed=ago(490), activity=signed(150)),
        guest("guest-active", ago(500), "Accepted", external_changed=ago(490), activity=signed(4)),
        guest("guest-accepted-never", ago(200), "Accepted", external_changed=ago(199)),
        user("synced-idle", activity=signed(200), synced=True),
        user("synced-active", activity=signed(2), synced=True),
        user("admin-idle", activity=signed(200), roles=("Global Administrator",)),
        user("pim-eligible-idle", activity=signed(200), eligible=("Privileged Role Administrator",)),
        user("admin-by-group-idle", activity=signed(200), groups=(ADMIN_GROUP,)),
        user("eligible-by-group-idle", activity=signed(200), groups=("On-call admins",)),
        user("break-glass", spring_2020, roles=("Global Administrator",), groups=(EXEMPT_GROUP,)),
        user("exempt-by-group-idle", activity=signed(200), groups=(EXEMPT_GROUP,)),
        user("exempt-by-nested-group-idle", activity=signed(200), groups=("Service desk exempt",)),
        user("restricted-idle", activity=signed(200), restricted=True),
        user("disabled-idle", activity=signed(300), enabled=False),
        user("disabled-never", ago(300), enabled=False),
        user("no-type-idle", activity=signed(200), user_type=None),
        user("hostile-idle", activity=signed(200), name="=cmd|' /C calc'!A0 <script>alert(1)</script>"),
    ]


def _member(someone: Someone) -> Person:
    upn = f"{someone.handle}@{DOMAIN}"
    last = someone.last.replace(microsecond=0) if someone.last else None
    return Person(
        upn,
        f"{someone.given} {someone.family}",
        someone.created.replace(microsecond=0),
        Activity(last, last, last) if last else None,
        enabled=someone.state == "on",
        mail=upn,
        department=someone.department,
        manager=f"active@{DOMAIN}",
        licenses=(E3,),
        case="crowd",
    )
