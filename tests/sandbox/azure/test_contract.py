"""Answers against contracts that we did not write: msgraph-sdk, and the Graph subset where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kiota_abstractions.serialization import Parsable
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph.generated.models.application_collection_response import ApplicationCollectionResponse
from msgraph.generated.models.directory_audit_collection_response import DirectoryAuditCollectionResponse
from msgraph.generated.models.directory_object_collection_response import DirectoryObjectCollectionResponse
from msgraph.generated.models.extension_property_collection_response import (
    ExtensionPropertyCollectionResponse,
)
from msgraph.generated.models.group_collection_response import GroupCollectionResponse
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.open_type_extension import OpenTypeExtension
from msgraph.generated.models.service_principal_collection_response import ServicePrincipalCollectionResponse
from msgraph.generated.models.sign_in_collection_response import SignInCollectionResponse
from msgraph.generated.models.unified_role_assignment_collection_response import (
    UnifiedRoleAssignmentCollectionResponse,
)
from msgraph.generated.models.unified_role_definition_collection_response import (
    UnifiedRoleDefinitionCollectionResponse,
)
from msgraph.generated.models.unified_role_eligibility_schedule_collection_response import (
    UnifiedRoleEligibilityScheduleCollectionResponse,
)
from msgraph.generated.models.user import User
from msgraph.generated.models.user_collection_response import UserCollectionResponse
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from werkzeug.test import TestResponse

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.users import KNOWN
from tests.sandbox.azure.conftest import Graph

CONTRACT = Path(__file__).parents[4] / "shared" / "contracts" / "graph-subset.yaml"
EVERYTHING = f"/users?$select={','.join(sorted(KNOWN))}"
MANAGED = "/roleManagement/directory"
IDLE = "/users/idle@contoso.example"
MODELS: dict[str, type[Any]] = {
    EVERYTHING: UserCollectionResponse,
    "/users?$select=id&$expand=extensions": UserCollectionResponse,
    IDLE: User,
    f"{IDLE}/manager": User,
    "/users/exempt-by-group-idle@contoso.example/transitiveMemberOf": DirectoryObjectCollectionResponse,
    "/users/guest-idle_partner.example%23EXT%23@contoso.example/sponsors": DirectoryObjectCollectionResponse,
    "/groups": GroupCollectionResponse,
    f"{MANAGED}/roleAssignments": UnifiedRoleAssignmentCollectionResponse,
    f"{MANAGED}/roleEligibilitySchedules": UnifiedRoleEligibilityScheduleCollectionResponse,
    f"{MANAGED}/roleDefinitions": UnifiedRoleDefinitionCollectionResponse,
    "/applications": ApplicationCollectionResponse,
    "/servicePrincipals": ServicePrincipalCollectionResponse,
    "/applications/APP/extensionProperties": ExtensionPropertyCollectionResponse,
    "/auditLogs/signIns": SignInCollectionResponse,
    "/auditLogs/directoryAudits": DirectoryAuditCollectionResponse,
}


@pytest.fixture
def marked(cloud: AzureCloud, graph: Graph) -> Graph:
    cloud.extensions("idle@contoso.example")["com.example.mark"] = {"text": "due"}
    cloud.hand("disable", "active@contoso.example")
    body = {"name": "record", "dataType": "String", "targetObjects": ["User"]}
    assert graph("POST", f"/applications/{own(cloud)}/extensionProperties", body).status_code == 201
    return graph


def own(cloud: AzureCloud) -> str:
    """The object id of our own app registration."""
    return next(iter(cloud.tenant.directory.apps))


def losses(sent: object, read: object, path: str = "") -> Iterator[str]:
    """What a model did not take over from the JSON; annotations and nulls are not data."""
    if isinstance(sent, dict):
        for key, value in sent.items():
            if "@odata" not in key and value is not None:
                got = read.get(key) if isinstance(read, dict) else None
                yield from losses(value, got, f"{path}/{key}")
    elif isinstance(sent, list):
        pairs = zip(sent, read if isinstance(read, list) else [None] * len(sent), strict=True)
        for number, (one, other) in enumerate(pairs):
            yield from losses(one, other, f"{path}/{number}")
    elif read is None:
        yield path


def strangers(model: object) -> Iterator[str]:
    """Properties, at any depth, that a model has no name for."""
    for entry in model if isinstance(model, list) else [model]:
        if not isinstance(entry, OpenTypeExtension):
            yield from (
                name for name in getattr(entry, "additional_data", None) or {} if "@odata" not in name
            )
        for name, value in getattr(entry, "__dict__", {}).items():
            if name not in {"additional_data", "backing_store"} and isinstance(value, (list, Parsable)):
                yield from strangers(value)


def parsed(model: type[Any], response: TestResponse) -> Any:
    return (
        JsonParseNodeFactory().get_root_parse_node("application/json", response.data).get_object_value(model)
    )


def written(model: Any) -> Any:
    writer = JsonSerializationWriter()
    writer.write_object_value(None, model)
    content = writer.get_serialized_content()
    return yaml.safe_load(content)


@pytest.mark.parametrize("path", MODELS)
def test_msgraph_sdk_reads_every_property(marked: Graph, path: str) -> None:
    response = marked("GET", path.replace("APP", own(marked.cloud)))
    assert response.status_code == 200, response.text
    assert response.get_json().get("value") != []
    model = parsed(MODELS[path], response)
    assert list(strangers(model)) == []
    assert list(losses(response.get_json(), written(model))) == []


def test_msgraph_sdk_reads_errors(graph: Graph) -> None:
    response = graph("GET", "/users/nobody", client_request_id="00000000-0000-0000-0000-000000000001")
    error = parsed(ODataError, response).error
    assert error.code == "Request_ResourceNotFound"
    assert error.inner_error.client_request_id == "00000000-0000-0000-0000-000000000001"
    assert error.inner_error.request_id == response.headers["request-id"]
    assert error.inner_error.date is not None


def valid(component: str, body: object) -> None:
    contract = yaml.safe_load(CONTRACT.read_text())
    registry = Registry().with_resource("contract:", Resource.from_contents(contract, DRAFT4))
    schema = {"$ref": f"contract:#/components/schemas/{component}"}
    OAS30Validator(schema, registry=registry).validate(body)


@pytest.mark.skipif(not CONTRACT.exists(), reason="the contract file lies beside the repository, not in it")
def test_the_graph_subset_agrees(marked: Graph) -> None:
    valid("userCollectionResponse", marked.get(EVERYTHING))
    valid("userCollectionResponse", marked.get("/users?$select=id&$expand=extensions&$top=999"))
    valid("microsoft.graph.user", marked.get(IDLE))
    valid("microsoft.graph.ODataErrors.ODataError", marked("GET", "/users/nobody").get_json())
    requests = [{"id": "1", "method": "GET", "url": "/users"}, {"id": "2", "method": "GET", "url": "/nope"}]
    valid("batchResponse", marked("POST", "/$batch", {"requests": requests}).get_json())
