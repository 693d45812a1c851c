"""mark-for-op on aws.iam-user: the stock action, extended for users whom our filter selected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from c7n.tags import TagDelayedAction
from c7n.utils import type_schema

from custom_filters.aws.actions import IamUserAction
from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE
from custom_filters.aws.fresh import get_active_certificates, get_active_keys
from custom_filters.aws.hands import ERRORS
from custom_filters.aws.markers import BY_SLOT
from custom_filters.aws.tagging import put_tags, record_tags, value_problem
from custom_filters.core.actionlog import Action
from custom_filters.core.credential import Identity
from custom_filters.core.finding import ANNOTATION
from custom_filters.core.judge import is_unused, judge_identity, select
from custom_filters.core.mark import parse_mark
from custom_filters.core.record import Item, Record
from custom_filters.core.retire import Target
from custom_filters.core.verdict import UNUSED
from custom_filters.custodian import clock
from custom_filters.custodian.markers import marked_tag
from custom_filters.custodian.marking import mark_action, mark_text, mark_text_problem
from custom_filters.custodian.validation import has_unused_filter, mark_problem, marks_for_us


class MarkUnused(IamUserAction):
    """Mark users for `disable-unused`, and record which of their credentials were marked and when."""

    schema = type_schema("mark-for-op")
    permissions = (
        "sts:GetCallerIdentity",
        "iam:TagUser",
        "iam:ListAccessKeys",
        "iam:ListSigningCertificates",
    )

    def option_problem(self) -> str | None:
        """The mark must carry its hour in UTC, be readable by `unused-mark` and fit into a tag."""
        problem = mark_problem(self.data)
        if problem:
            return problem
        text = mark_text(self.data, clock.now())
        return mark_text_problem(text) or value_problem(text)

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """All users of a run are marked for the same minute."""
        super().prepare(resources)
        self._mark = mark_text(self.data, self.now)
        self._due = parse_mark(self._mark).at
        self._hands = self.hands()

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One user; mark and list are set in one call, so that neither is there without the other."""
        identity = self.known[resource["UserName"]]
        try:
            items = self._items(identity, resource)
            if not items:
                yield mark_action(identity, "skipped", "no credential is unused any more")
                return
            tags = self.tags(resource)
            listed = record_tags(
                marked_tag(self.tag),
                Record(self.now, frozenset(items), self._due),
                tags,
                spare=self.tag not in tags,
            )
            put_tags(self.iam, identity.name, {self.tag: self._mark, **listed})
        except ERRORS as error:
            yield mark_action(identity, "failed", str(error))
            return
        what = ", ".join(f"{i.kind} {i.id}" for i in sorted(items))
        before = self.tags(resource).get(self.tag)
        yield mark_action(identity, "done", what, before=before, after=self._mark, undo="unmark-unused")

    def _items(self, identity: Identity, resource: Mapping[str, Any]) -> set[Item]:
        """The real ids of what was selected; the report knows keys and certificates by slot only."""
        if self.terms().match == "credential":
            return self._fresh_items(identity)
        kinds = {
            c["credential"]["kind"] for c in resource[ANNOTATION]["credentials"] if c["verdict"] in UNUSED
        }
        known = {Item(c.kind, c.id) for c in identity.credentials if c.status == "on" and c.kind in kinds}
        items = {item for item in known if item.kind not in BY_SLOT}
        if ACCESS_KEY in kinds:
            items |= {Item(ACCESS_KEY, key) for key in get_active_keys(self.iam, identity.name)}
        if CERTIFICATE in kinds:
            items |= {Item(CERTIFICATE, key) for key in get_active_certificates(self.iam, identity.name)}
        return items

    def _fresh_items(self, identity: Identity) -> set[Item]:
        """Slots cannot be told from keys by date alone: each key is judged anew by its own last use."""
        fresh = self._hands.fresh(Target(identity, None))
        if fresh is None:
            return set()
        terms = self.terms()
        judged = judge_identity(fresh.identity, terms.rules, self.now)
        selected = select(judged, terms.match, UNUSED, terms.rules) or ()
        return {Item(j.credential.kind, j.credential.id) for j in selected if is_unused(j)}


class IamUserMarkForOp(TagDelayedAction):
    """Mark IAM users for a later operation; see the stock action.

    In a policy that selects by `unused-credentials`, or marks for `disable-unused`, the mark always carries
    its hour in UTC (`hours:` above 0), and the tag TAG-marked (`c7n-unused-marked`) lists the
    credentials that were marked. Everywhere else this is the stock action.

    :example:

    .. code-block:: yaml

        policies:
          - name: aws-iam-user-unused-mark
            resource: aws.iam-user
            source: unused-bulk
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

    def _ours(self) -> MarkUnused | None:
        if has_unused_filter(self.manager.data) or marks_for_us(self.data):
            return MarkUnused(self.data, self.manager)
        return None

    def get_permissions(self) -> tuple[str, ...]:
        """Those of the stock action, or of ours."""
        ours = self._ours()
        return tuple(ours.get_permissions() if ours else super().get_permissions())

    def validate(self) -> IamUserMarkForOp:
        """The stock checks, then ours."""
        super().validate()
        ours = self._ours()
        if ours:
            ours.validate()
        return self

    def process(self, resources: list[dict[str, Any]]) -> None:
        """Mark; see the class."""
        ours = self._ours()
        if ours:
            ours.process(resources)
        else:
            super().process(resources)
