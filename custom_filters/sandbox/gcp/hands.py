"""What somebody else does to users, service accounts and keys while policies run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from custom_filters.sandbox.gcp.people import Key, Person, ServiceAccount
from custom_filters.sandbox.gcp.state import State

Item = Person | ServiceAccount | Key


def switch(state: State, thing: Item, hand: str, reason: str = "") -> None:
    """`enable`, `disable`; reason: Google's own, such as ABUSE for a user or EXPOSED for a key."""
    off = hand == "disable"
    if isinstance(thing, Person):
        when = state.people.now() if off else None
        state.change(thing, suspended=off, suspension_reason=(reason or "ADMIN") * off, suspended_at=when)
    elif isinstance(thing, Key):
        state.change(thing, disabled=off, reason=reason or thing.reason)
    else:
        state.change(thing, disabled=off)


def use(state: State, thing: Item, hand: str, how: str = "") -> None:
    """`use`, now: how: a field of the user (last_login, last_sso, last_imap, last_token ...)."""
    now = state.people.now()
    if isinstance(thing, Person):
        state.change(thing, **{how or "last_login": now})
    else:
        state.change(thing, last_authenticated=now, last_metric=now)


def rename(state: State, thing: Item, hand: str, to: str) -> None:
    """`rename`: another primary address; the old one becomes an alias, as Google does it."""
    if isinstance(thing, Person):
        state.change(thing, email=to, aliases=(*thing.aliases, thing.email))


def delete(state: State, thing: Item, hand: str) -> None:
    """`delete`; `recreate`: new, under the same address, with another id and without notes."""
    now = state.people.now()
    with state.lock:
        if isinstance(thing, Person):
            del state.people[thing.id]
            new: Item = Person(f"9{thing.id[1:]}", thing.email, thing.given, thing.family, now)
        elif isinstance(thing, ServiceAccount):
            del state.accounts[thing.email]
            new = ServiceAccount(thing.project, thing.email, f"9{thing.unique_id[1:]}", now)
        else:
            del state.keys[thing.account][thing.id]
            return
        if hand == "recreate":
            state.add(new)


def note(state: State, thing: Item, hand: str, value: Any, schema: str = "") -> None:
    """`note`: a service account's whole description, or a user's values in a custom schema (None: emptied).

    Users can't write custom schemas themselves; another administrator or app can.
    """
    if isinstance(thing, ServiceAccount):
        state.change(thing, description=value or "")
    elif isinstance(thing, Person):
        state.change(thing, custom={**thing.custom, schema: value or {}})


HANDS: Mapping[str, Callable[..., None]] = {
    **dict.fromkeys(("enable", "disable"), switch),
    **dict.fromkeys(("delete", "recreate"), delete),
    "use": use,
    "rename": rename,
    "note": note,
}


def act(state: State, hand: str, who: str, **more: Any) -> None:
    """Does it; who: a user's or an account's address or id, or a key's id."""
    if hand not in HANDS:
        raise ValueError(f"no hand does {hand!r}; there are {', '.join(HANDS)}")
    keys = {key.id: key for some in state.keys.values() for key in some.values()}
    thing = state.person(who) or state.account(who) or keys.get(who)
    if thing is None:
        raise KeyError(who)
    HANDS[hand](state, thing, hand, **more)
