"""What a run needs of Google, the least there is: OAuth scopes, admin privileges, IAM roles and APIs."""

from __future__ import annotations

from custom_filters.core.doctor_check import Need, lines_of
from custom_filters.gcp import directory, recent_use, roles, schema, usage_reports
from custom_filters.gcp.client import Api
from custom_filters.gcp.directory import USERS_READ, USERS_WRITE


def _scope(api: Api, purpose: str, *, optional: bool = False) -> Need:
    return Need(api.scopes[0], purpose, optional)


REPORT_SCOPES = (
    _scope(USERS_READ, "users with the date of their last sign-in"),
    _scope(
        schema.SCHEMAS_READ,
        "whether the custom schema for our marks is there; without it reports show no marks",
        optional=True,
    ),
    _scope(usage_reports.USAGE, "`evidence: [reports]`: single sign-on, mail and Drive"),
)
#: Only where a policy does without `reports`.
SSO_SCOPE = _scope(directory.SSO, "only for `evidence: [last-login]`: whether there is single sign-on")
ENFORCE_SCOPES = (
    _scope(USERS_WRITE, "marks and restore records, suspending, bringing back"),
    _scope(roles.ASSIGNMENTS, "who is an administrator, so as to leave them alone"),
    _scope(roles.MEMBERS, "who is one by a group"),
    _scope(
        recent_use.ACTIVITIES,
        "log-ins and tokens since the mark; without it users are suspended unchecked in the last hours, "
        "unless `recent: required`",
        optional=True,
    ),
)
SETUP_SCOPE = _scope(schema.SCHEMAS_WRITE, "only for `c7n-unused setup -p gcp`; can be withdrawn after it")

REPORT_PRIVILEGES = (
    Need("Users > Read", "list users"),
    Need("Schema management > Schema read", "see the custom schema"),
    Need("Reports", "usage reports"),
)
ENFORCE_PRIVILEGES = (
    Need("Users > Update", "marks in the custom schema; suspend users and bring them back"),
    Need("Groups > Read", "members of groups that hold roles"),
    Need("super administrator", "reading role assignments takes one, as does suspending administrators"),
)

_WITHOUT = "without it none is known to be"
REPORT_PERMISSIONS = (
    Need("iam.serviceAccounts.list", "service accounts"),
    Need("iam.serviceAccountKeys.list", "their keys"),
    Need("resourcemanager.projects.getIamPolicy", f"which are privileged; {_WITHOUT} touched", optional=True),
    Need(
        "policyanalyzer.serviceAccountLastAuthenticationActivities.query",
        f"last use of accounts; {_WITHOUT} unused",
        optional=True,
    ),
    Need(
        "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
        f"last use of keys; {_WITHOUT} unused",
        optional=True,
    ),
    Need("monitoring.timeSeries.list", f"use in the last six weeks; {_WITHOUT} unused", optional=True),
    Need("storage.hmacKeys.list", f"HMAC keys of accounts; {_WITHOUT} unused", optional=True),
    Need("apikeys.keys.list", f"API keys bound to accounts; {_WITHOUT} unused", optional=True),
)
ENFORCE_PERMISSIONS = (
    Need("iam.serviceAccounts.get", "a fresh look"),
    Need("iam.serviceAccountKeys.get", "a fresh look"),
    Need("iam.serviceAccounts.update", "marks and restore records, in the description"),
    Need("iam.serviceAccounts.disable", "disable accounts"),
    Need("iam.serviceAccounts.enable", "enable them again"),
    Need("iam.serviceAccountKeys.disable", "disable keys"),
    Need("iam.serviceAccountKeys.enable", "enable them again"),
)

PEOPLE_APIS = ("admin.googleapis.com",)
PROJECT_APIS = (
    "apikeys.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "monitoring.googleapis.com",
    "policyanalyzer.googleapis.com",
    "storage.googleapis.com",
)


def scopes(*, enforce: bool) -> tuple[Need, ...]:
    """The scopes to delegate to the service account."""
    return REPORT_SCOPES + (ENFORCE_SCOPES if enforce else ())


def iam_permissions(*, enforce: bool) -> tuple[Need, ...]:
    """The IAM permissions in each project."""
    return REPORT_PERMISSIONS + (ENFORCE_PERMISSIONS if enforce else ())


def document(enforce: bool) -> str:
    """The lists for people, with the scopes in the form that the Admin console takes."""
    wanted = scopes(enforce=enforce)
    more = (SSO_SCOPE, *((SETUP_SCOPE,) if enforce else ()))
    privileges = REPORT_PRIVILEGES + (ENFORCE_PRIVILEGES if enforce else ())
    parts = [
        "OAuth scopes, delegated to the service account's client id (domain-wide delegation):",
        *lines_of([*wanted, *more], "  "),
        "",
        "In one line, as the Admin console takes them:",
        "  " + ",".join(need.name for need in wanted),
        "Privileges of the user in GOOGLE_WORKSPACE_SUBJECT:",
        *lines_of(privileges, "  "),
        "",
        "IAM permissions of the service account in each project:",
        *lines_of(iam_permissions(enforce=enforce), "  "),
        "",
        f"APIs enabled in the service account's project, the last {len(PROJECT_APIS)} in each project too:",
        *(f"  {name}" for name in PEOPLE_APIS + PROJECT_APIS),
    ]
    return "\n".join(parts) + "\n"
