"""Makes stock Custodian know our vocabulary.

Custodian has no plug-in loading, so the wheel also installs this file as `_c7n_unused_autoload` at the root
of site-packages, with a site start-up file that calls `install()`. That puts one finder on `sys.meta_path`
and nothing else; once Custodian itself has executed one of the modules named in `PLUGINS`, the plugin beside
it is imported and its idempotent `install()` is called, which subscribes to that cloud's resource registry.

Every Python in the environment runs this at its start: only modules the interpreter has loaded anyway are
imported here, and never `custom_filters`, which on PYTHONPATH may be somebody else's.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

PLUGINS = {
    "c7n.manager": "custom_filters.aws.plugin",
    "c7n_azure.provider": "custom_filters.azure.plugin",
    "c7n_gcp.provider": "custom_filters.gcp.plugin",
}
SWITCH = "C7N_UNUSED_AUTOLOAD"
SITE = "site start-up file"
EXPLICIT = "explicit"

# What a plugin raises when it is broken, lacks a dependency, or meets a c7n it was not made for.
_BROKEN = (ImportError, AttributeError, NameError, TypeError, ValueError, LookupError, SyntaxError)


class PluginFinder:
    """Waits on `sys.meta_path` for the modules in `PLUGINS`; finds nothing itself.

    The one on `sys.meta_path` holds all state, so that this file may be loaded under both of its names.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.strict = False
        self.failures: dict[str, str] = {}
        self._resolving: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The other finders' spec for a module in `PLUGINS`, with a loader that loads the plugin after it."""
        if name not in PLUGINS or name in self._resolving:
            return None
        self._resolving.add(name)  # another finder may ask us in turn
        try:
            spec = self._resolve(name, path, target)
        finally:
            self._resolving.discard(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _LoaderThenPlugin(spec.loader, self)  # type: ignore[assignment]
        return spec

    def _resolve(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None

    def activate(self, module: str) -> None:
        """Load the plugin for a c7n `module` that has been executed.

        A broken plugin must not take policies down that do not use it: unless somebody asked for it with
        `load()`, the reason and the remedy are logged, and policies that do use it fail in Custodian's own
        words, on a filter that it does not know.
        """
        plugin = PLUGINS[module]
        try:
            _install_plugin(plugin)
        except _BROKEN as error:
            if getattr(error, "name", None) == plugin:
                return  # a release, or a Lambda archive, without that cloud
            self.failures[plugin] = _explain(plugin, error)
            if self.strict:
                raise
            import logging

            logging.getLogger("custodian.c7n_unused").error(self.failures[plugin])


class _LoaderThenPlugin:
    """Stands in for a module's loader for as long as it takes to execute the module."""

    def __init__(self, loader: Any, finder: PluginFinder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._finder.activate(module.__name__)


def install() -> None:
    """Called by the site start-up file: put the finder, unless the environment says C7N_UNUSED_AUTOLOAD=0."""
    if os.environ.get(SWITCH) != "0":
        _finder(SITE)


def load() -> None:
    """The explicit way, whatever the environment says; also when c7n has been imported already.

    Raises:
        ImportError, or another of a broken plugin's errors: at once, or where c7n is imported later.
    """
    finder = _finder(EXPLICIT)
    finder.strict = True
    for module in PLUGINS:
        if module in sys.modules:
            finder.activate(module)


def status() -> str:
    """How Custodian learns the vocabulary in this process: SITE, EXPLICIT, or a text beginning with `off`."""
    finder = _installed()
    if finder is not None:
        return finder.origin
    if os.environ.get(SWITCH) == "0":
        return f"off ({SWITCH}=0)"
    return "off (this Python reads no start-up file of c7n-unused: python -S, PYTHONPATH or pip --target)"


def failures() -> dict[str, str]:
    """Plugin module -> one sentence on why it did not load, for those that were tried and failed."""
    finder = _installed()
    return {} if finder is None else dict(finder.failures)


def _installed() -> PluginFinder | None:
    # By name: the finder may have come from this file's other name.
    found: Any = (finder for finder in sys.meta_path if type(finder).__name__ == PluginFinder.__name__)
    finder: PluginFinder | None = next(found, None)
    return finder


def _finder(origin: str) -> PluginFinder:
    finder = _installed()
    if finder is None:
        finder = PluginFinder(origin)
        sys.meta_path.insert(0, finder)
    return finder


def _install_plugin(plugin: str) -> None:
    from importlib import import_module

    module = import_module(plugin)
    if getattr(module.__spec__, "_initializing", False):
        return  # it is importing c7n itself, for a caller that installs it
    module.install()


def _explain(plugin: str, error: BaseException) -> str:
    package = sys.modules.get("custom_filters")
    where = ", ".join(getattr(package, "__path__", ())) or "nowhere"
    return (
        f"c7n-unused: {plugin} did not load ({error}), so policies that use its "
        f"filters and actions will fail. custom_filters was found at: {where}. Remedy: if that is another "
        f"package, take it off the path; else reinstall c7n-unused beside this c7n; or set {SWITCH}=0 to do "
        "without."
    )
