"""Single sign-on: where another identity provider signs users in, Google's own date is not enough.

https://cloud.google.com/identity/docs/reference/rest/v1/inboundSsoAssignments/list
"""

from __future__ import annotations

from typing import Any

from custom_filters.core.evidence import Unknown
from custom_filters.gcp.client import Api, Client, once, shared_client, shared_login

SOURCE = "single-sign-on"
ASSIGNMENTS = Api("cloudidentity", "v1", "inboundSsoAssignments", "cloud-identity.inboundsso.readonly")


def shared_sso_problem(manager: Any) -> Unknown | None:
    """Why lastLoginTime alone proves nothing, if SSO is in use; asked once a run.

    Which assignment holds for which user is not resolved: any of them makes it unknown for everybody.
    """
    customer, client = shared_login(manager).customer, shared_client(manager, ASSIGNMENTS)
    if not once(manager, ("gcp-sso",), lambda: uses_sso(client, customer)):
        return None
    return Unknown("users sign in through another identity provider: add `reports` to `evidence:`", SOURCE)


def uses_sso(client: Client, customer: str) -> bool:
    """Whether any organizational unit or group is sent to another identity provider."""
    assignments = client.items(
        "list", "inboundSsoAssignments", filter=f'customer=="customers/{customer}"', pageSize=100
    )
    return any(item.get("ssoMode") != "SSO_OFF" for item in assignments)
