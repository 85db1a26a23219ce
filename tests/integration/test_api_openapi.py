"""The documents that describe our APIs: valid, complete, and in agreement with the contract."""

from __future__ import annotations

import re
from typing import Any, get_type_hints

import msgspec
import pytest
from click.testing import CliRunner
from falcon import testing
from openapi_spec_validator import OpenAPIV31SpecValidator

from flamenco.api.app import create_app
from flamenco.api.openapi import document
from flamenco.api.operation import operation_of
from flamenco.api.routes import SURFACES
from flamenco.cli import main
from flamenco.farm.context import Farm
from tests.contract import reading

EVERY_SURFACE = pytest.mark.parametrize("name", SURFACES)

PROMISED: dict[str, Any] = reading.read(reading.V3)
V3 = document(SURFACES["v3"])


def operation_ids(described: dict[str, Any]) -> set[str]:
    """The operations of a document."""
    return {operation["operationId"] for _, _, operation in reading.operations(described)}


@EVERY_SURFACE
def test_document_is_valid(name: str) -> None:
    """What we say about our APIs is OpenAPI."""
    OpenAPIV31SpecValidator(document(SURFACES[name])).validate()


@EVERY_SURFACE
def test_every_responder_is_described(name: str) -> None:
    """No responder is without a declaration, and no name is used twice."""
    described = document(SURFACES[name])
    responders = [
        (path, method)
        for path, resource in SURFACES[name].routes.items()
        for method in ("get", "put", "post", "delete", "patch")
        if hasattr(resource, f"on_{method}")
    ]
    assert all(operation_of(SURFACES[name].routes[path], method) for path, method in responders)
    assert len(responders) == len(operation_ids(described))


@EVERY_SURFACE
def test_responders_take_what_is_declared(name: str) -> None:
    """What is decoded for an operation is an argument of its responder, of the type that the operation declares."""
    for resource in SURFACES[name].routes.values():
        for method in ("get", "put", "post", "delete", "patch"):
            if not (declared := operation_of(resource, method)):
                continue
            taken = get_type_hints(getattr(resource, f"on_{method}"), include_extras=True)
            body = bytes if declared.media else declared.body
            for argument, kind in (("body", body), ("query", declared.query), ("headers", declared.headers)):
                assert (argument in taken) == (kind is not None), declared.id
                if kind is not None:
                    expected = kind | None if declared.optional_body else kind
                    assert taken[argument] == expected or issubclass(kind, taken[argument]), declared.id


@EVERY_SURFACE
def test_document_is_served_and_printed(farm: Farm, name: str) -> None:
    """The manager serves the document, and the command line prints the same."""
    served = testing.TestClient(create_app(farm)).simulate_get(SURFACES[name].document).json
    printed = CliRunner().invoke(main, ["openapi", name])
    assert printed.exit_code == 0
    assert served == msgspec.json.decode(printed.output)
    together = CliRunner().invoke(main, ["openapi"])
    assert msgspec.json.decode(together.output)[name] == served


def test_v1_has_what_the_contract_has() -> None:
    """Every path, method, operation, documented status, body and authentication of the contract is in our document."""
    ours = {(path, method): each for path, method, each in reading.operations(document(SURFACES["v1"]))}
    theirs = {(path, method): each for path, method, each in reading.operations(reading.read())}
    assert ours.keys() == theirs.keys()
    for where, described in theirs.items():
        assert ours[where]["operationId"] == described["operationId"]
        assert ours[where]["responses"].keys() >= {str(status) for status in described["responses"]}
        assert ("requestBody" in ours[where]) == ("requestBody" in described)
        assert ours[where].get("security") == described.get("security")


