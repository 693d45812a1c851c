"""What happens in an account while a test watches: sign-ins, calls, and the trail that records them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.iam import models
from moto.s3.models import s3_backends

from custom_filters.sandbox.aws.account import Account, Recorded, extras
from custom_filters.sandbox.aws.grants import REGION
from custom_filters.sandbox.aws.people import Event


def note_use(user: Any, service: str, at: datetime) -> None:
    """Lets Access Advisor know of a use."""
    advisor = extras(user).advisor
    advisor[service] = max(at, advisor.get(service, at))


def add_trail(account_id: str) -> None:
    """A multi-Region trail that logs, with the bucket it needs."""
    bucket = f"trail-{account_id}"
    s3_backends[account_id]["aws"].create_bucket(bucket, REGION)
    trails = cloudtrail_backends[account_id][REGION]
    trails.create_trail("management-events", bucket, "", "", True, True, True, False, "", "", "", [])
    trails.start_logging("management-events")


def sign_in(account: Account, name: str) -> None:
    """Notes a sign-in with the password, now."""
    user = account.backend.get_user(name)
    user.password_last_used = account.now()
    account.history.append(Recorded(name, Event("ConsoleLogin", account.clock.now()), account.clock.now()))


def use_key(account: Account, key_id: str, service: str) -> None:
    """Notes a call signed with an access key, now; KeyError for a key that does not exist."""
    key = account.backend.access_keys[key_id]
    key.last_used = models.AccessKeyLastUsed(account.now(), service, REGION)
    note_use(account.backend.get_user(key.user_name), service, account.now())
    event = Event(
        "ListBuckets", account.clock.now(), f"{service}.amazonaws.com", read_only=True, access_key=key_id
    )
    account.history.append(Recorded(key.user_name, event, account.clock.now()))
