"""Marking and unmarking Entra users, 20 in a request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from c7n.utils import type_schema

from custom_filters.azure.actions import TAG, DirectoryUserAction
from custom_filters.azure.batch import LARGEST, Step, batch
from custom_filters.azure.errors import GraphError
from custom_filters.azure.hands import ERRORS
from custom_filters.azure.markers import record_tags, with_changes
from custom_filters.azure.tagging import Tags, get_tags_of, settle, tags_step
from custom_filters.core.actionlog import Action
from custom_filters.core.finding import ANNOTATION
from custom_filters.core.mark import parse_mark
from custom_filters.core.record import Item, Record, RecordError
from custom_filters.core.verdict import UNUSED
from custom_filters.custodian import clock
from custom_filters.custodian.markers import marked_tag
from custom_filters.custodian.marking import mark_action, mark_text, mark_text_problem
from custom_filters.custodian.validation import OUR_OPERATION, mark_problem


class _TagAction(DirectoryUserAction):
    """Changes the notes on up to 20 users by one request that reads and one that writes."""

    at_once = LARGEST

    @abstractmethod
    def changed(self, resource: Mapping[str, Any], before: Tags) -> Tags | Action | None:
        """The notes after the change; or what to say instead; None to say and do nothing."""

    @abstractmethod
    def done(self, resource: Mapping[str, Any], before: Tags) -> Action:
        """What to say of a change that was made."""

    @abstractmethod
    def failed(self, resource: Mapping[str, Any], reason: object) -> Action:
        """What to say of one that was not."""

    def act_on(self, resources: list[dict[str, Any]]) -> Iterator[Action]:
        """Read, change, write; what fails for one user does not stop the others."""
        try:
            found = get_tags_of(self.graph, [r["id"] for r in resources])
        except GraphError as error:
            yield from (self.failed(resource, error) for resource in resources)
            return
        steps: list[tuple[dict[str, Any], Tags, Tags, Step]] = []
        for resource in resources:
            action = self._plan(resource, found[resource["id"]], steps)
            if action:
                yield action
        if steps:
            yield from self._write(steps)

    def _plan(
        self,
        resource: dict[str, Any],
        before: Tags | GraphError | None,
        steps: list[tuple[dict[str, Any], Tags, Tags, Step]],
    ) -> Action | None:
        if before is None or isinstance(before, GraphError):
            return self.failed(resource, before or "the user is gone")
        try:
            after = self.changed(resource, before)
            if after is None or isinstance(after, Action):
                return after
            steps.append((resource, before, after, tags_step(resource["id"], before, after)))
        except RecordError as error:
            return self.failed(resource, error)
        return None

    def _write(self, steps: list[tuple[dict[str, Any], Tags, Tags, Step]]) -> Iterator[Action]:
        try:
            results = batch(self.graph, [step for *_, step in steps])
        except GraphError as error:
            results = [error] * len(steps)
        for (resource, before, after, _), result in zip(steps, results, strict=True):
            try:
                settle(self.graph, resource["id"], after, result)
            except ERRORS as error:
                yield self.failed(resource, error)
            else:
                yield self.done(resource, before)


class MarkForOp(_TagAction):
    """Mark Entra users for `disable-unused`, and record when the notice ends.

    The mark is kept in an open extension on the user, which needs no set-up.

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-user-unused-mark
            resource: azure.directory-user
            filters:
              - type: unused-mark
                state: absent
                op: disable-unused
                tag: c7n-unused
              - type: unused-credentials
                days: 76
                exemptions: none
            actions:
              - type: mark-for-op
                op: disable-unused
                tag: c7n-unused
                hours: 336
    """

    schema = type_schema(
        "mark-for-op",
        required=["op"],
        tag=TAG,
        op={"enum": [OUR_OPERATION]},
        msg={"type": "string"},
        hours={"type": "number"},
        days={"type": "number"},
        tz={"type": "string"},
    )
    permissions = ("AuditLog.Read.All", "User.Read.All", "User.ReadWrite.All")

    def option_problem(self) -> str | None:
        """The mark must carry its hour in UTC and be readable by `unused-mark`."""
        return mark_problem(self.data) or mark_text_problem(mark_text(self.data, clock.now()))

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """All users of a run are marked for the same minute."""
        super().prepare(resources)
        self._mark = mark_text(self.data, self.now)
        self._due = parse_mark(self._mark).at

    def changed(self, resource: Mapping[str, Any], before: Tags) -> Tags | Action | None:
        """Mark and list together, unless somebody else marked the user since it was listed."""
        items = frozenset(
            Item(c["credential"]["kind"], c["credential"]["id"])
            for c in resource[ANNOTATION]["credentials"]
            if c["verdict"] in UNUSED
        )
        if not items:
            return mark_action(self.identity(resource), "skipped", "no credential is unused any more")
        if before.get(self.tag) != self.tags.get(resource["id"], {}).get(self.tag):
            return mark_action(self.identity(resource), "skipped", "its mark was changed meanwhile")
        marked = record_tags(marked_tag(self.tag), Record(self.now, items, self._due))
        return with_changes(before, {self.tag: self._mark, **marked})

    def done(self, resource: Mapping[str, Any], before: Tags) -> Action:
        """The mark, and the one it replaced."""
        details = {"before": before.get(self.tag), "after": self._mark, "undo": "unmark-unused"}
        return mark_action(self.identity(resource), "done", "sign-in", **details)

    def failed(self, resource: Mapping[str, Any], reason: object) -> Action:
        """The error's sentence."""
        return mark_action(self.identity(resource), "failed", str(reason))


class UnmarkUnused(_TagAction):
    """Take the mark off users who came back.

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-user-unused-unmark
            resource: azure.directory-user
            filters:
              - type: unused-credentials
                days: 76
                verdicts: [active, new, exempt, no-credentials]
                exemptions: exemptions.yml
            actions:
              - type: unmark-unused
                tag: c7n-unused
    """

    schema = type_schema("unmark-unused", tag=TAG)
    permissions = ("AuditLog.Read.All", "User.Read.All", "User.ReadWrite.All")

    def changed(self, resource: Mapping[str, Any], before: Tags) -> Tags | Action | None:
        """The notes without the mark and its list; nothing is done where there is none."""
        after = with_changes(before, {}, (self.tag, marked_tag(self.tag)))
        return after if after != before else None

    def done(self, resource: Mapping[str, Any], before: Tags) -> Action:
        """The mark that was there."""
        return self._action(resource, "done", "no longer unused", before=before.get(self.tag))

    def failed(self, resource: Mapping[str, Any], reason: object) -> Action:
        """The error's sentence."""
        return self._action(resource, "failed", str(reason))

    def _action(self, resource: Mapping[str, Any], result: Any, reason: str, **details: Any) -> Action:
        who = self.identity(resource)
        name = (who.provider, who.account, who.name, who.id)
        return Action("unmark", result, *name, reason, **details)
