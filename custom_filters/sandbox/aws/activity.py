"""What happens in an account: sign-ins, calls with keys and roles, and CloudTrail's record of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.iam import models
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends

from custom_filters.sandbox.aws.account import Account, extras
from custom_filters.sandbox.aws.people import REGION, Event

READING = ("Get", "List", "Describe", "Lookup", "Generate")
RESOURCES = {
    "userName": "AWS::IAM::User",
    "roleName": "AWS::IAM::Role",
    "accessKeyId": "AWS::IAM::AccessKey",
}


def note_use(entity: Any, service: str, at: datetime) -> None:
    """Lets Access Advisor know of a use."""
    advisor = extras(entity).advisor
    advisor[service] = max(at, advisor.get(service, at))


def add_trail(account_id: str) -> None:
    """A multi-Region trail that logs, with the bucket it needs."""
    bucket = f"trail-{account_id}"
    s3_backends[account_id]["aws"].create_bucket(bucket, REGION)
    trails = cloudtrail_backends[account_id][REGION]
    trails.create_trail("management-events", bucket, "", "", True, True, True, False, "", "", "", [])
    trails.start_logging("management-events")


def sign_in(account: Account, name: str, region: str = REGION) -> None:
    """Notes a sign-in with the password, now, in a sign-in Region."""
    user = account.backend.get_user(name)
    user.password_last_used = account.now()
    account.record(name, user.id, Event("ConsoleLogin", account.clock.now(), region=region))


def use_key(account: Account, key_id: str, service: str = "s3", region: str = REGION) -> None:
    """Notes a call signed with an access key, now; KeyError for a key that does not exist."""
    key = account.backend.access_keys[key_id]
    key.last_used = models.AccessKeyLastUsed(account.now(), service, region)
    user = account.backend.get_user(key.user_name)
    note_use(user, service, account.now())
    source = f"{service}.amazonaws.com"
    event = Event("ListBuckets", account.clock.now(), source, region, read_only=True, access_key=key_id)
    account.record(user.name, user.id, event)


def use_role(account: Account, name: str, region: str = REGION) -> None:
    role = account.backend.get_role(name)
    role.last_used, role.last_used_region = account.now(), region
    account.record(None, role.id, assumed(role, account.clock.now(), region))


def assumed(role: Any, at: datetime, region: str) -> Event:
    request = {"roleArn": role.arn}
    return Event(
        "AssumeRole", at, "sts.amazonaws.com", region, True, None, request, {role.arn: "AWS::IAM::Role"}
    )


def caller(account: Account, key_id: str) -> tuple[str, str, str] | None:
    """Name, id and ARN of the user or session that an access key belongs to."""
    key = account.backend.access_keys.get(key_id)
    if key and (user := account.backend.users.get(key.user_name)):
        return user.name, user.id, user.arn
    session = sts_backends[account.id]["aws"].get_assumed_role_from_access_key(key_id)
    return (session.session_name, session.user_id, session.arn) if session else None


def record_call(
    account: Account, key_id: str, service: str, action: str, parameters: Mapping[str, Any]
) -> None:
    """Records what CloudTrail records of a call: IAM's writes in us-east-1, and all of a user's own key."""
    read_only, who = action.startswith(READING), caller(account, key_id)
    own = who is not None and who[1].startswith("AIDA") and service != "s3"
    if who is None or not (own or (service == "iam" and not read_only)):
        return
    told = {word[0].lower() + word[1:]: str(value) for word, value in parameters.items() if "." not in word}
    request = {word: value for word, value in told.items() if word not in ("action", "version", "password")}
    kinds = {request[word]: kind for word, kind in RESOURCES.items() if word in request}
    now, source = account.clock.now(), f"{service}.amazonaws.com"
    account.record(*who[:2], Event(action, now, source, REGION, read_only, key_id, request, kinds))
