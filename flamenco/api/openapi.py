"""The OpenAPI document of a surface, made of the route table, the operations' declarations and the Structs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import falcon
import msgspec
from msgspec import Struct

from flamenco.api.errors import BriefError, Error
from flamenco.api.operation import Operation, operation_of
from flamenco.api.routes import Surface

_METHODS = ("get", "put", "post", "delete", "patch")
_REFERENCE = "#/components/schemas/{name}"
_FORBIDDEN = "The worker is unknown, or its secret is wrong."
_AUTHENTICATION = {
    "worker_auth": {
        "type": "http",
        "scheme": "basic",
        "description": "The worker's UUID, and the secret it registered with.",
    }
}


def document(surface: Surface) -> dict[str, Any]:
    """The document, as JSON has it."""
    operations = list(_operations(surface))
    schemas, components = _components([each for _, _, each in operations], surface)
    paths: dict[str, Any] = {}
    for path, method, declared in operations:
        paths.setdefault(path, {})[method] = _operation(path, declared, surface, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": surface.title, "version": surface.version},
        "tags": [{"name": tag} for tag in sorted({each.tag for _, _, each in operations})],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _AUTHENTICATION},
    }


class Document:
    """Serves the document of one surface."""

    def __init__(self, surface: Surface) -> None:
        self._document = msgspec.json.encode(document(surface))

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send the document."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._document

    on_head = on_get


def _operations(surface: Surface) -> Iterator[tuple[str, str, Operation]]:
    for path, resource in surface.routes.items():
        for method in _METHODS:
            if declared := operation_of(resource, method):
                yield surface.prefix + path, method, declared


Schemas = dict[type[Struct], dict[str, Any]]


def _components(operations: list[Operation], surface: Surface) -> tuple[Schemas, dict[str, Any]]:
    used: dict[type[Struct], None] = {Error: None}
    if surface.brief:
        used[BriefError] = None
    for declared in operations:
        answers = (answer.schema for answer in declared.returns.values())
        used.update((kind, None) for kind in (declared.body, *answers) if kind)
    references, components = msgspec.json.schema_components(list(used), ref_template=_REFERENCE)
    return dict(zip(used, references, strict=True)), components


def _operation(path: str, declared: Operation, surface: Surface, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": declared.id,
        "summary": declared.summary,
        "tags": [declared.tag],
        "responses": _responses(declared, surface, schemas),
    }
    if parameters := _parameters(path):
        described["parameters"] = parameters
    if declared.reads_body:
        described["requestBody"] = {"required": True, "content": _request_content(declared, schemas)}
    if declared.auth:
        described["security"] = [{"worker_auth": []}]
    return described


def _parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _request_content(declared: Operation, schemas: Schemas) -> dict[str, Any]:
    if declared.body:
        return _json(schemas[declared.body])
    return {media: {"schema": {"type": "string", "format": "binary"}} for media in declared.media}


def _responses(declared: Operation, surface: Surface, schemas: Schemas) -> dict[str, Any]:
    error = _json(schemas[Error])
    any_error = _json({"anyOf": [schemas[Error], schemas[BriefError]]}) if surface.brief else error
    described: dict[str, Any] = {}
    for status, answer in sorted(declared.returns.items()):
        described[str(status)] = {"description": answer.description}
        if answer.schema:
            described[str(status)]["content"] = _json(schemas[answer.schema])
        elif status in declared.plain:
            described[str(status)]["content"] = _json({"type": "string"})
        elif status >= 400:
            described[str(status)]["content"] = any_error
    if declared.auth:
        described["403"] = {"description": _FORBIDDEN, "content": any_error}
    described["default"] = {"description": "The request was refused, and why.", "content": any_error}
    return described


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {falcon.MEDIA_JSON: {"schema": schema}}
