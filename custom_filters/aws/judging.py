"""Gathers an account's users: bulk data first, more calls only for users who look unused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from c7n.utils import local_session

from custom_filters.aws import advisor, credential_report, details
from custom_filters.aws.client import aws_client, shared_in_account
from custom_filters.aws.credentials import WITHOUT_LAST_USED
from custom_filters.aws.fresh import get_fresh_user, named_by_slot
from custom_filters.aws.identities import Snapshot, with_advice
from custom_filters.aws.notes import outdated_by_us
from custom_filters.aws.users import shared_listing, tags_of
from custom_filters.core.credential import Identity
from custom_filters.core.judge import judge_identity
from custom_filters.core.verdict import Verdict
from custom_filters.core.vocabulary import AWS
from custom_filters.custodian.parallel import for_each
from custom_filters.custodian.request import Request
from custom_filters.custodian.store import written_notes

Known = dict[str, Identity]


@dataclass(frozen=True)
class Judging:
    """The users of one policy's account, for its request."""

    manager: Any
    request: Request
    now: datetime

    def identities(self, resources: list[dict[str, Any]]) -> Known:
        """Identities by user name, with exemptions."""
        snapshot = self._snapshot()
        known = {r["UserName"]: self._known(snapshot, r) for r in resources}
        fresh = self._read_again(known, snapshot)
        self._read_details(known, snapshot, fresh)
        if advisor.SOURCE in self.request.evidence:
            self._ask_advisor(known, {r["UserName"]: r["Arn"] for r in resources})
        return known

    def _snapshot(self) -> Snapshot:
        account, asked = self.manager.config.account_id, self.request.filter
        timeout = asked.get("report-timeout", credential_report.DEFAULT_TIMEOUT)
        max_age = asked.get("report-max-age", credential_report.DEFAULT_MAX_AGE)
        iam, get = aws_client(self.manager), credential_report.get_report
        load = partial(get, iam, timeout=timeout, max_age=max_age)
        found = shared_in_account(self.manager, ("credential-report", max_age), load)
        return Snapshot(account, shared_listing(self.manager), found, self.now)

    def _known(self, snapshot: Snapshot, resource: dict[str, Any]) -> Identity:
        identity = snapshot.identity(resource)
        tags = tags_of(snapshot.user(resource))
        owner, source = self.request.owner(tags)
        exemption = self.request.exemption(identity.account, identity.name, identity.id, tags, self.now)
        return replace(identity, owner=owner, owner_source=source, exemption=exemption)

    def _read_again(self, known: Known, snapshot: Snapshot) -> frozenset[str]:
        """Read again users that we changed after the report was made; returns their names."""
        names = [n for n, identity in known.items() if self._outdated(snapshot, identity)]
        iam = aws_client(self.manager)
        again = for_each(lambda name: get_fresh_user(iam, known[name], self.now), names)
        for name, fresh in zip(names, again, strict=True):
            if fresh is not None:
                credentials = named_by_slot(fresh.credentials, list(known[name].credentials))
                known[name] = replace(known[name], credentials=tuple(credentials), incomplete=None)
        return frozenset(names)

    def _outdated(self, snapshot: Snapshot, identity: Identity) -> bool:
        """Taken from the notes that this run wrote, else from those that it listed."""
        listed = tags_of(snapshot.user({"UserName": identity.name}))
        tags = written_notes(local_session(self.manager.session_factory)).get((AWS, identity.id), listed)
        return outdated_by_us(tags, identity.id, snapshot.report.generated, self.now)

    def _unsettled(self, known: Mapping[str, Identity], settled: Iterable[Verdict]) -> list[str]:
        """Names of the users whose verdict more evidence could change, exemptions aside."""
        done, rules = frozenset(settled), self.request.rules
        bare = {name: replace(identity, exemption=None) for name, identity in known.items()}
        return [
            n for n, identity in bare.items() if judge_identity(identity, rules, self.now).verdict not in done
        ]

    def _read_details(self, known: Known, snapshot: Snapshot, complete: frozenset[str]) -> None:
        """Add SSH keys and service-specific credentials; a new user stays new whatever they hold.

        `complete` names the users that were read in full already.
        """
        settled: tuple[Verdict, ...] = () if self.request.filter.get("complete") else ("active", "new")
        names = [name for name in self._unsettled(known, settled) if name not in complete]
        if not names:
            return
        ssh_keys = details.shared_ssh_keys(self.manager, names)
        service = details.shared_service_credentials(self.manager)
        for name in names:
            one, keys = known[name], ssh_keys[name]
            if isinstance(keys, ClientError):
                one, keys = replace(one, incomplete=one.incomplete or f"its SSH keys: {keys}"), []
            known[name] = replace(one, credentials=(*one.credentials, *keys, *service.get(name, ())))

    def _ask_advisor(self, known: Known, arns: Mapping[str, str]) -> None:
        names = self._unsettled(known, ("active", "new", "no-credentials"))
        timeout = self.request.filter.get("advisor-timeout", advisor.DEFAULT_TIMEOUT)
        advice = advisor.shared_advice(self.manager, {n: arns[n] for n in names}, self.now, timeout)
        assume = bool(self.request.filter.get("assume-advisor-complete"))
        for name in names:
            known[name] = with_advice(
                known[name], advice[name], assume_complete=assume, covered=WITHOUT_LAST_USED
            )
