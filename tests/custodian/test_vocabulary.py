"""Every filter and action of ours: a closed schema, permissions that exist, an example that validates."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
import yaml
from c7n.provider import clouds
from c7n.resources import load_resources

from custom_filters import autoload
from custom_filters.core.population import ORDER
from tests.aws.runs import ROOT, validate
from tests.docs import INTERNAL

RESOURCES = {
    "aws.iam-user",
    "aws.iam-role",
    "azure.directory-user",
    "gcp.directory-user",
    "gcp.service-account",
    "gcp.service-account-key",
}
FILTERS = {"unused-credentials", "unused-mark", "unused-record"}
ACTIONS = {"mark-for-op", "unmark-unused", "disable-unused", "enable-unused", "retire-record"}
EXAMPLE = re.compile(r"\.\. code-block:: yaml\n\n((?:[ \t]+\S.*\n|\n)+)")
SHIPPED = sorted((ROOT / "policies").glob("*/*.yml"))


def ours() -> Iterator[tuple[str, str, Any]]:
    """Resource, name and class of all that we register."""
    autoload.load()  # whatever was imported before, by whichever test
    load_resources(sorted(RESOURCES))
    for resource in sorted(RESOURCES):
        cloud, _, name = resource.partition(".")
        manager = clouds[cloud].resources.get(name)
        for registry in (manager.filter_registry, manager.action_registry):
            for word, element in registry.items():
                if element.__module__.startswith("custom_filters."):
                    yield resource, word, element


VOCABULARY = {f"{resource}.{word}": element for resource, word, element in ours()}
each = pytest.mark.parametrize("element", VOCABULARY.values(), ids=VOCABULARY)


def test_every_resource_has_every_word() -> None:
    assert set(VOCABULARY) == {f"{r}.{word}" for r in RESOURCES for word in FILTERS | ACTIONS}


@each
def test_the_schema_is_closed(element: Any) -> None:
    assert element.schema["additionalProperties"] is False
    assert element.schema["type"] == "object"


def permissions(name: str) -> tuple[str, ...]:
    """What the element asks for with no options."""
    policy = {"name": "p", "filters": [{"type": "unused-credentials"}]}
    manager = SimpleNamespace(data=policy, config=None, resource_type=None)
    return tuple(VOCABULARY[name]({"type": name.rpartition(".")[2]}, manager).get_permissions())


@pytest.mark.parametrize("name", [name for name in VOCABULARY if name.startswith("aws.")])
def test_permissions_of_aws_exist(name: str) -> None:
    session = botocore.session.get_session()
    assert permissions(name)
    for permission in permissions(name):
        service, _, action = permission.partition(":")
        assert action in session.get_service_model(service).operation_names


@pytest.mark.parametrize("name", [name for name in VOCABULARY if name.startswith("azure.")])
def test_permissions_of_entra_are_graphs(name: str) -> None:
    assert permissions(name)
    assert all(re.fullmatch(r"[A-Z]\w+(\.\w+)+", permission) for permission in permissions(name))


def example(element: Any) -> dict[str, Any]:
    """The one policy in the class's own docstring."""
    (found,) = EXAMPLE.findall(inspect.cleandoc(element.__doc__ or "") + "\n")
    (policy,) = yaml.safe_load(textwrap.dedent(found))["policies"]
    assert isinstance(policy, dict)
    return policy


@each
def test_every_option_says_what_it_does(element: Any) -> None:
    shapes = {name: shape for name, shape in element.schema["properties"].items() if name not in INTERNAL}
    assert [name for name, shape in shapes.items() if not shape.get("description")] == []


@each
def test_the_docstring_says_what_it_does_before_the_example(element: Any) -> None:
    assert element.__doc__.strip().partition("\n")[0].endswith(".")
    assert ":example:" in element.__doc__


