from __future__ import annotations

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.custodian.clock import refuse_moved_clock
from tests.azure.conftest import Tenant

GRAPH = "https://graph.microsoft.com"
ELSEWHERE = {
    "no sandbox": {"C7N_UNUSED_SANDBOX": ""},
    "a sandbox on another machine": {"C7N_UNUSED_SANDBOX": "http://192.0.2.1:80"},
    "nobody answers": {"C7N_UNUSED_SANDBOX": "http://127.0.0.1:1"},
    "no proxy": {"HTTPS_PROXY": "", "https_proxy": ""},
    "a proxy on another machine": {"https_proxy": "http://192.0.2.1:3128"},
    "another proxy on this one": {"https_proxy": "http://127.0.0.1:3128"},
    "around the proxy": {"no_proxy": "graph.microsoft.com"},
}


def test_the_sandbox_may_move_the_clock(tenant: Tenant) -> None:
    refuse_moved_clock(GRAPH)


@pytest.mark.parametrize("environment", ELSEWHERE.values(), ids=ELSEWHERE)
def test_nothing_else_may(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PolicyExecutionError, match="is not the sandbox; unset it: nothing was changed"):
        refuse_moved_clock(GRAPH)
