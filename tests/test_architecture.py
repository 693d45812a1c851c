from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "custom_filters"
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
PARTS = ("core", "custodian", "aws", "azure", "gcp", "outputs", "reports", "runner", "sandbox")

#: Part -> the parts it may import.
MAY_IMPORT = {
    "core": {"core"},
    "custodian": {"core", "custodian"},
    "aws": {"core", "custodian", "aws"},
    "azure": {"core", "custodian", "azure"},
    "gcp": {"core", "custodian", "gcp"},
    "outputs": {"core", "outputs"},
    "reports": {"core", "reports"},
    "runner": {*PARTS, "autoload"},
    "sandbox": {"sandbox"},
}
#: What a Lambda function finds beside its archive.
RUNTIME = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
#: Part -> the packages from elsewhere that it may need at import. Those not named here may need any.
MAY_NEED = {"core": set[str](), "custodian": {"c7n"} | RUNTIME, "aws": {"c7n"} | RUNTIME}
#: Part -> the SDKs of the other clouds.
OTHER_SDKS = {"azure": {"boto3", "botocore", "google", "googleapiclient", "c7n_gcp"},
              "gcp": {"boto3", "botocore", "azure", "msal", "msgraph", "c7n_azure"}}  # fmt: skip

TOP_LEVEL = {
    "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ".pre-commit-config.yaml",
    ".ci", ".github", ".gitignore", "LICENSE", "Makefile", "README.md", "constraints.txt", "custom_filters",
    "hatch_build.py", "policies", "pyproject.toml", "tests",
}  # fmt: skip
MAX_MODULE, MAX_FUNCTION = 350, 40


def part(path: Path) -> str:
    """`core` for custom_filters/core/judge.py, `autoload` for custom_filters/autoload.py."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Dotted names, one for each thing imported: `from a import b` is a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: not those in functions, nor for the type checker."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from at_import(node)


def offenders(find: Callable[[Path], Iterable[str | int]], modules: list[Path] = MODULES) -> list[str]:
    return [f"{name(path)}: {found}" for path in modules for found in find(path)]


def test_every_part_is_known() -> None:
    assert {part(path) for path in MODULES} == {*PARTS, "__init__", "__main__", "autoload"}
    assert list(imported(ast.walk(TREES[PACKAGE / "__init__.py"]))) == []


def test_imports_point_one_way() -> None:
    def wrong(path: Path) -> list[str]:
        ours = (
            full.split(".") for full in imported(ast.walk(TREES[path])) if full.startswith("custom_filters.")
        )
        return [".".join(full) for full in ours if full[1] not in MAY_IMPORT[part(path)]]

    assert offenders(wrong, [path for path in MODULES if part(path) in MAY_IMPORT]) == []


def module(path: Path) -> str:
    """custom_filters.core.judge; a package's __init__ is the package."""
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imported_modules(path: Path) -> set[str]:
    """Our modules that this one imports, in functions and for the type checker too."""
    known = {module(other) for other in MODULES}
    found = set()
    for full in imported(ast.walk(TREES[path])):
        name_or_parent = full if full in known else full.rpartition(".")[0]
        found |= {name_or_parent} & known
    return found - {module(path)}


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Modules that can be reached from themselves, once those that lead nowhere are taken away."""
    left = {name: set(targets) for name, targets in graph.items()}
    while ends := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in ends}
    return sorted(left)


def test_no_import_goes_in_a_circle() -> None:
    graph = {module(path): imported_modules(path) for path in MODULES if part(path) != "sandbox"}
    assert circles(graph) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


KINDS = {
    f"custom_filters.{cloud}.{name}"
    for cloud, names in {
        "aws": ("iam_user", "iam_role"),
        "azure": ("directory_user",),
        "gcp": ("directory_user", "service_account", "service_account_key"),
    }.items()
    for name in names
}


def test_a_kind_is_named_only_by_its_clouds_plugin() -> None:
    def wrong(path: Path) -> list[str]:
        return sorted(imported_modules(path) & KINDS) if path.name != "plugin.py" else []

    assert {module(path) for path in MODULES} >= KINDS
    assert offenders(wrong) == []


def test_a_kind_implements_the_one_interface_and_registers_nothing_itself() -> None:
    files = [path for path in MODULES if module(path) in KINDS]

    def wrong(path: Path) -> list[str]:
        classes = [node for node in TREES[path].body if isinstance(node, ast.ClassDef)]
        bases = {ast.unparse(base) for node in classes for base in node.bases}
        c7n = [
            full
            for full in imported(ast.walk(TREES[path]))
            if full.startswith(("c7n.filters", "c7n.actions"))
        ]
        return c7n + (
            [] if len(classes) == 1 and all(base.endswith("Kind") for base in bases) else ["classes"]
        )

    assert offenders(wrong, files) == []


def test_core_custodian_and_aws_need_only_what_a_lambda_function_has() -> None:
    def wrong(path: Path) -> list[str]:
        allowed = MAY_NEED[part(path)] | sys.stdlib_module_names | {"custom_filters"}
        return [full for full in imported(at_import(TREES[path])) if full.split(".")[0] not in allowed]

    assert offenders(wrong, [path for path in MODULES if part(path) in MAY_NEED]) == []


def test_core_is_standard_library_only_in_functions_too() -> None:
    def wrong(path: Path) -> list[str]:
        allowed = sys.stdlib_module_names | {"custom_filters"}
        return [full for full in imported(ast.walk(TREES[path])) if full.split(".")[0] not in allowed]

    assert offenders(wrong, [path for path in MODULES if part(path) == "core"]) == []


def test_storage_imports_a_clouds_sdk_only_when_it_opens_a_bucket_there() -> None:
    """It is to run in a Lambda function, and beside any one cloud's packages."""
    needed = imported(at_import(TREES[PACKAGE / "outputs" / "storage.py"]))
    assert {full for full in needed if full.split(".")[0] not in sys.stdlib_module_names} == {
        "custom_filters.core.errors.InputError"
    }


