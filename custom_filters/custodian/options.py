"""What each option of our filters and actions means, and its default: for `custodian schema` and READMEs.

The schemas themselves stand with the filters, actions and kinds; `described` puts both together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from custom_filters.core.verdict import DEFAULT_DAYS, DEFAULT_GRACE_DAYS
from custom_filters.core.vocabulary import STOCK_TAG

if TYPE_CHECKING:
    from custom_filters.custodian.kind import Kind

#: Option -> its text; the same wherever the option is taken.
TEXTS: Mapping[str, str] = {
    "advisor-timeout": "Seconds to wait for an Access Advisor job; after that the user is `unknown`.",
    "assume-advisor-complete": "Take silence of Access Advisor for disuse; `basis` then says so.",
    "complete": "Ask every source for every user, also for those who are plainly active.",
    "days": "Days without use. A list, in a policy that changes nothing, compares thresholds in one pass.",
    "decisions": "File of reviewers' decisions: a path or an s3://, gs:// or https:// URL.",
    "even-if-changed": "Name or id of one user to restore although others changed the credential since.",
    "evidence": "The sources to ask.",
    "exempt-tag": "Tag (Entra: group; Google users: schema field) that exempts. For reports only.",
    "exemptions": "File of exemptions: a path, an s3://, gs:// or https:// URL, or `none`. Needed to change.",
    "grace-days": "A credential that was made or rotated less than so many days ago is `new`.",
    "hours": "Length of the notice. Needed.",
    "include-admins": "Act on protected identities too.",
    "kinds": "The credential kinds to report and act on; others still count against a user's being unused.",
    "limit-percent": "Change nothing when that would be more than this share of those examined, and over 10.",
    "match": "Select whole users, or single credentials.",
    "msg": "Text of the mark; has to end in Custodian's `: {op}@{action_date}`.",
    "only": "The identities to restore; `c7n-unused restore` writes it.",
    "op": "The operation that the mark announces.",
    "owner": "Ask who is responsible for the selected users; one more request for every 20 of them.",
    "owner-tags": "Tags that name the owner; the first that is there counts.",
    "quarantine": "Deny the user everything by an inline policy instead of deleting the password.",
    "recent": 'Ask a source that knows the last hours: `auto` where there is one, `required`, or `"off"`.',
    "regions": "Regions whose CloudTrail is read; default: all enabled ones.",
    "report-max-age": "Seconds; an older credential report is made anew.",
    "report-timeout": "Seconds to wait for the credential report; after that the policy fails.",
    "require-decision": "Disable only what a reviewer decided to disable.",
    "state": "One state or a list of them.",
    "tag": "Where the mark is kept.",
    "tz": "Only `utc`.",
    "valid-days": "A notice that ran out longer ago than this is void.",
    "verdicts": "The verdicts to select.",
}
#: What differs from TEXTS, by filter or action and option.
_OWN_TEXTS: Mapping[tuple[str, str], str] = {
    ("mark-for-op", "days"): "Refused: a mark needs its hour. Write `hours`.",
    (
        "unused-record",
        "state",
    ): 'One state or a list of them. Quote `"off"`: YAML reads it as false otherwise.',
    ("unused-record", "days"): "With `off`: off for at least so many days.",
}
DEFAULTS: Mapping[str, Any] = {
    "advisor-timeout": 300,
    "assume-advisor-complete": False,
    "complete": False,
    "grace-days": DEFAULT_GRACE_DAYS,
    "include-admins": False,
    "match": "user",
    "quarantine": False,
    "recent": "auto",
    "report-max-age": 14400,
    "report-timeout": 300,
    "require-decision": False,
    "tag": STOCK_TAG,
    "valid-days": 30,
    "verdicts": ["stale", "never-used"],
}
_OWN_DEFAULTS: Mapping[tuple[str, str], Any] = {
    ("unused-credentials", "days"): DEFAULT_DAYS,
    ("unused-record", "days"): 0,
}


class Word:
    """What our filters and actions share; Custodian registers a generated class, with its `of_kind`."""

    word: ClassVar[str]
    of_kind: ClassVar[type[Kind]]
    required: ClassVar[tuple[str, ...]] = ()

    def __init__(self, data: Any = None, manager: Any = None, *more: Any) -> None:
        """A kind may have its resources listed in a way of its own."""
        super().__init__(data, manager, *more)  # type: ignore[call-arg]
        if manager is not None:
            self.of_kind.adopt(manager)

    def get_permissions(self) -> tuple[str, ...]:
        """What the cloud must allow for these options."""
        return self.of_kind.permissions_for(self.word, self.data)  # type: ignore[attr-defined]

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """The options, each with its shape; a kind may have more."""
        return {}


def described(schema: Mapping[str, Any], word: str, evidence: tuple[str, ...]) -> dict[str, Any]:
    """A filter's or action's schema with the text and the default of each of its options."""
    own = {**_OWN_DEFAULTS, (word, "evidence"): list(evidence)}
    properties = {}
    for name, shape in schema["properties"].items():
        text = _OWN_TEXTS.get((word, name)) or TEXTS.get(name)
        default = own.get((word, name), DEFAULTS.get(name))
        more = {"description": text, "default": default}
        properties[name] = {**shape, **{key: value for key, value in more.items() if value is not None}}
    return {**schema, "properties": properties}
