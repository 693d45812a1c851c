"""App registrations and their directory extensions (Graph v1.0 "application", "extensionProperty").

What an app's extension holds on users can't be found any more once the app is deleted.
"""

from __future__ import annotations

import re
import uuid

from custom_filters.sandbox.azure.directory import Registration
from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad, matching, not_found
from custom_filters.sandbox.azure.tenant import READ_ALL, Route, Tenant

WRITE = [{"Application.ReadWrite.OwnedBy"}, {"Application.ReadWrite.All"}]
READ = [{"Application.Read.All"}, *WRITE, *READ_ALL]
MAX_PROPERTIES = 100  # of all directory objects together
TARGETS = frozenset({"User", "Group", "AdministrativeUnit", "Application", "Device", "Organization"})


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """The app registrations; $filter."""
    return _listed(tenant, call, "applications")


def create_app(tenant: Tenant, call: Call) -> Answer:
    """201; the name is all that is taken."""
    name = call.json().get("displayName")
    if not isinstance(name, str) or not name:
        raise bad("A value is required for property 'displayName'.", "Request_BadRequest")
    made = Registration(str(uuid.uuid4()), str(uuid.uuid4()), name)
    tenant.directory.apps[made.id] = made
    return Answer(201, {**call.context("applications/$entity"), **_app(made)})


def list_principals(tenant: Tenant, call: Call) -> Answer:
    """The service principals of the apps that have one, our own first; $filter."""
    return _listed(tenant, call, "servicePrincipals")


def create_principal(tenant: Tenant, call: Call) -> Answer:
    """201 for an app of this tenant that has none; 409 for one that has."""
    client = call.json().get("appId")
    for app in tenant.directory.apps.values():
        if app.client == client and not app.deleted:
            if app.principal:
                raise bad("The service principal is already there.", "Request_BadRequest")
            app.principal = str(uuid.uuid4())
            return Answer(201, {**call.context("servicePrincipals/$entity"), **_principal(app)})
    raise bad(f"The appId '{client}' of the service principal does not reference a valid application object.")


def list_properties(tenant: Tenant, call: Call, app: str) -> Answer:
    """The directory extensions of an app."""
    call.allow("$select", "$top", "$skiptoken")
    shown = list(_found(tenant, app).properties.values())
    return tenant.pages.page(call, shown, lambda item: item, f"applications('{app}')/extensionProperties")


def create_property(tenant: Tenant, call: Call, app: str) -> Answer:
    """201; a String on users is the one kind that takes values here."""
    owner, body = _found(tenant, app), call.json()
    name, kind, targets = body.get("name"), body.get("dataType"), body.get("targetObjects")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name):
        raise bad("Invalid value specified for property 'name'.", "Request_BadRequest")
    if kind != "String" or not isinstance(targets, list) or not targets or not TARGETS.issuperset(targets):
        raise bad("The sandbox takes dataType String and targetObjects such as User.", "Request_BadRequest")
    whole = f"extension_{owner.client.replace('-', '')}_{name}"
    if whole in owner.properties:
        raise bad("An extension property exists with the name that was given.", "ObjectConflict")
    if len(tenant.directory.properties()) >= MAX_PROPERTIES:
        raise bad("The quota of extension properties is exceeded.", "Request_BadRequest")
    shown: Json = {"id": str(uuid.uuid4()), "name": whole, "dataType": kind, "targetObjects": targets}
    shown |= {"appDisplayName": owner.name, "isSyncedFromOnPremises": False, "isMultiValued": False}
    owner.properties[whole] = shown
    context = call.context(f"applications('{app}')/extensionProperties/$entity")
    return Answer(201, {**context, **shown})


def _found(tenant: Tenant, app: str) -> Registration:
    found = tenant.directory.apps.get(app)
    if found is None or found.deleted:
        raise not_found(app)
    return found


def _listed(tenant: Tenant, call: Call, context: str) -> Answer:
    call.allow("$filter", "$select", "$top", "$skiptoken")
    show = _app if context == "applications" else _principal
    apps = [app for app in tenant.directory.apps.values() if not app.deleted]
    found = matching(call, [a for a in apps if show is _app or a.principal], show)
    return tenant.pages.page(call, found, show, context)


def _app(app: Registration) -> Json:
    return {"id": app.id, "appId": app.client, "displayName": app.name, "signInAudience": "AzureADMyOrg"}


def _principal(app: Registration) -> Json:
    ids: Json = {"id": app.principal, "appId": app.client, "displayName": app.name}
    return {**ids, "servicePrincipalType": "Application", "accountEnabled": True}


ROUTES = [
    Route("GET", "/applications", list_apps, READ),
    Route("POST", "/applications", create_app, WRITE),
    Route("GET", "/applications/<app>/extensionProperties", list_properties, READ),
    Route("POST", "/applications/<app>/extensionProperties", create_property, WRITE),
    Route("GET", "/servicePrincipals", list_principals, READ),
    Route("POST", "/servicePrincipals", create_principal, WRITE),
]
