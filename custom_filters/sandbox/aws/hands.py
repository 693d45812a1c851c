"""Foreign hands: what somebody else does to a user meanwhile, not counted, not hooked, met by no fault.

`cloud.hand("disable-key", "sam")`; a role is named as `role/NAME`. What is written lags as all writes do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from custom_filters.sandbox.aws.account import Account, secret
from custom_filters.sandbox.aws.activity import sign_in, use_key, use_role
from custom_filters.sandbox.aws.grants import policy_arn
from custom_filters.sandbox.aws.lag import remember
from custom_filters.sandbox.aws.people import REGION, Person
from custom_filters.sandbox.aws.seeding import add_person

DENY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
QUARANTINE = "AWSCompromisedKeyQuarantineV3"
DEFAULTS = {"policy": QUARANTINE, "name": "foreign-deny", "document": DENY, "key": "c7n-unused", "value": ""}
STATUS = {"enable-key": "Active", "disable-key": "Inactive"}
#: hand -> IAM action for a user and its parameters, filled in from what was given and DEFAULTS.
CALLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "reset-password": ("UpdateLoginProfile", {"Password": "{password}"}),
    "remove-password": ("DeleteLoginProfile", {}),
    "new-password": ("CreateLoginProfile", {"Password": "{password}"}),
    "rename": ("UpdateUser", {"NewUserName": "{to}"}),
    "attach": ("AttachUserPolicy", {"PolicyArn": "{policy}"}),
    "detach": ("DetachUserPolicy", {"PolicyArn": "{policy}"}),
    "deny": ("PutUserPolicy", {"PolicyName": "{name}", "PolicyDocument": "{document}"}),
    "undeny": ("DeleteUserPolicy", {"PolicyName": "{name}"}),
    "tag": ("TagUser", {"Tags": [{"Key": "{key}", "Value": "{value}"}]}),
    "untag": ("UntagUser", {"TagKeys": ["{key}"]}),
}


def act(
    account: Account, call: Callable[[str, dict[str, Any]], Any], hand: str, who: str, **more: str
) -> None:
    """Does it, some by `call` of an IAM action; KeyError for a hand or user that there is not."""
    if hand in CALLS:
        action, parameters = CALLS[hand]
        role = who.startswith("role/")
        there = {one.name for one in account.backend.roles.values()} if role else account.backend.users
        if who.removeprefix("role/") not in there:
            raise KeyError(who)
        action = action.replace("User", "Role") if role else action
        given = {**DEFAULTS, "password": secret(), **more}
        given["policy"] = policy_arn(given["policy"])
        subject = {"RoleName" if role else "UserName": who.removeprefix("role/")}
        call(action, {**subject, **_filled(parameters, given)})
    elif hand in STATUS:
        for key in [more["key"]] if "key" in more else _keys(account, who):
            call("UpdateAccessKey", {"UserName": who, "AccessKeyId": key, "Status": STATUS[hand]})
    else:
        DIRECT[hand](account, who, **more)


def _filled(template: Any, given: Mapping[str, str]) -> Any:
    if isinstance(template, str):
        return given[template.strip("{}")]
    if isinstance(template, list):
        return [_filled(one, given) for one in template]
    return {name: _filled(one, given) for name, one in template.items()}


def _keys(account: Account, who: str) -> list[str]:
    return [key.access_key_id for key in account.backend.users[who].access_keys]


def _delete(account: Account, who: str) -> None:
    remember(account, {"UserName": who})
    user = account.backend.users.pop(who)
    for key in user.access_keys:
        account.backend.access_keys.pop(key.access_key_id, None)
    for group in account.backend.groups.values():
        group.users = [one for one in group.users if one is not user]
    account.backend.tagger.delete_all_tags_for_resource(user.arn)


def _recreate(account: Account, who: str, person: Person | None = None) -> None:
    """Deletes the user, and makes another one of the same name, with the tags of the first."""
    tags = {tag["Key"]: tag["Value"] for tag in account.tags(account.backend.users[who])}
    _delete(account, who)
    user = add_person(account, person or Person(who, created=account.clock.now(), tags=tags))
    user.id = account.identifier("AIDA", "again", who, account.clock.now(), length=21)


def _use(
    account: Account, who: str, key: str | None = None, service: str = "s3", region: str = REGION
) -> None:
    for one in [key] if key else _keys(account, who):
        use_key(account, one, service, region)


#: hand -> what is done to the account itself: IAM has no single call for it.
DIRECT: Mapping[str, Callable[..., None]] = {
    "delete": _delete,
    "recreate": _recreate,
    "sign-in": sign_in,
    "use-key": _use,
    "use-role": use_role,
}
