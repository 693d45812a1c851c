"""The embedded clouds, started together on loopback: `with Sandbox(Settings()) as sandbox: ...`."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from custom_filters.sandbox import kill
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.cloud import Hook, Settings
from custom_filters.sandbox.control import Control
from custom_filters.sandbox.faults import Fault, check, described
from custom_filters.sandbox.loopback import serving
from custom_filters.sandbox.wire import Wire

__all__ = ["Sandbox", "Settings"]
if TYPE_CHECKING:
    from typing_extensions import Self

CLOUDS = {
    "aws": ("custom_filters.sandbox.aws.cloud", "AwsCloud"),
    "azure": ("custom_filters.sandbox.azure.cloud", "AzureCloud"),
    "gcp": ("custom_filters.sandbox.gcp.cloud", "GcpCloud"),
}
# A developer's own profile, keys or proxy must never lead a child process out of the sandbox.
FOREIGN = ("AWS_", "AZURE_", "ARM_", "GOOGLE_", "CLOUDSDK_", "BOTO_", "GCLOUD_")
FOREIGN_NAMES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "C7N_UNUSED_NOW"))


class Sandbox:
    """Starts every cloud in `settings.clouds`; all share one clock, one call count and one set of faults.

    calls: `aws:ListUsers` -> how often; faults: may be changed while clients run; clouds: by name, `aws` too.
    on_request(cloud, action, phase, is_write) is called for every request, `before` it is applied and `after`
    it was, with the answer not sent yet; it runs in the server's threads, several at once.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        if unknown := set(self.settings.clouds) - CLOUDS.keys():
            raise ValueError(f"no such cloud: {', '.join(sorted(unknown))}; there are {', '.join(CLOUDS)}")
        self.clock = Clock(self.settings.now)
        self.calls: Counter[str] = Counter()
        self.faults = dict(self.settings.faults)
        self.check_faults(self.faults)
        self.clouds: dict[str, Any] = {}
        self.on_request: Hook | None = None
        self._killer = kill.Killer(self.faults)
        self._secret = secrets.token_urlsafe(24)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._control = stack.enter_context(serving(Control(self, self._secret)))
            # Always: with a proxy that refuses all other hosts no real cloud is in reach.
            self._wire = stack.enter_context(Wire())
            for name in self.settings.clouds:
                self.clouds[name] = self._start(name, stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        self.clouds.clear()

    def __getattr__(self, name: str) -> Any:
        """`sandbox.aws` and so on, for the clouds that were started."""
        if name in CLOUDS and name in self.__dict__.get("clouds", {}):
            return self.clouds[name]
        raise AttributeError(f"the sandbox has no {name}")

    @property
    def control_url(self) -> str:
        """Where calls, clock, faults and hands are (see `control`); it holds the run's secret."""
        return f"{self._control}/{self._secret}"

    @property
    def proxy(self) -> str:
        """The URL of the proxy that leads to the clouds, and nowhere else."""
        return self._wire.proxy

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point an unmodified client, started as a child process, at the sandbox."""
        environment = {"C7N_UNUSED_SANDBOX": self.control_url, **self._wire.environment}
        for cloud in self.clouds.values():
            environment.update(cloud.environment)
        if stated := self.clock.stated:
            environment["C7N_UNUSED_NOW"] = stated.isoformat().replace("+00:00", "Z")
        return environment

    def child_environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """A whole environment: `base` (default: this process's) without its clouds and proxies, plus ours."""
        base = os.environ if base is None else base
        kept = {name: base[name] for name in base if not name.startswith(FOREIGN)}
        return {**{n: v for n, v in kept.items() if n.upper() not in FOREIGN_NAMES}, **self.environment}

    def _start(self, name: str, stack: contextlib.ExitStack) -> Any:
        cloud = _kind(name)(self.settings, self.clock, self.calls, self.faults)
        stack.enter_context(cloud)
        cloud.on_request = self._tell
        self._wire.add(cloud.hosts)
        return cloud

    def _tell(self, cloud: str, action: str, phase: str, is_write: bool) -> None:
        self._killer(phase, is_write)
        if self.on_request is not None:
            self.on_request(cloud, action, phase, is_write)

    def check_faults(self, faults: Mapping[str, str | float]) -> None:
        """ValueError for a fault that no cloud here knows, or a value that it does not take."""
        check(_fault_tables(self.settings.clouds).values(), faults)


def _kind(name: str) -> Any:
    module, kind = CLOUDS[name]
    return getattr(import_module(module), kind)


def described_faults(clouds: Iterable[str]) -> str:
    """Every fault of these clouds, for people."""
    return "\n".join(described(_fault_tables(clouds)))


def _fault_tables(clouds: Iterable[str]) -> dict[str, Iterable[Fault]]:
    """The faults of these clouds, and that of all, by cloud."""
    return {"any": (kill.FAULT,), **{name: _kind(name).FAULTS for name in clouds}}