def slug(name: str) -> str:
    """A policy name that no shipped policy has: Custodian wants them unique over all files."""
    return f"example-{name.replace('.', '-')}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What stock Custodian says of all examples and all shipped policies."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "exemptions.yml").write_text("exemptions: []\n")
    examples = {name: {**example(element), "name": slug(name)} for name, element in VOCABULARY.items()}
    done = validate(folder, examples.values(), also=SHIPPED)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", VOCABULARY)
def test_the_example_validates(told: str, name: str) -> None:
    assert f"/{slug(name)}.json" in valid(told)


@pytest.mark.parametrize("name", VOCABULARY)
def test_the_example_uses_the_word_on_its_resource(name: str) -> None:
    resource, _, word = name.rpartition(".")
    policy = example(VOCABULARY[name])
    elements = [*policy.get("filters", ()), *policy.get("actions", ())]
    assert word in [e if isinstance(e, str) else e.get("type") for e in elements]
    assert policy["resource"].split(".")[0] == resource.split(".")[0]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(ROOT)))
def test_shipped_policies_validate(told: str, file: Path) -> None:
    assert str(file) in valid(told)


def valid(told: str) -> str:
    return "\n".join(line for line in told.splitlines() if "Configuration valid" in line)


def shipped() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in SHIPPED:
        for policy in yaml.safe_load(file.read_text())["policies"]:
            yield f"{file.relative_to(ROOT)}:{policy['name']}", policy


POLICIES = dict(shipped())


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_shipped_policies_say_what_they_are_for(policy: dict[str, Any]) -> None:
    controls = policy["metadata"]["controls"]
    assert controls
    assert all(re.search(r"\d", control) for control in controls)
    assert policy["description"].strip()


@pytest.mark.parametrize("name", [name for name in POLICIES if "report.yml" in name])
def test_report_policies_change_nothing(name: str) -> None:
    assert "actions" not in POLICIES[name]


CHANGING = {
    name: policy
    for name, policy in POLICIES.items()
    if any(action["type"] in {"mark-for-op", "disable-unused"} for action in policy.get("actions", ()))
}


@pytest.mark.parametrize("policy", CHANGING.values(), ids=CHANGING)
def test_changing_policies_are_bounded_and_name_their_exemptions(policy: dict[str, Any]) -> None:
    (unused,) = [f for f in policy["filters"] if f["type"] == "unused-credentials"]
    assert policy["max-resources"]
    assert unused["exemptions"]
    assert set(unused["verdicts"]) <= {"stale", "never-used"}
    assert "exempt-tag" not in unused


def filters(policy: dict[str, Any]) -> dict[str, Any]:
    return next(f for f in policy["filters"] if f.get("type") == "unused-credentials")


ENFORCED = sorted(
    name.removesuffix("-mark") for name in POLICIES if "enforce.yml" in name and name.endswith("-mark")
)


@pytest.mark.parametrize("name", ENFORCED)
def test_threshold_minus_notice_is_the_mark(name: str) -> None:
    mark, disable = POLICIES[f"{name}-mark"], POLICIES[f"{name}-disable"]
    notice = mark["actions"][0]["hours"] / 24
    assert notice == 14
    assert filters(mark)["days"] + notice == filters(disable)["days"]


@pytest.mark.parametrize("name", ENFORCED)
def test_everybody_with_a_live_mark_is_handed_to_unmark(name: str) -> None:
    """The action decides who came back for sure. The protected lose a mark though they are stale, and a mark
    of the unknown may be in need of repair, so the policy must not leave them out."""
    policy = POLICIES[f"{name}-unmark"]
    (mark,) = [f for f in policy["filters"] if f["type"] == "unused-mark"]
    assert set(filters(policy)["verdicts"]) == set(ORDER)
    assert set(mark["state"]) == {"pending", "due", "void", "malformed"}
    assert [action["type"] for action in policy["actions"]] == ["unmark-unused"]
    assert "not:" not in str(policy["filters"])
