"""App registrations and their directory extensions (Graph v1.0 "application", "extensionProperty").

What an app's extension holds on users can't be found any more once the app is deleted.
"""

from __future__ import annotations

import re
import uuid

from custom_filters.sandbox.azure.directory import Registration
from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad, not_found
from custom_filters.sandbox.azure.tenant import READ_ALL, Route, Tenant, one_of

WRITE = one_of("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All")
READ = [*one_of("Application.Read.All"), *WRITE, *READ_ALL]
MAX_PROPERTIES = 100  # of all directory objects together


def list_apps(tenant: Tenant, call: Call) -> Answer:
    return tenant.answer_list(call, tenant.directory.registrations(), _app)


def create_app(tenant: Tenant, call: Call) -> Answer:
    """201; the name is all that is taken."""
    made = Registration(str(uuid.uuid4()), str(uuid.uuid4()), str(call.json()["displayName"]))
    tenant.directory.apps[made.id] = made
    return Answer(201, {**call.context("applications/$entity"), **_app(made)})


def list_principals(tenant: Tenant, call: Call) -> Answer:
    """The service principals of the apps that have one, our own first."""
    apps = [app for app in tenant.directory.registrations() if app.principal]
    return tenant.answer_list(call, apps, _principal)


def create_principal(tenant: Tenant, call: Call) -> Answer:
    """201 for an app of this tenant that has none."""
    client = call.json().get("appId")
    for app in tenant.directory.registrations():
        if app.client == client and not app.principal:
            app.principal = str(uuid.uuid4())
            return Answer(201, {**call.context("servicePrincipals/$entity"), **_principal(app)})
    raise bad(f"The appId '{client}' of the service principal does not reference a valid application object.")


def list_properties(tenant: Tenant, call: Call, app: str) -> Answer:
    return tenant.answer_list(call, list(_found(tenant, app).properties.values()), dict)


def create_property(tenant: Tenant, call: Call, app: str) -> Answer:
    """201; a String on users is the one kind that is emulated."""
    owner, body = _found(tenant, app), call.json()
    name = str(body.get("name"))
    if not re.fullmatch(r"[A-Za-z]\w*", name):
        raise bad("Invalid value specified for property 'name'.", "Request_BadRequest")
    if (body.get("dataType"), body.get("targetObjects")) != ("String", ["User"]):
        raise bad("The sandbox takes dataType String and targetObjects User.", "Request_BadRequest")
    whole = f"extension_{owner.client.replace('-', '')}_{name}"
    if whole in owner.properties:
        raise bad("An extension property exists with the name that was given.", "ObjectConflict")
    if len(tenant.directory.properties()) >= MAX_PROPERTIES:
        raise bad("The quota of extension properties is exceeded.", "Request_BadRequest")
    shown: Json = {"id": str(uuid.uuid4()), "name": whole, "dataType": "String", "targetObjects": ["User"]}
    owner.properties[whole] = shown
    return Answer(201, {**call.context(f"applications('{app}')/extensionProperties/$entity"), **shown})


def _found(tenant: Tenant, app: str) -> Registration:
    found = tenant.directory.apps.get(app)
    if found is None or found.deleted:
        raise not_found(app)
    return found


def _app(app: Registration) -> Json:
    return {"id": app.id, "appId": app.client, "displayName": app.name, "signInAudience": "AzureADMyOrg"}


def _principal(app: Registration) -> Json:
    return {"id": app.principal, "appId": app.client, "displayName": app.name, "accountEnabled": True}


ROUTES = [
    Route("GET", "/applications", list_apps, READ),
    Route("POST", "/applications", create_app, WRITE),
    Route("GET", "/applications/<app>/extensionProperties", list_properties, READ),
    Route("POST", "/applications/<app>/extensionProperties", create_property, WRITE),
    Route("GET", "/servicePrincipals", list_principals, READ),
    Route("POST", "/servicePrincipals", create_principal, WRITE),
]
