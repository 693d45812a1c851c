from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from custom_filters.custodian import pacing
from tests.virtual import VirtualTime
from tests.warm import RUNNING

ROOT = Path(__file__).resolve().parent.parent
SCHEME = "nt" if os.name == "nt" else "posix_prefix"  # "venv" is not known to Python 3.10

# The same examples in every run, and no test that fails because the machine was slow.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")


def pytest_sessionfinish() -> None:
    """Coverage counts what has ended."""
    RUNNING.close()


@dataclass(frozen=True)
class Env:
    """A fresh virtual environment that sees this one's packages only if c7n was asked for."""

    folder: Path

    @property
    def site_packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", SCHEME, {"base": str(self.folder)}))

    @property
    def python(self) -> Path:
        return Path(sysconfig.get_path("scripts", SCHEME, {"base": str(self.folder)}), "python")

    def run(
        self, *args: str | Path, check: bool = True, **environ: str | Path
    ) -> subprocess.CompletedProcess[str]:
        """Run its Python outside the checkout, with `environ` and nothing of ours in the environment."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "C7N_UNUSED", "COV_"))}
        return subprocess.run(
            [str(self.python), *map(str, args)],
            cwd=self.folder,
            env=kept | {k: str(v) for k, v in environ.items()},
            capture_output=True,
            text=True,
            check=check,
        )


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """This checkout, built: `wheel` and `editable`."""
    folder = tmp_path_factory.mktemp("wheels")
    built = {}
    for kind in ("wheel", "editable"):
        script = f"import sys; from hatchling.build import build_{kind} as b; print(b(sys.argv[1]))"
        child = subprocess.run(
            [sys.executable, "-c", script, str(folder / kind)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        built[kind] = folder / kind / child.stdout.split()[-1]
    return built


def make_env(folder: Path, wheel: Path, *, c7n: bool) -> Env:
    """A virtual environment in `folder` with our wheel, without downloads."""
    venv.create(folder, with_pip=False)
    env = Env(folder)
    pip = [sys.executable, "-m", "pip", "--python", str(env.python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    if c7n:
        (env.site_packages / "zz_outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return env


@pytest.fixture(scope="session")
def wheel_env(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Env:
    """The wheel installed beside c7n and everything else this environment has."""
    return make_env(tmp_path_factory.mktemp("wheel-env"), wheels["wheel"], c7n=True)


@pytest.fixture
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """The clock of every limiter in this process: waiting takes no time."""
    time = VirtualTime()
    monkeypatch.setattr(pacing, "SYSTEM", time.clock)
    return time
