"""A project's service accounts and their user-managed keys, listed once for all policies of a run.

https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts: at most 100 a page; keys come by
account. Custodian's own listing of them takes an API that is not enabled for an empty project, and its cache
does not know projects apart, so policies with our filters and actions list here (`take_over`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from c7n.cache import NullCache
from c7n.exceptions import PolicyExecutionError

from custom_filters.core.evidence import Unknown
from custom_filters.custodian.calls import record_account
from custom_filters.custodian.parallel import for_each
from custom_filters.gcp.client import (
    Api,
    Client,
    Json,
    forget_once,
    found_or_none,
    once,
    once_or_unknown,
    project_of,
    shared_client,
    tell_once,
)
from custom_filters.gcp.errors import GoogleError, documented

ACCOUNTS = Api("iam", "v1", "projects.serviceAccounts")
KEYS = Api("iam", "v1", "projects.serviceAccounts.keys")
POLICIES = Api("cloudresourcemanager", "v1", "projects")
#: Where a key's resource holds its account, as in Custodian's own listing.
PARENT = "c7n:service-account"
#: Why the keys of an account are not known, on the one resource that stands for them.
UNREAD = "c7n:unread"
_PAGE = 100


def take_over(manager: Any) -> None:
    """Have this policy's resources come from our listing: complete or an error, and never from a cache."""
    manager._cache = NullCache(manager.config)
    manager._fetch_resources = partial(_fetch, manager)


def _fetch(manager: Any, query: Any) -> list[Json]:
    """Each policy gets dicts of its own, so that annotations stay apart."""
    if query:
        raise PolicyExecutionError(f"gcp.{manager.type} takes no `query:` with our filters; remove it")
    record_account(manager, project_of(manager))
    found = shared_keys(manager) if manager.type == "service-account-key" else shared_accounts(manager)
    return [dict(resource) for resource in found]


def shared_accounts(manager: Any) -> tuple[Json, ...]:
    """The project's service accounts, read once a run."""
    client, project = shared_client(manager, ACCOUNTS), project_of(manager)
    return once(manager, ("gcp-accounts", project), lambda: get_accounts(client, project))


def shared_keys(manager: Any) -> tuple[Json, ...]:
    """The user-managed keys of the project's service accounts, read once a run, each with its account."""
    accounts, client = shared_accounts(manager), shared_client(manager, KEYS)
    keys = once(manager, ("gcp-keys", project_of(manager)), lambda: get_keys(client, accounts))
    unread = [key[UNREAD] for key in keys if UNREAD in key]
    if unread:
        tell_once(manager, f"service accounts whose keys are not known: {len(unread)}", unread[0])
    return keys


def forget_accounts(manager: Any) -> None:
    """Have the next policy list again: accounts or keys were marked or changed."""
    for what in ("gcp-accounts", "gcp-keys"):
        forget_once(manager, what, project_of(manager))


def get_accounts(client: Client, project: str) -> tuple[Json, ...]:
    """Every service account of a project."""
    return tuple(client.items("list", "accounts", name=f"projects/{project}", pageSize=_PAGE))


def get_keys(client: Client, accounts: Iterable[Json]) -> tuple[Json, ...]:
    """User-managed keys of these accounts; an account that was deleted meanwhile has none.

    Where Google refuses to list those of an account, one resource with UNREAD stands for them; refused for
    every account it is an error.
    """
    found = for_each(lambda account: _keys_or_refusal(client, account), accounts)
    refused = [answer for answer in found if isinstance(answer, GoogleError)]
    if refused and len(refused) == len(found):
        raise refused[0]
    listed = zip(accounts, found, strict=True)
    return tuple(key for account, answer in listed for key in _with_unread(account, answer))


def _keys_or_refusal(client: Client, account: Json) -> list[Json] | GoogleError:
    try:
        return get_keys_of(client, account)
    except GoogleError as error:
        if not error.refused:
            raise
        return error


def _with_unread(account: Json, answer: list[Json] | GoogleError) -> list[Json]:
    if not isinstance(answer, GoogleError):
        return answer
    reason = f"the account's keys could not be listed: {answer}"
    return [{"name": f"{account['name']}/keys/not-listed", UNREAD: reason, PARENT: account}]


def get_keys_of(client: Client, account: Json) -> list[Json]:
    """User-managed keys of one account."""
    answer = found_or_none(lambda: client.call("list", name=account["name"], keyTypes=["USER_MANAGED"]))
    return [{**key, PARENT: account} for key in (answer or {}).get("keys", ())]


def get_account(client: Client, name: str) -> Json | None:
    """One service account by its resource name, as it is now; None when it is gone."""
    return found_or_none(lambda: client.call("get", name=name))


def shared_roles(manager: Any) -> Mapping[str, frozenset[str]] | Unknown:
    """The roles of every service account in the project's own IAM policy, read once a run."""
    client, project = shared_client(manager, POLICIES), project_of(manager)
    key = ("gcp-roles", project)
    return once_or_unknown(manager, "the project's IAM policy", key, lambda: get_roles(client, project))


def get_roles(client: Client, project: str) -> dict[str, frozenset[str]]:
    """Roles by the service account's address; those that a folder or the organisation gives are not seen."""
    found: dict[str, frozenset[str]] = {}
    options = {"options": {"requestedPolicyVersion": 3}}
    policy = client.call("getIamPolicy", resource=project, body=options)
    with documented("projects.getIamPolicy"):
        for binding in policy.get("bindings", ()):
            for member in binding.get("members", ()):
                kind, _, email = member.partition(":")
                if kind == "serviceAccount":
                    found[email] = found.get(email, frozenset()) | {binding["role"]}
    return found
