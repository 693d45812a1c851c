"""What somebody else does to users and apps while policies run: in the portal, by a script, as the user."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from custom_filters.sandbox.azure.people import Activity, Person
from custom_filters.sandbox.azure.tenant import Tenant

HELPDESK = "helpdesk@contoso.example"


def switch(tenant: Tenant, who: str, hand: str, by: str = HELPDESK) -> None:
    """`enable`, `disable`: with its audit record."""
    changed = tenant.directory.change(tenant.directory.people[who], enabled=hand == "enable")
    tenant.note(f"{hand.capitalize()} account", changed, by)


def reset(tenant: Tenant, who: str, hand: str, by: str = HELPDESK) -> None:
    """`reset`: a new password; sessions end."""
    person = tenant.directory.people[who]
    changed = tenant.directory.change(person, sessions_valid_from=tenant.clock.now())
    tenant.note("Reset user password", changed, by)


def rename(tenant: Tenant, who: str, hand: str, to: str) -> None:
    """`rename`: another UPN."""
    tenant.directory.change(tenant.directory.people[who], upn=to)


def delete(tenant: Tenant, who: str, hand: str) -> None:
    """`delete`; `recreate`: somebody new under the same UPN, without activity, groups or notes."""
    person = tenant.directory.people[who]
    del tenant.directory.people[who]
    if hand == "recreate":
        new = Person(person.upn, person.name, tenant.clock.now(), mail=person.mail, id=str(uuid.uuid4()))
        tenant.directory.put(new)


def use(tenant: Tenant, who: str, hand: str, interactive: bool = True, good: bool = True) -> None:
    """`use`: a sign-in, now."""
    now, person = tenant.clock.now(), tenant.directory.people[who]
    activity = person.activity or Activity()
    activity = replace(activity, **{"interactive" if interactive else "non_interactive": now})
    tenant.directory.change(person, activity=replace(activity, successful=now) if good else activity)


def note(tenant: Tenant, who: str, hand: str, name: str, value: str | None) -> None:
    """`note`: text in a directory extension, as another app can write it; None takes it away."""
    person = tenant.directory.people[who]
    kept = {key: text for key, text in {**person.properties, name: value}.items() if text is not None}
    tenant.directory.change(person, properties=kept)


def app(tenant: Tenant, who: str, hand: str) -> None:
    """`delete-app`, `restore-app`, by app id: its directory extensions can't be found meanwhile."""
    for registration in tenant.directory.apps.values():
        if registration.client == who:
            registration.deleted = hand == "delete-app"


HANDS: Mapping[str, Callable[..., None]] = {
    **dict.fromkeys(("enable", "disable"), switch),
    **dict.fromkeys(("delete", "recreate"), delete),
    **dict.fromkeys(("delete-app", "restore-app"), app),
    "reset": reset,
    "rename": rename,
    "use": use,
    "note": note,
}


def act(tenant: Tenant, hand: str, who: str, **more: object) -> None:
    """Does it; who: a UPN, object id or app id. Raises ValueError and KeyError for what is not there."""
    if hand not in HANDS:
        raise ValueError(f"no hand does {hand!r}; there are {', '.join(HANDS)}")
    with tenant.lock:
        if not hand.endswith("-app"):
            person = tenant.directory.find(who)
            if person is None:
                raise KeyError(who)
            who = person.id
        HANDS[hand](tenant, who, hand, **more)
