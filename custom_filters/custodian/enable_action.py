"""The action `enable-unused`: undoing `disable-unused`, for those selected or for those that are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.lifecycle import decide_restore
from custom_filters.core.lifecycle_states import Decision, Facts, item_of
from custom_filters.core.notes import Item
from custom_filters.core.vocabulary import ENABLE
from custom_filters.custodian import clock
from custom_filters.custodian.actions import KindAction
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import Fresh, Resource, Selected
from custom_filters.custodian.terms import terms_of


class EnableUnused(KindAction):
    """Switch on again exactly what the record of {plural} says that we switched off.

    Nothing is done where others changed the identity since, unless `even-if-changed` names it. `only` lists
    identities by name and id, with the credentials (kind=id) that a journal has; they are found by single
    reads, without a listing. {text}
    """

    word, operation = ENABLE, "enable"

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        text = {"type": "string"}
        items = {"type": "array", "items": text, "uniqueItems": True}
        one = {
            "type": "object",
            "required": ["user"],
            "additionalProperties": False,
            "properties": {"user": text, "id": text, "account": text, "items": items},
        }
        only = {"type": "array", "items": one, "minItems": 1}
        return {"tag": kind.tag_schema, "only": only, "even-if-changed": text}

    def __init__(self, data: Any = None, manager: Any = None, log_dir: Any = None) -> None:
        """With `only`, the policy's resources are those, found one by one."""
        super().__init__(data, manager, log_dir)
        if manager is not None and self.data.get("only"):
            manager.resources = self._found

    def _found(self, *args: Any, **options: Any) -> list[Resource]:
        kind = self.of_kind(self.manager, {}, self.data)
        account = kind.account()
        other = next((o for o in self.data["only"] if o.get("account", account) != account), None)
        if other:
            raise PolicyExecutionError(
                f"{other['user']} belongs to the account {other['account']}, and the log-in is for "
                f"{account}: nothing was switched on"
            )
        return [r for one in self.data["only"] for r in kind.find_all(one["user"], one.get("id"))]

    def prepare(self, resources: list[Resource]) -> list[Selected]:
        """Nothing of the listing is needed; notes are read with the status."""
        self.now, self.terms = clock.now(), terms_of(self.kind.request, self.manager.data, self.data)
        self.kind.prepare(self.word)
        return [Selected(resource, self.kind.identity(resource), None) for resource in resources]

    def read(self, of: Selected) -> Fresh | None:
        """Status and notes; nothing is judged."""
        return self.kind.current(of)

    def more_facts(self, facts: Facts, read: Selected) -> Facts:
        """What others did since."""
        since = {e.item: e.disabled_at or e.until for e in facts.notes.off()} if facts.notes else {}
        if not isinstance(read, Fresh):
            return facts
        return replace(facts, other_hands=self.kind.changed_by(read, since, self.now))

    def decide(self, facts: Facts) -> Decision:
        """See decide_restore."""
        mine = (o for o in self.data.get("only", ()) if facts.identity.id == o.get("id", facts.identity.id))
        asked: Mapping[str, Any] = next(
            (o for o in mine if o["user"] == facts.identity.name or "id" in o), {}
        )
        wanted = _items(asked["items"]) if "items" in asked else None
        if wanted is not None and len(self.of_kind.credential_kinds) == 1:  # others are other resources
            wanted = [i for i in wanted if i in {item_of(c) for c in facts.identity.credentials}]
        even = self.data.get("even-if-changed") in {facts.identity.name, facts.identity.id}
        return decide_restore(facts, wanted, self.now, even_if_changed=even)


def _items(texts: Iterable[str]) -> list[Item]:
    return [Item(kind, name) for kind, _, name in (text.partition("=") for text in texts)]
