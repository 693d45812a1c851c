"""What the resource kinds of IAM share: who acts, where, notes as tags, and Access Advisor and CloudTrail."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from custom_filters.aws import advisor
from custom_filters.aws.client import answer_or_refusal, aws_client, shared_in_account
from custom_filters.aws.cloudtrail import Trail
from custom_filters.aws.credentials import LAST_USED
from custom_filters.aws.notes import place_for, value_problem
from custom_filters.aws.recent import shared_trail
from custom_filters.aws.roles import get_role
from custom_filters.aws.source import NAME
from custom_filters.aws.users import get_user
from custom_filters.core import vocabulary as words
from custom_filters.core.evidence import Evidence
from custom_filters.core.notes_writing import NotesError, Place
from custom_filters.custodian import clock
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import NotesChange, Schema, Selected, Written

_ADVISOR = ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails")
_RECENT = ("cloudtrail:LookupEvents", "ec2:DescribeRegions")
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}


class AwsKind(Kind):
    """A kind of IAM; made in the main thread, to which its clients' session belongs."""

    #: The part of the printed permissions that holds what this kind needs; None: all runs need it.
    part: ClassVar[str | None] = None
    provider = words.AWS
    source = NAME
    sources = (LAST_USED, advisor.SOURCE)
    default_sources = (LAST_USED,)
    errors = (ClientError, BotoCoreError, NotesError)
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        words.FILTER: {"owner-tags": _TEXTS, "advisor-timeout": {"type": "number", "minimum": 0}},
        words.DISABLE: {"regions": {**_TEXTS, "minItems": 1}},
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Make the client."""
        super().__init__(manager, filter_data, action)
        self.iam = aws_client(manager)

    @classmethod
    def permissions_for(cls, word: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The calls that these options lead to."""
        needed = cls.permissions[word]
        if word == words.FILTER and advisor.SOURCE in data.get("evidence", ()):
            needed += _ADVISOR
        return needed + (_RECENT if word == words.DISABLE and data.get("recent") != "off" else ())

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """See value_problem."""
        return value_problem(text)

    @cached_property
    def trail(self) -> Trail:
        """CloudTrail of the action's Regions; to be asked for in the main thread first."""
        regions = self.request.action.get("regions")
        return shared_trail(self.manager, tuple(regions) if regions else None)

    def asks_trail(self, word: str) -> bool:
        """Whether an action looks for use in the last hours."""
        return word == words.DISABLE and self.request.action.get("recent") != "off"

    def advice(self, arns: Mapping[str, str], *, again: bool = False) -> dict[str, Evidence]:
        """What Access Advisor says of these (name -> ARN), asked once a run, or `again`."""
        timeout, now = self.request.filter.get("advisor-timeout", advisor.DEFAULT_TIMEOUT), clock.now()
        if again:
            return advisor.get_advice(self.iam, arns, now, timeout)
        return advisor.shared_advice(self.manager, arns, now, timeout)

    @cached_property
    def caller_identity(self) -> dict[str, Any]:
        """Who acts; to be asked for in the main thread first."""
        get: Callable[[], dict[str, Any]] = aws_client(self.manager, "sts").get_caller_identity
        return shared_in_account(self.manager, ("caller",), get)

    def exists(self, name: str) -> bool:
        """Users and roles share an account's exemptions; what may not be read is not known."""
        if super().exists(name):
            return True
        found = answer_or_refusal(lambda: get_user(self.iam, name) or get_role(self.iam, name))
        return bool(found) and not isinstance(found, ClientError)

    def place(self, of: Selected) -> Place:
        """See place_for."""
        return place_for(of.notes or {}, self.request.tag.lower())

    def write(self, changes: Sequence[NotesChange]) -> list[Written]:
        """One call each, which sets all tags or none; an emptied note keeps its name."""
        return [self._write(change) for change in changes]

    def _write(self, change: NotesChange) -> Written:
        tags = [{"Key": name, "Value": text or ""} for name, text in sorted(change.texts.items())]
        try:
            if tags:
                self.set_tags(change.of.identity.name, tags)
        except (ClientError, BotoCoreError) as error:
            return Written(error)
        return Written()

    @abstractmethod
    def set_tags(self, name: str, tags: list[dict[str, str]]) -> None:
        """Set tags in one call."""

    def account(self) -> str:
        """The account's id."""
        return str(self.manager.config.account_id)

    def caller(self) -> str:
        """The ARN that acts."""
        return str(self.caller_identity["Arn"])

    def endpoint(self) -> str:
        """IAM's URL."""
        return str(self.iam.meta.endpoint_url)
