"""Whose identities a policy has read, recorded in its metadata.json."""

from __future__ import annotations

from typing import Any


def record_account(manager: Any, account: str) -> None:
    """Have metadata.json name the account, so that reports know what was evaluated, findings or not.

    Custodian itself writes it for AWS only, and c7n-org writes the project or subscription also where the
    whole customer or tenant was read.
    """
    manager.ctx.options = manager.ctx.options.copy(account_id=account)
