"""Says what is misspelt in a policy that Custodian refuses, and the nearest word that there is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from custom_filters.runner.run.policy_files import Policy, PolicyFile

#: Filters that hold filters.
_BLOCKS = frozenset({"and", "or", "not"})


def typos(files: Iterable[PolicyFile]) -> Iterator[str]:
    """A sentence for each unknown resource, filter, action, option and value, with file and policy."""
    from custom_filters import autoload

    autoload.load()
    for file in files:
        for policy in file.policies:
            for sentence in _in_policy(policy):
                yield f"{file.path}: policy {policy.name}: {sentence}"


def _in_policy(policy: Policy) -> Iterator[str]:
    from c7n.provider import clouds
    from c7n.resources import load_providers, load_resources
    from c7n.structure import StructureParser

    for key in set(policy.data) - set(StructureParser.allowed_policy_keys):
        yield _unknown("key", key, StructureParser.allowed_policy_keys)
    load_providers({policy.provider})
    known = clouds[policy.provider].resource_map
    resource = f"{policy.provider}.{policy.resource.rpartition('.')[2]}"
    if resource not in known:
        yield _unknown("resource", policy.resource, known)
        return
    load_resources((resource,))
    of = clouds[policy.provider].resources.get(resource.partition(".")[2])
    for what, registry in (("filter", of.filter_registry), ("action", of.action_registry)):
        for element in _elements(policy.data.get(f"{what}s")):
            yield from _in_element(what, element, registry)


def _elements(value: Any) -> Iterator[Mapping[str, Any]]:
    """Filters or actions, those in blocks too, each with its `type`."""
    for element in value if isinstance(value, list) else ():
        if isinstance(element, str):
            yield {"type": element}
        elif isinstance(element, dict) and _BLOCKS & set(element):
            yield from (inner for block in element.values() for inner in _elements(block))
        elif isinstance(element, dict) and "type" in element:
            yield element


def _in_element(what: str, element: Mapping[str, Any], registry: Any) -> Iterator[str]:
    kind = element["type"]
    if kind not in registry:
        yield _unknown(what, kind, registry.keys())
        return
    properties = registry[kind].schema.get("properties", {})
    if registry[kind].schema.get("additionalProperties") is not False:
        return
    for name, value in element.items():
        if name not in properties:
            yield _unknown("option", name, properties, f" of {kind}")
        for word in _strange(value, properties.get(name, {})):
            yield _unknown("value", word, _allowed(properties[name]), f" for {name} of {kind}")


def _strange(value: Any, shape: Mapping[str, Any]) -> list[Any]:
    allowed = _allowed(shape)
    return [
        word for word in (value if isinstance(value, list) else [value]) if allowed and word not in allowed
    ]


def _allowed(shape: Mapping[str, Any]) -> list[Any]:
    """The words that an option, or each item of its list, may be; empty where any will do."""
    found: list[Any] = shape.get("enum") or shape.get("items", {}).get("enum") or []
    return found


def _unknown(what: str, word: object, known: Collection[Any], where: str = "") -> str:
    near = difflib.get_close_matches(str(word), [str(name) for name in known], 1)
    there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(map(str, known)))}."
    return f"there is no {what} {word}{where}; {there}"
