from __future__ import annotations

import json
import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import Env, make_env

STATUS = "import sys; a = sys.modules.get('_c7n_unused_autoload'); print(a.status() if a else 'not loaded')"
SITE = "site start-up file"


@pytest.fixture(scope="module", params=["wheel", "editable"])
def bare_env(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]
) -> Env:
    """Our package alone, without c7n."""
    return make_env(tmp_path_factory.mktemp(request.param), wheels[request.param], c7n=False)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Python files below `folder`, each folder a package."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()
    return folder


PLUGIN = "import sys\ncalls = []\ndef install():\n    calls.append('c7n.manager' in sys.modules)\n"
CLOUDS = [
    ("c7n.manager", "custom_filters.aws.plugin"),
    ("c7n_azure.provider", "custom_filters.azure.plugin"),
    ("c7n_gcp.provider", "custom_filters.gcp.plugin"),
]


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """Stand-ins for c7n and its clouds, and for our three plugins: what is tested here is the loading."""
    files = {f"{name.replace('.', '/')}.py": "resources = {}\n" for name, _ in CLOUDS}
    files |= {f"{name.replace('.', '/')}.py": PLUGIN for _, name in CLOUDS}
    return write(tmp_path / "fakes", files)


@pytest.mark.parametrize(
    ("options", "environ", "expected"),
    [
        ([], {}, SITE),
        (["-I"], {}, SITE),
        (["-S"], {}, "not loaded"),
        ([], {"C7N_UNUSED_AUTOLOAD": "0"}, "not loaded"),
        ([], {"C7N_UNUSED_AUTOLOAD": "1"}, SITE),
    ],
)
def test_start_up_file_puts_the_finder(
    bare_env: Env, options: list[str], environ: dict[str, str], expected: str
) -> None:
    child = bare_env.run(*options, "-c", STATUS, **environ)
    assert (child.stdout.strip(), child.stderr) == (expected, "")


def test_start_imports_nothing_but_itself(bare_env: Env) -> None:
    script = "import sys; print(*sorted(sys.modules))"
    quiet = set(bare_env.run("-c", script, C7N_UNUSED_AUTOLOAD="0").stdout.split())
    loaded = set(bare_env.run("-c", script).stdout.split())
    assert loaded - quiet == {"_c7n_unused_autoload", "__future__"}


def test_start_survives_a_half_removed_installation(tmp_path: Path, wheels: dict[str, Path]) -> None:
    env = make_env(tmp_path, wheels["wheel"], c7n=False)
    (env.site_packages / "_c7n_unused_autoload.py").unlink()
    assert env.run("-c", "print('started')").stdout == "started\n"


def test_strangers_package_of_our_name_is_not_imported_at_start(bare_env: Env, tmp_path: Path) -> None:
    stranger = write(tmp_path, {"custom_filters/__init__.py": "raise SystemExit('imported')"})
    child = bare_env.run("-c", STATUS, PYTHONPATH=stranger)
    assert child.stdout.strip() == SITE


def test_start_file_of_pep_829_names_the_same_function(bare_env: Env) -> None:
    script = f"import pkgutil; pkgutil.resolve_name(open(sys.argv[1]).read().strip())(); {STATUS}"
    start = bare_env.site_packages / "c7n_unused.start"
    child = bare_env.run("-S", "-c", f"import sys; {script}", start, PYTHONPATH=bare_env.site_packages)
    assert child.stdout.strip() == SITE


def test_status_says_why_it_is_off(bare_env: Env) -> None:
    script = "import _c7n_unused_autoload as a; print(a.status())"
    off = bare_env.run("-c", script, C7N_UNUSED_AUTOLOAD="0").stdout
    unread = bare_env.run("-S", "-c", script, PYTHONPATH=bare_env.site_packages).stdout
    assert (off.strip(), unread[:31]) == ("off (C7N_UNUSED_AUTOLOAD=0)", "off (this Python reads no start")


@pytest.mark.parametrize(("module", "plugin"), CLOUDS)
def test_plugin_follows_the_execution_of_its_module(
    bare_env: Env, fakes: Path, module: str, plugin: str
) -> None:
    script = f"""if True:
        import sys
        before = {plugin!r} in sys.modules
        import {module} as m, inspect
        print(before, sys.modules[{plugin!r}].calls, len(sys.modules[{plugin!r}].calls))
        print(type(m.__loader__).__name__, type(m.__spec__.loader).__name__, inspect.getsource(m).strip())
    """
    child = bare_env.run("-c", script, PYTHONPATH=fakes)
    called = [module == "c7n.manager"]
    loader = "SourceFileLoader SourceFileLoader resources = {}"
    assert child.stdout.splitlines() == [f"False {called} 1", loader]


