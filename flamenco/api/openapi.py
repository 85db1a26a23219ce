"""The OpenAPI document of a surface, made of the route table, the operations' declarations and the Structs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import falcon
import msgspec
from msgspec import Struct

from flamenco.api.operation import Operation, operation_of
from flamenco.api.routes import SURFACES, Surface
from flamenco.domain.access import Access
from flamenco.protocol.fields import BriefError, Error

_METHODS = ("get", "put", "post", "delete", "patch")
_REFERENCE = "#/components/schemas/{name}"
_FORBIDDEN = "The worker is unknown, or its secret is wrong."
_GONE = "The client had closed its connection before its turn came."
_BROKEN = "What the farm keeps cannot be used, or the manager made a mistake."
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
    schemas = _Schemas([each for _, _, each in operations], surface)
    paths: dict[str, Any] = {}
    for path, method, declared in operations:
        paths.setdefault(path, {})[method] = _operation(path, declared, surface, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": surface.title, "version": surface.version},
        "tags": [{"name": tag} for tag in sorted({each.tag for _, _, each in operations})],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _AUTHENTICATION},
    }


class Document:
    """Serves the document of the surface of that name."""

    access = Access.PREPARE

    def __init__(self, name: str) -> None:
        self._name = name

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send the document."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = _encoded(self._name)

    on_head = on_get


@cache
def _encoded(name: str) -> bytes:
    # When somebody asks: making all of them takes a tenth of the time in which a manager starts.
    return msgspec.json.encode(document(SURFACES[name]))


def _operations(surface: Surface) -> Iterator[tuple[str, str, Operation]]:
    for path, resource in surface.routes.items():
        for method in _METHODS:
            if declared := operation_of(resource, method):
                yield surface.prefix + path, method, declared


class _Schemas:
    """The schemas of every type that a surface's operations name, and what those are made of."""

    def __init__(self, operations: list[Operation], surface: Surface) -> None:
        kinds = [Error, *([BriefError] if surface.brief else []), *surface.schemas]
        for declared in operations:
            answers = (answer.schema for answer in declared.returns.values())
            kinds += [kind for kind in (declared.body, *answers) if kind is not None]
            kinds += _parameter_structs(declared)
        made = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
        # As JSON has them: the default of a tuple is a list.
        schemas, components = msgspec.json.decode(msgspec.json.encode(made))
        self.components: dict[str, Any] = components
        self._schemas: dict[str, dict[str, Any]] = dict(zip(map(repr, kinds), schemas, strict=True))
        self._parameters: dict[type[Struct], dict[str, Any]] = {}
        for declared in operations:
            for kind in _parameter_structs(declared):
                # Parameters are no objects in the document: each field stands by itself.
                self._parameters[kind] = self.components.pop(kind.__name__, None) or self._parameters[kind]

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type, mostly a reference."""
        return self._schemas[repr(kind)]

    def parameters(self, kind: type[Struct] | None, place: str) -> Iterator[dict[str, Any]]:
        """The fields of `kind` as parameters in `place`: "path", "query" or "header"."""
        if kind is None:
            return
        described = self._parameters[kind]
        for name, schema in described["properties"].items():
            parameter = {"name": name, "in": place, "required": name in described.get("required", ()), "schema": schema}
            if description := schema.pop("description", None):
                parameter["description"] = description
            if schema.get("type") == "array":
                parameter |= {"style": "form", "explode": False}
            yield parameter


def _parameter_structs(declared: Operation) -> list[type[Struct]]:
    return [kind for kind in (declared.path, declared.query, declared.headers) if kind]


def _operation(path: str, declared: Operation, surface: Surface, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": declared.id,
        "summary": declared.summary,
        "tags": [declared.tag],
        "x-access": declared.access.value,
        "responses": _responses(declared, surface, schemas),
    }
    if parameters := list(_parameters(path, declared, schemas)):
        described["parameters"] = parameters
    if content := _request_content(declared, schemas):
        described["requestBody"] = {"required": not declared.optional_body, "content": content}
    if declared.is_of_worker:
        described["security"] = [{"worker_auth": []}]
    return described


def _parameters(path: str, declared: Operation, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    typed = {parameter["name"]: parameter for parameter in schemas.parameters(declared.path, "path")}
    for name in re.findall(r"{(\w+)}", path):
        yield typed.get(name) or {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
        }
    yield from schemas.parameters(declared.query, "query")
    yield from schemas.parameters(declared.headers, "header")


def _request_content(declared: Operation, schemas: _Schemas) -> dict[str, Any]:
    if declared.body is not None:
        return _json(schemas.of(declared.body))
    return {media: {"schema": {"type": "string", "format": "binary"}} for media in (*declared.media, *declared.stream)}


def _responses(declared: Operation, surface: Surface, schemas: _Schemas) -> dict[str, Any]:
    error = _json(schemas.of(Error))
    any_error = _json({"anyOf": [schemas.of(Error), schemas.of(BriefError)]}) if surface.brief else error
    described: dict[str, Any] = {}
    for status, answer in sorted(declared.returns.items()):
        described[str(status)] = {"description": answer.description}
        if answer.schema is not None:
            described[str(status)]["content"] = {answer.media: {"schema": schemas.of(answer.schema)}}
        elif status in declared.plain:
            described[str(status)]["content"] = _json({"type": "string"})
        elif status >= 400 and not answer.is_empty:
            described[str(status)]["content"] = any_error
    if declared.gone is not None:
        described[str(declared.gone)] = {"description": _GONE}
    if declared.is_of_worker:
        described["403"] = {"description": _FORBIDDEN, "content": any_error}
    if surface.brief:  # whose clients look for it
        described.setdefault("500", {"description": _BROKEN, "content": any_error})
    described["default"] = {"description": "The request was refused, and why.", "content": any_error}
    return described


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {falcon.MEDIA_JSON: {"schema": schema}}
