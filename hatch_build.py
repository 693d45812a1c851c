"""Build hook: what the wheel, and an editable install, put at the root of site-packages.

Hatchling's own `force-include` moves a file, and `custom_filters/autoload.py` is needed in both places.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# A .pth is read by every Python in the environment: it names no module but ours, and no package that somebody
# else could have on PYTHONPATH.
PTH = (
    'import os; os.environ.get("C7N_UNUSED_AUTOLOAD") == "0" '
    'or __import__("_c7n_unused_autoload").install()\n'
)
# PEP 829: Python 3.15 and later run this in place of the .pth; older ones do not look at it.
PEP_829 = "_c7n_unused_autoload:install\n"

#: What `c7n-unused init` writes besides policies: name in custom_filters/start/ -> path in the checkout.
START = {"unused.yml": ".github/workflows/unused.yml", "constraints.txt": "constraints.txt"}


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the start-up module and the two files that name it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(Path(self.root, "custom_filters", "autoload.py"), self.folder / "_c7n_unused_autoload.py")
        (self.folder / "c7n_unused.pth").write_text(PTH, encoding="utf-8")
        (self.folder / "c7n_unused.start").write_text(PEP_829, encoding="utf-8")
        build_data["force_include"].update({str(path): path.name for path in self.folder.iterdir()})
        if version != "editable":
            starts = {
                f"{self.root}/{source}": f"custom_filters/start/{name}" for name, source in START.items()
            }
            build_data["force_include"].update(starts)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self.folder)
