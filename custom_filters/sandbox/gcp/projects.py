"""Cloud Resource Manager v1 and v3 (projects) and Service Usage v1 (which APIs are enabled)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError
from custom_filters.sandbox.gcp.iam import found_project
from custom_filters.sandbox.gcp.people import Project

SERVICES = {
    "admin.googleapis.com": "Admin SDK API",
    "cloudidentity.googleapis.com": "Cloud Identity API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    "monitoring.googleapis.com": "Cloud Monitoring API",
    "policyanalyzer.googleapis.com": "Policy Analyzer API",
    "serviceusage.googleapis.com": "Service Usage API",
}


def projects_get(call: Call) -> dict[str, Any]:
    """projects.get; v1 and v3 have different shapes."""
    key = call.params.get("projectId") or call.params["name"].partition("/")[2]
    project = found_project(call, key, "resourcemanager.projects.get")
    if call.method.version == "v3":
        return {
            "name": f"projects/{project.number}",
            "projectId": project.id,
            "displayName": project.id,
            "state": "ACTIVE",
            "createTime": rfc3339(project.created),
            "etag": 'W/"1"',
        }
    return {
        "projectId": project.id,
        "projectNumber": project.number,
        "name": project.id,
        "lifecycleState": "ACTIVE",
        "createTime": rfc3339(project.created),
    }


def projects_get_iam_policy(call: Call) -> dict[str, Any]:
    """projects.getIamPolicy."""
    key = call.params["resource"].removeprefix("projects/")
    project = found_project(call, key, "resourcemanager.projects.getIamPolicy")
    bindings = [{"role": role, "members": list(members)} for role, members in project.bindings.items()]
    return {"version": 1, "etag": "BwXhqDVQfQI=", "bindings": bindings}


def projects_test_permissions(call: Call) -> dict[str, Any]:
    """projects.testIamPermissions: what the caller has of what it asks for; asking needs no permission."""
    key = call.params["resource"].removeprefix("projects/")
    if call.state.project(key) is None:
        raise ApiError(403, "The caller does not have permission")
    held = [name for name in call.body.get("permissions") or () if call.granted(name)]
    return {"permissions": held} if held else {}


def services_list(call: Call) -> dict[str, Any]:
    """services.list: 50 a page, at most 200."""
    project = found_project(call, call.params["parent"].partition("/")[2], "serviceusage.services.list")
    wanted = call.params.get("filter", "")
    if wanted not in ("", "state:ENABLED", "state:DISABLED"):
        raise ApiError(400, f"Invalid filter: {wanted}")
    size = call.params.get("pageSize") or 50
    if size > 200:
        raise ApiError(400, "The page size must not exceed 200.")
    services = [_service(call, project, name) for name in SERVICES]
    services = [s for s in services if wanted in ("", f"state:{s['state']}")]
    part, more = call.page(lambda: services, size)
    return ({"services": list(part)} if part else {}) | more


def services_get(call: Call) -> dict[str, Any]:
    """services.get."""
    _, key, _, name = call.params["name"].split("/")
    project = found_project(call, key, "serviceusage.services.get")
    if name not in SERVICES:
        raise ApiError(404, f"Service {name} not found.")
    return _service(call, project, name)


def _service(call: Call, project: Project, name: str) -> dict[str, Any]:
    return {
        "name": f"projects/{project.number}/services/{name}",
        "parent": f"projects/{project.number}",
        "config": {"name": name, "title": SERVICES[name]},
        "state": "DISABLED" if name in call.faults.listed("disabled") else "ENABLED",
    }


HANDLERS: Mapping[str, Handler] = {
    "cloudresourcemanager.projects.get": projects_get,
    "cloudresourcemanager.projects.getIamPolicy": projects_get_iam_policy,
    "cloudresourcemanager.projects.testIamPermissions": projects_test_permissions,
    "serviceusage.services.list": services_list,
    "serviceusage.services.get": services_get,
}