def test_a_cloud_does_not_use_the_sdk_of_another() -> None:
    def wrong(path: Path) -> list[str]:
        return [
            full for full in imported(ast.walk(TREES[path])) if full.split(".")[0] in OTHER_SDKS[part(path)]
        ]

    assert offenders(wrong, [path for path in MODULES if part(path) in OTHER_SDKS]) == []


def test_only_the_runner_prints_and_exits() -> None:
    terminal = {"print", "sys.stdout", "sys.stderr", "sys.exit", "SystemExit"}

    def wrong(path: Path) -> list[str]:
        nodes = list(ast.walk(TREES[path]))
        caught = {id(node.type) for node in nodes if isinstance(node, ast.ExceptHandler)}  # c7n-azure exits
        names = [
            node for node in nodes if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in caught
        ]
        words = {ast.unparse(node) for node in names}
        toolkits = {full for full in imported(iter(nodes)) if full.split(".")[0] in {"click", "rich"}}
        log = {"sys.stderr"} if part(path) == "sandbox" else set()  # a server has a log
        return sorted(words & terminal - log) + sorted(toolkits)

    assert offenders(wrong, [path for path in MODULES if part(path) not in {"runner", "__main__"}]) == []


def test_core_and_reports_never_read_the_clock() -> None:
    clocks = {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "datetime.datetime.now",
    }

    def wrong(path: Path) -> list[str]:
        calls = (node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call))
        return [ast.unparse(call) for call in calls if ast.unparse(call.func) in clocks]

    assert offenders(wrong, [path for path in MODULES if part(path) in {"core", "reports"}]) == []


