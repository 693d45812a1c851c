"""Actions on Google's users, service accounts and keys: mark, unmark, disable, enable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from c7n.utils import type_schema

from custom_filters.core.actionlog import Action
from custom_filters.core.credential import Identity
from custom_filters.core.judge import judge_identity, select
from custom_filters.core.mark import parse_mark
from custom_filters.core.record import Record
from custom_filters.core.retire import Target, Terms, objection, retire
from custom_filters.core.verdict import UNUSED
from custom_filters.custodian import clock
from custom_filters.custodian.actions import UnusedAction
from custom_filters.custodian.markers import marked_tag
from custom_filters.custodian.marking import mark_action, mark_text, mark_text_problem
from custom_filters.custodian.store import forget
from custom_filters.custodian.validation import has_unused_filter, mark_problem, unused_filter
from custom_filters.gcp.client import session_of, shared_login
from custom_filters.gcp.filters import Reader
from custom_filters.gcp.hands import ERRORS, GoogleHands
from custom_filters.gcp.restoring import Restore
from custom_filters.gcp.schema import TAG
from custom_filters.gcp.subjects import SUBJECTS, Subject, adopt

_MESSAGE = "Unused: {op}@{action_date}"
_MARK_LIMIT = 150
_NOTES = ("iam.serviceAccounts.get", "iam.serviceAccounts.list", "iam.serviceAccounts.update")


class GcpAction(UnusedAction):
    """What our actions on Google's resources share; all of them know all three resources."""

    now: datetime
    subject: Subject
    known: Mapping[str, Identity]
    #: Whether the action keeps marks or records, and so needs a place for them.
    marks = False
    #: IAM permissions by resource; users need OAuth scopes instead, which IAM does not know.
    by_resource: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    permissions = ()

    def __init__(self, data: Any = None, manager: Any = None, log_dir: Any = None) -> None:
        """The policy's resources come from our listing, which is complete or an error."""
        super().__init__(data, manager, log_dir)
        if manager is not None:
            adopt(manager)

    def get_permissions(self) -> tuple[str, ...]:
        """The IAM permissions for this policy's resource."""
        return self.by_resource.get(self.manager.type, ())

    def endpoint(self) -> str:
        """Where changes are sent."""
        return SUBJECTS[self.manager.type].endpoint

    def caller(self) -> str:
        """The service account, and for whom it acts."""
        return str(shared_login(self.manager))

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """Make what asks Google in this thread, and take the filter's view of the resources."""
        self.now = clock.now()
        self.subject = SUBJECTS[self.manager.type](self.manager, self.tag)
        if self.marks:
            self.subject.prepare()
        self.known = {self.subject.key(r): self.subject.bare(r) for r in resources}
        if has_unused_filter(self.manager.data):
            found = self.filter().identities(resources, self.now)
            self.known = {self.subject.key(resource): identity for resource, identity in found}

    def filter(self) -> Any:
        """The policy's one `unused-credentials` filter."""
        kind: Any = self.subject.filter
        return kind(dict(unused_filter(self.manager.data)), self.manager)

    def target(self, resource: dict[str, Any]) -> tuple[Target, GoogleHands]:
        """The resource as it was listed and judged, and what may be done to it."""
        hands = self.subject.hands(resource, self.read)
        mark = hands.tags(resource).get(self.tag)
        identity = self.known[self.subject.key(resource)]
        return Target(identity, mark, self.subject.protected(resource)), hands

    #: Judges by fresh evidence; None in actions that do not judge.
    read: Reader | None = None

    def judge_afresh(self) -> None:
        """Read exemptions again, whatever was read before in this run, and make the reader."""
        location = unused_filter(self.manager.data).get("exemptions")
        forget(session_of(self.manager), ("exemptions", location))
        self.read = self.filter().reader(self.now)

    def finish(self) -> None:
        """The next policy of this run must see what was changed."""
        self.subject.forget()


