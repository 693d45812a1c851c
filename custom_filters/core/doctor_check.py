"""What `c7n-unused doctor` asks a cloud: is everything there that a run needs?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that a run needs: `name` it, say whether it is there (`ok`) and what was seen (`detail`).

    `remedy` is one sentence on what to do; it is shown only when the check is not ok.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
