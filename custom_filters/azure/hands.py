"""What `disable-unused` does on Entra: the fresh read, the record, the change and the mark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from custom_filters.azure.batch import Step, batch
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import DENIED, GraphError
from custom_filters.azure.identities import Facts, transform_identity
from custom_filters.azure.markers import record_tags
from custom_filters.azure.tagging import change_tags
from custom_filters.azure.users import get_user
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.record import Record, RecordError, record_in_tags
from custom_filters.core.retire import Fresh, Hands, Target
from custom_filters.custodian.markers import RECORD_TAG, marked_tag

#: What fails one user and not the run.
ERRORS: tuple[type[Exception], ...] = (GraphError, RecordError)


@dataclass(frozen=True)
class AzureHands(Hands):
    """Graph, lent to `core.retire`.

    `exemption` reads anew whether a user is exempt; `privileged` are ids, None when roles can't be read;
    `successful` says that only successful sign-ins count.
    """

    graph: Graph
    tag: str
    now: datetime
    privileged: frozenset[str] | None
    exemption: Callable[[Identity], Exemption | None]
    successful: bool

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What Graph raises, and records that do not fit."""
        return ERRORS

    def fresh(self, target: Target) -> Fresh | None:
        """The user with its activity first and our notes after it: no other runner's record is missed."""
        known = target.identity
        found = get_user(self.graph, known.id)
        if found is None:
            return None
        user, tags = found
        facts = Facts(
            tenant=known.account,
            tags=tags,
            privileged=None if self.privileged is None else known.id in self.privileged,
            exemption=self.exemption(known),
            successful=self.successful,
            now=self.now,
        )
        return Fresh(
            identity=transform_identity(user, facts),
            mark=tags.get(self.tag),
            marked=record_in_tags(tags, marked_tag(self.tag)),
            record=record_in_tags(tags, RECORD_TAG),
        )

    def veto(self, fresh: Fresh, credential: Credential) -> str | None:
        """No source here only vetoes."""
        return None

    def write_record(self, fresh: Fresh, record: Record) -> None:
        """Into our extension, before the first change."""
        change_tags(self.graph, fresh.identity.id, record_tags(RECORD_TAG, record))

    def switch_off(self, fresh: Fresh, credential: Credential) -> str:
        """Disable the account, then end its sessions: the second only if the first succeeds."""
        key = fresh.identity.id
        disabled, revoked = batch(
            self.graph,
            [
                Step("PATCH", f"/users/{key}", {"accountEnabled": False}),
                Step("POST", f"/users/{key}/revokeSignInSessions", {}, after=0),
            ],
        )
        for result in (disabled, revoked):
            if isinstance(result, GraphError):
                raise explained(result)
        return f"c7n-unused restore: set accountEnabled of {fresh.identity.name} to true"

    def unmark(self, fresh: Fresh, keep: Record | None) -> None:
        """Remove the mark; or, with `keep`, shorten the list of what is marked."""
        kept = record_tags(marked_tag(self.tag), keep) if keep else {}
        gone = () if keep else (self.tag, marked_tag(self.tag))
        change_tags(self.graph, fresh.identity.id, kept, gone)


def explained(error: GraphError) -> GraphError:
    """The error, with what a refusal to change accountEnabled mostly means."""
    if error.code != DENIED:
        return error
    why = (
        "only a directory role may change this user (administrator, or in a restricted management unit), or "
        "the app lacks User.EnableDisableAccount.All; grant that, give the app a role, or exempt the user"
    )
    return GraphError(error.what, error.status, "refused", why, error.request_id)