def test_a_module_in_a_zip_archive_is_followed_too(bare_env: Env, fakes: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", fakes)
    script = "import c7n.manager, custom_filters.aws.plugin as p; print(p.calls)"
    assert bare_env.run("-c", script, PYTHONPATH=archive).stdout.strip() == "[True]"


def test_another_finder_that_asks_all_finders_does_not_recurse(bare_env: Env, fakes: Path) -> None:
    script = """if True:
        import sys
        class Asks:
            @classmethod
            def find_spec(cls, name, path=None, target=None):
                specs = (f.find_spec(name, path, target) for f in sys.meta_path if f is not cls)
                return next((s for s in specs if s), None)
        sys.meta_path.insert(0, Asks)
        import c7n.manager, custom_filters.aws.plugin as p
        print(p.calls)
    """
    assert bare_env.run("-c", script, PYTHONPATH=fakes).stdout.strip() == "[True]"


def test_both_names_of_the_module_share_one_finder(wheel_env: Env) -> None:
    script = """if True:
        import json, sys, _c7n_unused_autoload as root
        from custom_filters import autoload
        autoload.install(); root.install(); autoload.load()
        finders = [f for f in sys.meta_path if type(f).__name__ == "PluginFinder"]
        print(json.dumps([len(finders), root.status(), autoload.status(), root is autoload]))
    """
    assert json.loads(wheel_env.run("-c", script).stdout) == [1, SITE, SITE, False]


EXPLICIT = "import {module}\nimport _c7n_unused_autoload as a\na.load()\n"


@pytest.mark.parametrize("first", ["c7n.manager", "sys"], ids=["c7n-first", "load-first"])
def test_load_works_whatever_came_first_and_whatever_the_switch_says(
    bare_env: Env, fakes: Path, first: str
) -> None:
    script = EXPLICIT.format(module=first) + (
        "import c7n.manager, custom_filters.aws.plugin as p; print(p.calls, a.status(), a.failures())"
    )
    child = bare_env.run("-c", script, PYTHONPATH=fakes, C7N_UNUSED_AUTOLOAD="0")
    assert child.stdout.strip() == "[True] explicit {}"


BROKEN = {
    "missing dependency": "import no_such_dependency\n",
    "name gone from c7n": "from c7n.manager import no_such_name\n",
    "attribute gone": "import c7n.manager\nc7n.manager.no_such_name\n",
    "syntax": "def install(:\n",
    "no install": "pass\n",
    "own module missing": "import custom_filters.aws.no_such_module\n",
    "refusal": "def install():\n    raise ValueError('unused-credentials is taken')\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_broken_plugin_is_said_and_leaves_custodian_running(bare_env: Env, fakes: Path, text: str) -> None:
    write(fakes, {"custom_filters/aws/plugin.py": text})
    script = "import c7n.manager, _c7n_unused_autoload as a; print(*a.failures())"
    child = bare_env.run("-c", script, PYTHONPATH=fakes)
    assert child.stdout.strip() == "custom_filters.aws.plugin"
    assert child.stderr.startswith("c7n-unused: custom_filters.aws.plugin did not load (")
    assert f"found at: {fakes / 'custom_filters'}. Remedy: " in child.stderr
    assert "Traceback" not in child.stderr


def test_a_cloud_that_was_left_out_is_no_failure(bare_env: Env, fakes: Path) -> None:
    (fakes / "custom_filters/azure/plugin.py").unlink()
    script = "import c7n_azure.provider, _c7n_unused_autoload as a; print(a.failures())"
    child = bare_env.run("-c", script, PYTHONPATH=fakes)
    assert (child.stdout, child.stderr) == ("{}\n", "")


def test_a_plugin_that_imports_c7n_may_be_imported_first(bare_env: Env, fakes: Path) -> None:
    write(fakes, {"custom_filters/aws/plugin.py": "import c7n.manager\n" + PLUGIN})
    script = "import custom_filters.aws.plugin as p, _c7n_unused_autoload as a; p.install(); print(p.calls)"
    child = bare_env.run("-c", script, PYTHONPATH=fakes)
    assert (child.stdout, child.stderr) == ("[True]\n", "")


@pytest.mark.parametrize("first", ["c7n.manager", "sys"], ids=["c7n-first", "load-first"])
def test_broken_plugin_stops_whoever_asked_for_it(bare_env: Env, fakes: Path, first: str) -> None:
    write(fakes, {"custom_filters/aws/plugin.py": BROKEN["missing dependency"]})
    script = EXPLICIT.format(module=first) + "import c7n.manager"
    child = bare_env.run("-c", script, PYTHONPATH=fakes, C7N_UNUSED_AUTOLOAD="0", check=False)
    assert child.returncode == 1
    assert child.stderr.endswith("ModuleNotFoundError: No module named 'no_such_dependency'\n")


def test_strangers_package_is_named_when_custodian_runs(wheel_env: Env, tmp_path: Path) -> None:
    stranger = write(tmp_path, {"custom_filters/__init__.py": ""})
    child = wheel_env.run("-c", "import c7n.manager", PYTHONPATH=stranger)
    assert f"found at: {stranger / 'custom_filters'}. Remedy: if that is another package" in child.stderr


POLICY = """
policies:
  - name: nobody-uses-it
    resource: aws.iam-user
    filters:
      - type: unused-credentials
        days: 90
        exemptions: none
"""
ACCOUNTS = """
accounts:
  - {name: one, account_id: "111111111111", role: "arn:aws:iam::111111111111:role/r", regions: [us-east-1]}
"""
STOCK = {
    "custodian schema": ["c7n.cli", "schema", "aws.iam-user.filters.unused-credentials"],
    "custodian validate": ["c7n.cli", "validate", "policy.yml"],
    "c7n-org validate": ["c7n_org.cli", "validate", "-u", "policy.yml", "-c", "accounts.yml"],
}
KNOWN = [pytest.param(args, id=k, marks=pytest.mark.slow if "org" in k else ()) for k, args in STOCK.items()]


def stock(env: Env, module: str, *args: str, **environ: str) -> tuple[int, str]:
    """A stock command as its console script would run it, in a folder that holds the policy."""
    (env.folder / "policy.yml").write_text(POLICY)
    (env.folder / "accounts.yml").write_text(ACCOUNTS)
    function = "main" if module == "c7n.cli" else "cli"
    script = f"import sys; from {module} import {function} as f; sys.argv[0] = 'stock'; sys.exit(f())"
    child = env.run("-c", script, *args, check=False, AWS_DEFAULT_REGION="us-east-1", **environ)
    return child.returncode, child.stdout + child.stderr


@pytest.mark.parametrize("args", KNOWN)
def test_stock_commands_know_the_vocabulary(wheel_env: Env, args: list[str]) -> None:
    code, said = stock(wheel_env, *args)
    assert code == 0, said
    assert "c7n-unused:" not in said


@pytest.mark.parametrize("args", KNOWN)
def test_stock_commands_do_not_when_switched_off(wheel_env: Env, args: list[str]) -> None:
    code, _ = stock(wheel_env, *args, C7N_UNUSED_AUTOLOAD="0")
    assert code != 0


@pytest.mark.parametrize(
    "first", ["c7n.query", "c7n.policy", "c7n.filters", "c7n.resources.iam", "c7n.handler"]
)
def test_the_plugin_loads_whichever_module_of_c7n_comes_first(wheel_env: Env, first: str) -> None:
    script = f"import {first}, _c7n_unused_autoload as a; print(a.failures())"
    child = wheel_env.run("-c", script)
    assert (child.stdout.strip(), child.stderr) == ("{}", "")


@pytest.mark.parametrize(
    "command", [["-m", "custom_filters", "custodian"], ["-S", "-m", "custom_filters", "custodian"]]
)
def test_the_explicit_way_needs_no_start_up_file(wheel_env: Env, command: list[str]) -> None:
    path = os.pathsep.join([str(wheel_env.site_packages), sysconfig.get_path("purelib")])
    child = wheel_env.run(
        *command, "schema", "aws.iam-user.filters.unused-credentials",
        check=False, PYTHONPATH=path, C7N_UNUSED_AUTOLOAD="0",
    )  # fmt: skip
    assert (child.returncode, "unused" in child.stdout) == (0, True), child.stderr
