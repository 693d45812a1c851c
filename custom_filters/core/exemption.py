"""Exemptions: identities that are left alone, who approved that, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from fnmatch import fnmatchcase

from custom_filters.core.times import format_optional, parse_time
from custom_filters.core.vocabulary import PROVIDERS

_REQUIRED = ("provider", "account", "user", "reason", "approved_by", "expires")
_MAY_BE_ABSENT = "may-be-absent"
#: The furthest that an expiry may lie ahead.
MOST_AHEAD = timedelta(days=400)
_SIGNS = frozenset("*?[")
#: How many of those whom an entry matched are named.
NAMED = 3
# The parts of a pattern that match anything.
_WILD = re.compile(r"\[!?[^\]]*\]|[*?\s]")


class ExemptionError(ValueError):
    """An exemption that cannot be taken; the message names the entry and the remedy."""


@dataclass(frozen=True)
class Exemption:
    """One entry of an exemptions file, or the exempt tag.

    `account` and `user` are globs without regard to case (`user` also matches an id). `expires` is the first
    instant (aware UTC) at which it no longer protects; None only for the tag, which carries no date.
    """

    provider: str
    account: str
    user: str
    reason: str
    approved_by: str | None
    expires: datetime | None
    #: Whether it is fine that nobody of that name is there.
    may_be_absent: bool = False

    @property
    def is_literal(self) -> bool:
        """Whether it names one user of one account, without patterns."""
        return not is_glob(self.account + self.user)

    def expired(self, now: datetime) -> bool:
        """Whether it no longer protects at `now`."""
        return self.expires is not None and now >= self.expires

    def matches(self, provider: str, account: str, name: str, user_id: str) -> bool:
        """Whether it is about this identity."""
        return self.is_about(provider, account) and any(
            fnmatchcase(text.lower(), self.user.lower()) for text in (name, user_id)
        )

    def is_about(self, provider: str, account: str) -> bool:
        """Whether it is about this account."""
        return self.provider == provider and fnmatchcase(account.lower(), self.account.lower())


def exemption_as_dict(exemption: Exemption | None) -> dict[str, str | None] | None:
    """Its form in findings and populations."""
    if exemption is None:
        return None
    expires = format_optional(exemption.expires)
    return {"reason": exemption.reason, "approved_by": exemption.approved_by, "expires": expires}


def is_glob(text: str) -> bool:
    """Whether a text is a pattern."""
    return not _SIGNS.isdisjoint(text)


@dataclass(frozen=True)
class Matches:
    """Whom the entry for `user` in `account` matched: how many, and the first NAMED of their names."""

    account: str
    user: str
    times: int = 0
    names: tuple[str, ...] = ()


def matches_of(
    entries: Iterable[Exemption], provider: str, account: str, seen: Mapping[Exemption, Mapping[str, str]]
) -> Iterator[Matches]:
    """Whom each entry for this account matched, except those that may match nobody. `seen`: names by id."""
    for entry in entries:
        names = sorted(seen.get(entry, {}).values())
        if entry.is_about(provider, account) and (names or not entry.may_be_absent):
            yield Matches(entry.account, entry.user, len(names), tuple(names[:NAMED]))


def parse_exemption(entry: Mapping[str, object], where: str, now: datetime) -> Exemption:
    """Read one entry; `where` (file and line) starts the sentence of an ExemptionError."""
    unknown = sorted(set(map(str, entry)) - {*_REQUIRED, _MAY_BE_ABSENT})
    if unknown:
        raise ExemptionError(f"{where}: unknown key {unknown[0]!r}; an exemption has {', '.join(_REQUIRED)}")
    for key in _REQUIRED:
        if entry.get(key) in (None, ""):
            raise ExemptionError(f"{where}: {key!r} is missing; an exemption needs {', '.join(_REQUIRED)}")
    if isinstance(entry["user"], str) and not _WILD.sub("", entry["user"]):
        raise ExemptionError(
            f"{where}: 'user' is {entry['user']!r}, which is everybody; name users, or part of names"
        )
    provider = str(entry["provider"])
    if provider not in PROVIDERS:
        raise ExemptionError(f"{where}: provider {provider!r} is not one of {', '.join(PROVIDERS)}")
    texts = {key: _text(entry[key], key, where) for key in ("account", "user", "reason", "approved_by")}
    absent, expires = _flag(entry.get(_MAY_BE_ABSENT, False), where), _expiry(entry["expires"], where)
    if expires - now > MOST_AHEAD + timedelta(days=1):
        raise ExemptionError(f"{where}: 'expires' is more than 400 days ahead; review it every year")
    return Exemption(provider=provider, expires=expires, may_be_absent=absent, **texts)


def _flag(value: object, where: str) -> bool:
    """JSON has booleans; values from YAML are texts."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ExemptionError(f"{where}: {_MAY_BE_ABSENT!r} is {value!r}, not true or false")


def _text(value: object, key: str, where: str) -> str:
    if isinstance(value, str):
        return value
    remedy = "put it in quotes, or leading zeros are lost" if key == "account" else "write it as text"
    raise ExemptionError(f"{where}: {key!r} is {value!r}, not text; {remedy}")


def _expiry(value: object, where: str) -> datetime:
    """A date protects through its last second in UTC; a timestamp up to that instant."""
    try:
        if isinstance(value, datetime):
            return value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc)
        if isinstance(value, date):
            return _end_of(value)
        text = str(value)
        return _end_of(date.fromisoformat(text)) if len(text) == len("2026-01-31") else parse_time(text)
    except (ValueError, OverflowError) as error:
        raise ExemptionError(
            f"{where}: 'expires' is {value!r}; write a date such as 2027-01-31 or an RFC 3339 timestamp"
        ) from error


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.utc) + timedelta(days=1)


def find_exemption(
    exemptions: Iterable[Exemption], provider: str, account: str, name: str, user_id: str, now: datetime
) -> Exemption | None:
    """The exemption of this identity: one in force before an expired one, then the longest."""
    matching = [e for e in exemptions if e.matches(provider, account, name, user_id)]
    latest = datetime.max.replace(tzinfo=timezone.utc)
    return max(matching, key=lambda e: (not e.expired(now), e.expires or latest), default=None)