def test_the_one_broad_except_is_the_runners_boundary() -> None:
    """Others clean up and raise again."""

    def broad(path: Path) -> Iterator[int]:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "BaseException"
                again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                if {"Exception", "BaseException"} & set(caught.strip("()").split(", ")) and not again:
                    yield node.lineno

    assert {name(path): len(list(broad(path))) for path in MODULES if list(broad(path))} == {
        "runner/main.py": 1
    }


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines without docstring, and without what is inside a table of literals: that is data."""
    lines = set(range(function.lineno, (function.end_lineno or 0) + 1))
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= set(range(first.lineno, (first.end_lineno or 0) + 1))
    for node in ast.walk(function):
        if isinstance(node, (ast.List, ast.Tuple, ast.Dict, ast.Set)):
            lines -= set(range(node.lineno + 1, node.end_lineno or 0))
    return len(lines)


def test_modules_and_functions_stay_small() -> None:
    def long(path: Path) -> Iterator[str]:
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > MAX_MODULE:
            yield f"{length} lines"
        for node in ast.walk(TREES[path]):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and lines_of(node) > MAX_FUNCTION:
                yield f"{node.name} {lines_of(node)} lines"

    assert offenders(long) == []


#: Part -> the most lines: the product is Python, policies and templates, without the sandbox. They may only
#: go down. The first bounds (15,500, 6,500 and 17,500) were missed by what these lines buy: one record and
#: lifecycle for six kinds, evidence of the last hours on three clouds, decisions and population, a sandbox
#: with faults.
BUDGETS = {"product": 23_570, "sandbox": 7_490, "tests": 27_240}
MOST_MODULES = 190


def counted(which: str) -> int:
    """Lines of a part that the budgets bound."""
    code = [path for path in MODULES if (part(path) == "sandbox") == (which == "sandbox")]
    more = [
        path
        for folder, kinds in (
            (ROOT / "policies", ("*.yml",)),
            (PACKAGE / "reports/templates", ("*.j2", "*.html")),
        )
        for kind in kinds
        for path in folder.rglob(kind)
    ]
    files = {"product": code + more, "sandbox": code, "tests": sorted((ROOT / "tests").rglob("*.py"))}
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files[which])


@pytest.mark.parametrize("which", BUDGETS)
def test_lines_stay_within_the_budget(which: str) -> None:
    assert counted(which) <= BUDGETS[which]


def test_modules_stay_within_the_budget() -> None:
    assert len([path for path in MODULES if part(path) != "sandbox"]) <= MOST_MODULES


def test_the_top_level_holds_what_it_should() -> None:
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        found = {line.split("/")[0] for line in listed.splitlines()}
    else:
        found = {
            path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "PKG-INFO"
        }
    assert found - TOP_LEVEL == set()


BLOCKER = """
import sys
class Blocker:
    allowed = {allowed} | sys.stdlib_module_names | {{"custom_filters", "_c7n_unused_autoload"}}
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] not in cls.allowed:
            raise ModuleNotFoundError("blocked: " + name, name=name)
sys.meta_path.insert(0, Blocker)
"""


def run_blocked(allowed: set[str], script: str) -> subprocess.CompletedProcess[str]:
    text = BLOCKER.format(allowed=allowed or "set()") + script
    return subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("which", ["core", "custodian", "aws"])
def test_every_module_imports_beside_nothing_but_what_it_may_need(which: str) -> None:
    files = [path for path in MODULES if part(path) == which]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    script = f"import importlib\nfor name in {names}: importlib.import_module(name)\nprint('imported')"
    child = run_blocked(MAY_NEED[which], script)
    assert (child.stdout, child.stderr) == ("imported\n", "")


def test_the_aws_vocabulary_registers_in_a_lambda_function() -> None:
    script = """
from custom_filters import autoload
autoload.load()
from c7n.resources import load_resources
load_resources(("aws.iam-user",))
from c7n.manager import resources
print("unused-credentials" in resources["iam-user"].filter_registry)
"""
    child = run_blocked(MAY_NEED["aws"], script)
    assert (child.stdout, child.stderr) == ("True\n", "")


def test_the_blocker_blocks() -> None:
    assert "blocked: yaml" in run_blocked(MAY_NEED["aws"], "import yaml").stderr
