"""The tables in policies/README.md that come from the code: `python -m tests.docs` writes them anew.

Each stands between `<!-- NAME: made by python -m tests.docs -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import yaml

from custom_filters.custodian.registry import _ACTIONS, _FILTERS, generated
from custom_filters.runner.run.policy_files import shipped_folder
from tests.conftest import ROOT
from tests.faults import published
from tests.lifecycle_table import as_markdown

README = ROOT / "policies" / "README.md"
CLOUDS = ("aws", "azure", "gcp")
#: Not for people to write.
INTERNAL = {"type", "only"}


def options() -> str:
    """Every option of every filter and action: on which resources, its values, its default, what it does."""
    lines = ["| filter or action | option | values | default | what it does |", "|---|---|---|---|---|"]
    kinds = [kind for cloud in CLOUDS for kind in import_module(f"custom_filters.{cloud}.plugin").kinds()]
    for base in (*_FILTERS, *_ACTIONS):
        rows: dict[tuple[str, ...], list[str]] = {}
        for kind in kinds:
            for row in _rows(generated(base, kind)):
                rows.setdefault(row, []).append(kind.resource)
        for (name, *cells), where in sorted(rows.items()):
            only = "" if len(where) == len(kinds) else f" ({', '.join(where)})"
            lines.append(f"| `{base.word}` | `{name}`{only} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rows(element: Any) -> Iterator[tuple[str, ...]]:
    needed = element.schema.get("required", ())
    for name, shape in element.schema["properties"].items():
        if name not in INTERNAL:
            default = "needed" if name in needed else _word(shape["default"]) if "default" in shape else ""
            yield name, _values(shape), default, shape["description"]


def _values(shape: Mapping[str, Any]) -> str:
    if "oneOf" in shape:
        return ", or ".join(map(_values, shape["oneOf"]))
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    if shape["type"] == "array":
        return f"list of {_values(shape['items'])}"
    if "maximum" in shape:
        return f"{shape['minimum']} to {shape['maximum']}"
    return {"boolean": "`true`, `false`", "string": "text"}.get(shape["type"], "number")


def _word(default: Any) -> str:
    text = ", ".join(default) if isinstance(default, list) else str(default)
    return f"`{text.lower() if isinstance(default, bool) else text}`"


def policies() -> str:
    """Every shipped policy: its file and name, what it is about, and whether it changes anything."""
    lines = ["| file | policy | what it does |", "|---|---|---|"]
    folder = shipped_folder()
    for path in sorted(folder.glob("*/*.yml")):
        for policy in yaml.safe_load(path.read_text(encoding="utf-8"))["policies"]:
            text = " ".join(policy["description"].split())
            lines.append(f"| `{path.relative_to(folder)}` | `{policy['name']}` | {text} |")
    return "\n".join(lines) + "\n"


TABLES: Mapping[str, Callable[[], str]] = {
    "policies": policies,
    "options": options,
    "lifecycle": as_markdown,
    "faults": published,
}


def block(name: str) -> re.Pattern[str]:
    """The place of a table: what is before it, the table, and what is after it."""
    start = rf"<!-- {name}: made by python -m tests\.docs -->\n"
    return re.compile(rf"(.*{start})(.*?)(<!-- end -->.*)", re.DOTALL)


def main() -> None:
    """Write all tables."""
    text = README.read_text(encoding="utf-8")
    for name, render in TABLES.items():
        found = block(name).fullmatch(text)
        assert found, f"{README} has no place for the table {name}"
        text = f"{found[1]}\n{render()}\n{found[3]}"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
