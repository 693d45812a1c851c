from __future__ import annotations

import re
import subprocess
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hatch_build import START
from tests.conftest import ROOT, Env

TARGETS = {
    "demo", "test", "test-all", "coverage", "lint", "format", "validate", "bench", "faults", "months",
    "constraints", "image", "clean", "help",
}  # fmt: skip
#: What is installed, by `pip install --require-hashes --no-deps`; which extras of ours each file answers to.
PINNED = {"constraints.txt": "all", ".ci/constraints.txt": "dev", ".ci/install.txt": "", ".ci/audit.txt": ""}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def wheel(wheels: dict[str, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheels["wheel"])


def test_wheel_root_holds_the_package_and_the_start_up_files(wheel: zipfile.ZipFile) -> None:
    found = {name.split("/")[0] for name in wheel.namelist()}
    ours = {"custom_filters", "_c7n_unused_autoload.py", "c7n_unused.pth", "c7n_unused.start"}
    assert {name for name in found if not name.endswith(".dist-info")} == ours


def test_start_up_module_is_the_packages_own(wheel: zipfile.ZipFile) -> None:
    source = (ROOT / "custom_filters" / "autoload.py").read_bytes()
    assert wheel.read("_c7n_unused_autoload.py") == wheel.read("custom_filters/autoload.py") == source


def test_pth_is_one_line_that_names_no_other_module(wheel: zipfile.ZipFile) -> None:
    (line,) = wheel.read("c7n_unused.pth").decode("ascii").splitlines()
    assert line.startswith("import os; ")
    assert re.findall(r"__import__\((.*?)\)", line) == ['"_c7n_unused_autoload"']
    assert len(re.findall(r"\bimport\b|\bexec\b|\beval\b", line)) == 1


def test_wheel_carries_everything_of_the_checkout_that_runs(wheel: zipfile.ZipFile) -> None:
    """Modules, templates and assets; the policies within the package, so that `run` finds them anywhere."""
    files = (
        path for top in ("custom_filters", "policies") for path in (ROOT / top).rglob("*") if path.is_file()
    )
    names = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    expected = {re.sub(r"^policies/", "custom_filters/policies/", name) for name in names}
    assert expected - set(wheel.namelist()) == set()


def test_wheel_carries_what_init_writes(wheel: zipfile.ZipFile) -> None:
    for name, source in START.items():
        assert wheel.read(f"custom_filters/start/{name}") == (ROOT / source).read_bytes()


def test_wheel_carries_no_key_and_no_test(wheel: zipfile.ZipFile) -> None:
    private = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
    assert [name for name in wheel.namelist() if private.search(wheel.read(name))] == []
    assert [name for name in wheel.namelist() if re.search(r"(^|/)tests?/|\.pem$|\.key$", name)] == []


def test_editable_installation_follows_the_checkout(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["editable"]).namelist()
    assert [name for name in names if name.startswith("custom_filters")] == []
    assert {"_c7n_unused_autoload.py", "c7n_unused.pth", "c7n_unused.start"} < set(names)


@pytest.mark.parametrize(
    "command", [["-m", "custom_filters"], ["-c", "import sys; sys.argv[0] = 'c'; {entry}"]]
)
def test_installed_command_starts_outside_the_checkout(
    wheel_env: Env, wheel: zipfile.ZipFile, command: list[str]
) -> None:
    (points,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("entry_points.txt"))
    module, function = re.findall(r"^c7n-unused = ([\w.]+):(\w+)$", points, re.MULTILINE)[0]
    entry = f"from {module} import {function}; {function}()"
    child = wheel_env.run(*(part.format(entry=entry) for part in command), "--help", check=False)
    assert (child.returncode, child.stdout.split("[")[0]) == (0, "Usage: c7n-unused "), child.stderr


def entries(file: str) -> list[str]:
    """Each requirement with its options, on one line."""
    lines = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins(*files: str) -> list[Requirement]:
    return [Requirement(entry.split(" --hash")[0]) for file in files for entry in entries(file)]


def applies(pin: Requirement, python: str) -> bool:
    return pin.marker is None or pin.marker.evaluate(
        {"python_version": python, "python_full_version": f"{python}.9"}
    )


@pytest.mark.parametrize("file", PINNED)
def test_every_pin_has_its_hashes_and_names_no_address(file: str) -> None:
    shape = re.compile(r"[\w.-]+==[\w.]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in entries(file) if not shape.fullmatch(entry)] == []
    assert "://" not in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("python", PYTHONS)
def test_one_version_is_pinned_for_each_python(python: str) -> None:
    """Whatever files are installed together, and with what names that `-` and `_` tell apart."""
    found = {
        (canonicalize_name(pin.name), str(pin.specifier)) for pin in pins(*PINNED) if applies(pin, python)
    }
    names = [name for name, _ in found]
    assert sorted(set(names)) == sorted(names)


def closure(requirements: list[str], extras: frozenset[str], seen: set[str]) -> None:
    """Every distribution that `requirements` bring along here."""
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        environments = [{"extra": extra} for extra in extras or {""}]
        if requirement.marker and not any(map(requirement.marker.evaluate, environments)):
            continue
        key = f"{name}[{','.join(sorted(requirement.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        try:
            closure(requires(name) or [], frozenset(requirement.extras), seen)
        except PackageNotFoundError:
            pytest.fail(f"{name} is required and not installed: make .venv/.installed")


@pytest.mark.parametrize(("file", "extra"), [item for item in PINNED.items() if item[1]])
def test_a_file_pins_all_that_its_extra_needs(file: str, extra: str) -> None:
    seen: set[str] = set()
    closure([f"c7n-unused[{extra}]"], frozenset(), seen)
    needed = {key.split("[")[0] for key in seen} - {"c7n-unused"}
    pinned = {
        canonicalize_name(pin.name) for pin in pins(file) if pin.marker is None or pin.marker.evaluate()
    }
    assert needed - pinned == set()


def test_make_help_lists_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in said.splitlines() if line.startswith("  make ")} == TARGETS
