"""What a reader does about a finding: what the words mean, the next step, its command, where to look."""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import Any, NamedTuple
from urllib.parse import quote

from custom_filters.core.report import Evaluation, Finding
from custom_filters.core.verdict import UNUSED

#: Every verdict in a sentence.
MEANINGS = {
    "stale": "It was used, but not for as many days as the policy asks for.",
    "never-used": "Every source that was asked says that it was never used, and it is old enough to count.",
    "unknown": "A source failed, was late or partial, or none covers it. It is never acted on.",
    "new": "It is too young, or was rotated too lately, to count.",
    "exempt": "Somebody approved that the user is left alone, with a reason and an end.",
    "active": "A source saw it in use within the days that the policy asks for.",
    "disabled": "It is switched off already.",
    "no-credentials": "The user exists, and holds nothing that is switched on.",
}
_USER_CONSOLES = {
    (
        "aws",
        "user",
    ): "https://console.aws.amazon.com/iam/home#/users/details/{user}?section=security_credentials",
    ("aws", "role"): "https://console.aws.amazon.com/iam/home#/roles/details/{user}",
    ("azure", "user"): "https://entra.microsoft.com/#view/Microsoft_AAD_UsersAndTenants/UserProfileMenuBlade"
    "/~/overview/userId/{user_id}",
    ("gcp", "user"): "https://admin.google.com/ac/users/{user_id}",
    ("gcp", "service"): "https://console.cloud.google.com/iam-admin/serviceaccounts/details/{user_id}"
    "?project={account}",
}


#: The time of what never started, where a format needs one.
EPOCH = "1970-01-01T00:00:00Z"


def evaluation_uid(e: Evaluation) -> str:
    """A name for a policy run on an account that stays the same over runs: 32 hex digits of SHA-256."""
    return hashlib.sha256(json.dumps([*e.scope, e.region]).encode()).hexdigest()[:32]


class Step(NamedTuple):
    """What to do, and the command for it (empty: none)."""

    what: str
    command: str


def next_step(finding: Finding) -> Step:
    """What a reviewer does about this finding."""
    provider, user = finding["provider"], shlex.quote(finding["user"] or finding["user_id"])
    explain = f"c7n-unused explain OUT --user {user}"
    if finding["phase"] == "disabled":
        return Step("It is off. Restore it if somebody misses it.", f"c7n-unused restore OUT --user {user}")
    verdict = finding["counts_as"]
    if verdict in UNUSED and finding["phase"] == "marked":
        return Step("Notice is running. Tell the owner; using it takes the mark off.", explain)
    if verdict in UNUSED:
        run = f"c7n-unused run -p {provider} --enforce"
        return Step("Decide. The enforcing policies mark it first, and switch it off after the notice.", run)
    if verdict == "unknown":
        return Step("Find out why its use is not known.", f"c7n-unused doctor -p {provider}")
    if verdict == "exempt":
        return Step("Before the exemption ends, renew it or let it end.", "")
    return Step("Nothing.", explain)


def console_link(finding: Finding) -> str:
    """The page of the user in the cloud's console; empty where none is known."""
    kind = finding["credential"]["kind"]
    if finding["provider"] == "aws":
        place = "role" if kind == "role" else "user"
    else:
        place = "service" if kind.startswith(("service", "hmac", "bound")) else "user"
    pattern = _USER_CONSOLES.get((finding["provider"], place), "")
    names: dict[str, Any] = {n: quote(finding[n] or "", safe="") for n in ("user", "user_id", "account")}
    return pattern.format(**names)


def user_arn(finding: Finding, partition: str = "aws") -> str:
    """The ARN of an AWS user or role, without its path, which a finding does not hold."""
    user = finding["user"] or finding["user_id"]
    if user == "<root_account>":
        return f"arn:{partition}:iam::{finding['account']}:root"
    kind = "role" if finding["credential"]["kind"] == "role" else "user"
    return f"arn:{partition}:iam::{finding['account']}:{kind}/{user}"
