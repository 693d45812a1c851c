"""What the resource kinds of IAM share: who acts, where, and notes as tags."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from c7n.utils import local_session

from custom_filters.aws.client import aws_client
from custom_filters.aws.notes import place_for
from custom_filters.core.notes_writing import NotesError, Place
from custom_filters.core.vocabulary import AWS
from custom_filters.custodian.kind import Kind, NotesChange, Selected, Written
from custom_filters.custodian.store import shared


class AwsKind(Kind):
    """A kind of IAM; made in the main thread, to which its clients' session belongs."""

    provider = AWS
    errors = (ClientError, BotoCoreError, NotesError)

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Make the client."""
        super().__init__(manager, filter_data, action)
        self.iam = aws_client(manager)

    @cached_property
    def _caller(self) -> dict[str, Any]:
        session = local_session(self.manager.session_factory)
        sts = aws_client(self.manager, "sts")
        found: dict[str, Any] = shared(session, ("caller",), sts.get_caller_identity)
        return found

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
        return str(self._caller["Arn"])

    def endpoint(self) -> str:
        """IAM's URL."""
        return str(self.iam.meta.endpoint_url)