def test_v1_schemas_are_the_contracts() -> None:
    """Each schema has the contract's properties and no others, requires what it requires, and knows its words."""
    ours = document(SURFACES["v1"])["components"]["schemas"]
    theirs = reading.read()["components"]["schemas"]
    # These have no Struct of their own: they are plain maps, an error like any other, or a Struct made of two.
    different = {"JobSettings", "JobMetadata", "SecurityError", "Job", "SubmittedJob", "RegisteredWorker"}
    assert ours.keys() >= theirs.keys() - {"JobSettings", "JobMetadata", "SecurityError"}
    for name in theirs.keys() - different:
        assert ours[name].get("properties", {}).keys() == theirs[name].get("properties", {}).keys(), name
        assert set(ours[name].get("required", ())) == set(theirs[name].get("required", ())), name
        assert set(ours[name].get("enum", ())) == set(theirs[name].get("enum", ())), name
    registered = theirs["RegisteredWorker"]
    assert set(ours["RegisteredWorker"]["required"]) == set(registered["required"])
    assert ours["RegisteredWorker"]["properties"].keys() == registered["properties"].keys() | {"current_task"}
    submitted = theirs["SubmittedJob"]
    assert ours["SubmittedJob"]["properties"].keys() == submitted["properties"].keys()
    assert set(ours["SubmittedJob"]["required"]) == set(submitted["required"]) - {"priority"}
    added = theirs["Job"]["allOf"][1]["properties"]
    assert ours["Job"]["properties"].keys() == submitted["properties"].keys() | added.keys()


def test_v3_has_what_todays_protocol_has() -> None:
    """Every operation of today's protocol, with its path, method, parameters, statuses and authentication."""
    described = {each["operationId"]: (path, method, each) for path, method, each in reading.operations(V3)}
    assert described.keys() == PROMISED["operations"].keys()
    for name, promised in PROMISED["operations"].items():
        path, method, operation = described[name]
        assert (path, method) == ("/api/v3" + promised["path"], promised["method"]), name
        assert ("security" in operation) == promised.get("auth", False), name
        places = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert places == set(re.findall(r"{(\w+)}", path)), name
        # Nothing is promised to be there for ever when it goes wrong in a way that any request can.
        assert operation["responses"].keys() >= {str(each) for each in promised["statuses"] if each not in (400, 503)}
    (headers,) = [each for each in described["shamanFileStore"][2]["parameters"] if each["name"].startswith("X-")][:1]
    assert (headers["in"], headers["required"]) == ("header", False)


def test_v3_schemas_are_those_of_todays_protocol() -> None:
    """Each schema requires what it should, has all other properties, and knows the words it should and no others."""
    ours = V3["components"]["schemas"]
    for name, promised in PROMISED["schemas"].items():
        # Settings and metadata of a job are always sent; nothing else is promised beyond what clients know.
        always = {"settings", "metadata"} if name == "Job" else set()
        assert set(ours[name].get("required", ())) == set(promised["required"]) | always, name
        assert ours[name]["properties"].keys() >= {*promised["required"], *promised["optional"]}, name
    for name, words in PROMISED["enums"].items():
        assert set(ours[name]["enum"]) == set(words), name


@EVERY_SURFACE
def test_parameters_fit_into_a_request(name: str) -> None:
    """Every text in a path or a query has a length, and every list a number of entries, that arrives."""
    for _, _, operation in reading.operations(document(SURFACES[name])):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            where = (operation["operationId"], parameter["name"])
            if schema.get("type") == "array":
                assert schema["maxItems"] <= 100, where
                schema = schema["items"]
            is_text = schema.get("type") == "string" and not {"format", "enum"} & schema.keys()
            if is_text and parameter["in"] != "header":
                assert schema.get("maxLength", 10_000) <= 2_000 or "{64}" in schema["pattern"], where


def test_limits_are_documented() -> None:
    """What is refused for its size or its characters can be read in the document."""
    schemas = document(SURFACES["v1"])["components"]["schemas"]
    priority = schemas["SubmittedJob"]["properties"]["priority"]
    assert (priority["minimum"], priority["maximum"], priority["default"]) == (-(2**31), 2**31 - 1, 50)
    assert schemas["SubmittedJob"]["properties"]["name"]["pattern"] == "^[^\\u0000]*$"
