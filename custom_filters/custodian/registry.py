"""Generating our filters and actions for a resource kind, and putting them into Custodian's registries."""

from __future__ import annotations

import inspect
import textwrap
from functools import cache
from typing import Any

from c7n.exceptions import PolicyValidationError
from c7n.tags import TagDelayedAction
from c7n.utils import type_schema

from custom_filters.core.vocabulary import (
    DISABLE,
    ENABLE,
    FILTER,
    MARK,
    MARK_FILTER,
    RECORD_FILTER,
    RETIRE,
    UNMARK,
)
from custom_filters.custodian.actions import DisableUnused
from custom_filters.custodian.enable_action import EnableUnused
from custom_filters.custodian.filters import UnusedCredentials, UnusedMark, UnusedRecord
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.mark_actions import MarkForOp, RetireRecord, StockMarkForOp, UnmarkUnused
from custom_filters.custodian.options import described

_FILTERS: tuple[Any, ...] = (UnusedCredentials, UnusedMark, UnusedRecord)
_ACTIONS: tuple[Any, ...] = (MarkForOp, UnmarkUnused, DisableUnused, EnableUnused, RetireRecord)

_UNUSED = "- type: unused-credentials\n  days: {days}\n  exemptions: none\n"
_BY_MARK = "- type: unused-mark\n  state: {state}\n  op: disable-unused\n  tag: c7n-unused\n"
#: Word -> the filters and the actions of its example.
_EXAMPLES = {
    FILTER: (
        "- type: unused-credentials\n  days: 90\n  verdicts: [stale, never-used]\n  evidence: [{sources}]\n",
        "",
    ),
    MARK_FILTER: (_BY_MARK.format(state="malformed"), ""),
    MARK: (
        _BY_MARK.format(state="[absent, void, malformed]") + _UNUSED.format(days=76),
        "- type: mark-for-op\n  op: disable-unused\n  tag: c7n-unused\n  hours: 336\n",
    ),
    RECORD_FILTER: ('- type: unused-record\n  state: "off"\n  days: 90\n', ""),
    RETIRE: ("- type: unused-record\n  state: reopened\n", "- type: retire-record\n"),
    UNMARK: (
        "- type: unused-credentials\n  days: 76\n  verdicts: [active, new, exempt, no-credentials]\n",
        "- type: unmark-unused\n  tag: c7n-unused\n",
    ),
    DISABLE: (
        _BY_MARK.format(state="due") + _UNUSED.format(days=90),
        "- type: disable-unused\n  tag: c7n-unused\n",
    ),
    ENABLE: ("- type: value\n  key: {id}\n  value: jane.doe\n", "- type: enable-unused\n"),
}


def register(resource_class: Any, kind: type[Kind]) -> None:
    """Put our filters and actions for `kind` on Custodian's resource class. Idempotent."""
    for base in _FILTERS:
        add(resource_class.filter_registry, base.word, generated(base, kind))
    for base in _ACTIONS:
        stock = base is MarkForOp and _has_stock_mark(resource_class)
        made = generated(StockMarkForOp if stock else base, kind)
        add(resource_class.action_registry, base.word, made, replaces=TagDelayedAction if stock else None)


def _has_stock_mark(resource_class: Any) -> bool:
    present = resource_class.action_registry.get(MARK)
    return present is not None and issubclass(present, TagDelayedAction)


def add(registry: Any, name: str, ours: type, *, replaces: type | None = None) -> None:
    """Register `ours` under `name`; again and again is fine.

    Raises PolicyValidationError when the name belongs to a class that is neither ours nor `replaces`.
    """
    present = registry.get(name)
    if present is ours:
        return
    if present is not None and present is not replaces:
        raise PolicyValidationError(
            f"{registry.plugin_type}: {name!r} is already registered by {present.__module__}; "
            "remove that plug-in or set C7N_UNUSED_AUTOLOAD=0"
        )
    registry.register(name, ours)


@cache
def generated(base: Any, kind: type[Kind]) -> type:
    """The class of a filter or an action for one kind, with its schema, documentation and permissions."""
    content: dict[str, Any] = {
        "__doc__": documentation(base, kind),
        "__module__": kind.__module__,
        "schema": _schema(base, kind),
        "permissions": kind.permissions.get(base.word, ()),
    }
    if base is StockMarkForOp:
        content["ours"] = generated(MarkForOp, kind)
    else:
        content["of_kind"] = kind
    return type(f"{kind.__name__}{base.__name__}", (base,), content)


def _schema(base: Any, kind: type[Kind]) -> dict[str, Any]:
    options = {**base.options(kind), **kind.options.get(base.word, {})}
    if base is StockMarkForOp:
        schema = {**TagDelayedAction.schema, "properties": options}
    else:
        schema = type_schema(base.word, required=list(base.required), **options)
    return described(schema, base.word, kind.default_sources)


def documentation(base: Any, kind: type[Kind]) -> str:
    """The base's text with the kind's sentences, and an example of a policy."""
    text = inspect.cleandoc(base.__doc__).format(plural=kind.plural, text=kind.texts.get(base.word, ""))
    first, *parts = (part for part in text.split("\n\n") if part.strip())
    filled = "\n\n".join([first, *(textwrap.fill(part, 100) for part in parts)])
    example = textwrap.indent(_example(base.word, kind), "    ")
    return f"{filled}\n\n:example:\n\n.. code-block:: yaml\n\n{example}"


def _example(word: str, kind: type[Kind]) -> str:
    filters, actions = _EXAMPLES[word]
    lines = [
        "policies:",
        f"  - name: {kind.resource.replace('.', '-')}-{word}",
        f"    resource: {kind.resource}",
        *([f"    source: {kind.source}"] if kind.source else []),
        "    filters:",
        textwrap.indent(
            filters.format(id=kind.name_key, sources=", ".join(kind.default_sources)), "      "
        ).rstrip(),
        *(["    actions:", textwrap.indent(actions, "      ").rstrip()] if actions else []),
    ]
    return "\n".join(lines) + "\n"
