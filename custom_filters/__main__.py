"""`python -m custom_filters ARGS...`: the `c7n-unused` command where its script is not on PATH."""

from __future__ import annotations

import sys

from custom_filters.runner.main import main

if __name__ == "__main__":
    sys.exit(main())