class MarkForOp(GcpAction):
    """Mark users, service accounts or keys for `disable-unused`, with notice.

    The mark of a user is a field of the custom schema c7n_unused (`c7n-unused setup -p gcp` makes it); that
    of a service account stands at the end of its description, and that of a key in its account's. Each is
    read again first: who is back in use, exempt, protected or privileged (unless `include-admins`) is not
    marked.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-unused-mark
            resource: gcp.directory-user
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

    marks = True
    schema = type_schema(
        "mark-for-op",
        required=["op", "hours"],
        **{
            "op": {"enum": ["disable-unused"]},
            "tag": TAG,
            "hours": {"type": "number"},
            "days": {"type": "number"},
            "tz": {"type": "string"},
            "msg": {"type": "string"},
            "include-admins": {"type": "boolean"},
        },
    )
    by_resource: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "service-account": _NOTES,
        "service-account-key": (*_NOTES, "iam.serviceAccountKeys.get"),
    }

    def option_problem(self) -> str | None:
        """The mark must carry its hour in UTC, be readable by `unused-mark` and fit."""
        problem = mark_problem(self.data)
        if problem:
            return problem
        if not has_unused_filter(self.manager.data):
            return "mark-for-op needs an 'unused-credentials' filter in its policy"
        text = self._text(clock.now())
        if len(text) > _MARK_LIMIT or set(text) & set("[]"):
            return f"mark-for-op: `msg:` takes no brackets and the mark at most {_MARK_LIMIT} characters"
        return mark_text_problem(text)

    def _text(self, now: datetime) -> str:
        return mark_text({"msg": _MESSAGE, **self.data}, now)

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """All resources of a run are marked for the same minute."""
        super().prepare(resources)
        self.judge_afresh()
        self._mark = self._text(self.now)
        self._due = parse_mark(self._mark).at

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One resource, after a fresh look at it."""
        target, hands = self.target(resource)
        try:
            yield self._marked(target, hands, resource)
        except ERRORS as error:
            yield mark_action(target.identity, "failed", str(error))

    def _marked(self, target: Target, hands: GoogleHands, resource: Mapping[str, Any]) -> Action:
        terms = self.terms_of_mark()
        reason = objection(target, terms, self.now)
        fresh = None if reason else hands.fresh(target)
        if fresh is None:
            return mark_action(target.identity, "skipped", reason or "it is gone")
        judged = judge_identity(fresh.identity, terms.rules, self.now)
        reason = objection(Target(fresh.identity, None), terms, self.now)
        if reason or not select(judged, terms.match, UNUSED, terms.rules):
            return mark_action(fresh.identity, "skipped", reason or f"{judged.verdict}: {judged.reason}")
        item = self.subject.item(resource)
        hands.mark(self._mark, Record(self.now, frozenset([item]), self._due))
        return mark_action(
            fresh.identity,
            "done",
            f"{item.kind} {item.id}: {judged.reason}",
            kind=item.kind,
            credential=item.id,
            before=fresh.mark,
            after=self._mark,
            undo="unmark-unused",
        )

    def terms_of_mark(self) -> Terms:
        """Those of the policy; a mark is not needed for being marked."""
        return replace(self.terms(), require_mark=False)


class UnmarkUnused(GcpAction):
    """Take the mark off users, service accounts or keys that came back.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-unused-unmark
            resource: gcp.directory-user
            filters:
              - type: unused-credentials
                days: 76
                verdicts: [active, new, exempt, no-credentials]
                exemptions: none
            actions:
              - type: unmark-unused
                tag: c7n-unused
    """

    schema = type_schema("unmark-unused", tag=TAG)
    by_resource: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "service-account": _NOTES,
        "service-account-key": _NOTES,
    }

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One resource; nothing is done where there is no mark."""
        target, hands = self.target(resource)
        notes = hands.tags(resource)
        if self.tag not in notes and marked_tag(self.tag) not in notes:
            return
        try:
            hands.write({self.tag: None, marked_tag(self.tag): None})
        except ERRORS as error:
            yield Action("unmark", "failed", *_who(target.identity), str(error))
        else:
            done = Action("unmark", "done", *_who(target.identity), "no longer unused", undo="mark again")
            yield replace(done, before=target.mark)


class DisableUnused(GcpAction):
    """Suspend users, or disable service accounts or keys, that nobody uses, each after a fresh look at it.

    What was on is noted first. Left alone are: our own subject and service account, Google's default service
    accounts, guests, archived and suspended users, who is exempt, privileged (unless `include-admins`: super
    and delegated administrators, also by group; service accounts that are owner or administer IAM or
    projects; with a custom role it can't be told), or not marked as due (unless `require-mark: false`).

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-unused-disable
            resource: gcp.directory-user
            max-resources: 100
            filters:
              - type: unused-mark
                state: due
                op: disable-unused
                tag: c7n-unused
              - type: unused-credentials
                days: 90
                exemptions: exemptions.yml
            actions:
              - type: disable-unused
                tag: c7n-unused
    """

    marks = True
    schema = type_schema(
        "disable-unused",
        **{"tag": TAG, "include-admins": {"type": "boolean"}, "require-mark": {"type": "boolean"}},
    )
    by_resource: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "service-account": (*_NOTES, "iam.serviceAccounts.disable"),
        "service-account-key": (*_NOTES, "iam.serviceAccountKeys.get", "iam.serviceAccountKeys.disable"),
    }

    def option_problem(self) -> str | None:
        """It acts on the terms of the policy's filter."""
        if not has_unused_filter(self.manager.data):
            return "disable-unused needs an 'unused-credentials' filter in its policy"
        return None

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """See GcpAction."""
        super().prepare(resources)
        self.judge_afresh()

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One resource, by the order of checks that holds for every cloud."""
        target, hands = self.target(resource)
        return retire(target, self.terms(), hands, self.now)


class EnableUnused(GcpAction):
    """Switch on again exactly what the restore record says that we switched off.

    With `record` (a list of kind=id, as a run's action log has it) nothing is done where the record in the
    cloud says otherwise. Whom Google itself suspended meanwhile stays suspended.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-restore
            resource: gcp.directory-user
            filters:
              - primaryEmail: jane.doe@example.com
            actions:
              - type: enable-unused
    """

    schema = type_schema(
        "enable-unused",
        tag=TAG,
        record={"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    )
    by_resource: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "service-account": (*_NOTES, "iam.serviceAccounts.enable"),
        "service-account-key": (*_NOTES, "iam.serviceAccountKeys.get", "iam.serviceAccountKeys.enable"),
    }

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One resource, from a fresh read of its record."""
        target, hands = self.target(resource)
        restore = Restore(target.identity, self.subject.item(resource), hands, self.data.get("record"))
        return restore.steps(self.now)


def _who(identity: Identity) -> tuple[str, str, str, str]:
    return identity.provider, identity.account, identity.name, identity.id
