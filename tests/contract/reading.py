"""Reads the contract, and validates exchanges of HTTP messages against it with openapi-core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

COPY = Path(__file__).with_name("manager-1.0.yaml")
"""The contract in our own words."""

ORIGINAL = Path(__file__).parents[3] / "shared" / "contract" / "manager-1.0.yaml"
"""The contract itself, where it lies beside the checkout."""

V3 = Path(__file__).with_name("flamenco-v3.yaml")
"""What today's protocol promises, in our own words and in a form of our own."""

CONTRACT = ORIGINAL if ORIGINAL.is_file() else COPY

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

METHODS = ("get", "put", "post", "patch", "delete")


class Documented(NamedTuple):
    """One response of one operation; `status` is a number or `default`."""

    operation: str
    status: str


@cache
def read(file: Path = CONTRACT) -> dict[str, Any]:
    """The document as YAML has it."""
    document: dict[str, Any] = yaml.load(file.read_bytes(), _LOADER)  # noqa: S506 - a safe one, in C where there is one
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def documented_responses() -> list[Documented]:
    """Every response that the contract documents."""
    return [
        Documented(operation["operationId"], str(status))
        for _, _, operation in operations(read())
        for status in operation["responses"]
    ]


def body_schema(operation: str) -> dict[str, Any]:
    """The schema of an operation's body, references resolved."""
    document = read()
    declared = next(each for _, _, each in operations(document) if each["operationId"] == operation)
    schema: dict[str, Any] = _resolved(declared["requestBody"]["content"]["application/json"]["schema"], document)
    return schema


def example(schema: str) -> Any:
    """The contract's example of a schema, exactly as it stands there."""
    return read()["components"]["schemas"][schema]["example"]


@dataclass
class _Request:
    """A request, as openapi-core wants to see it."""

    sent: httpx.Request
    parameters: RequestParameters

    @property
    def host_url(self) -> str:
        return f"{self.sent.url.scheme}://{self.sent.url.netloc.decode()}"

    @property
    def path(self) -> str:
        return self.sent.url.path

    @property
    def method(self) -> str:
        return self.sent.method.lower()

    @property
    def content_type(self) -> str:
        return str(self.sent.headers.get("content-type", ""))

    @property
    def body(self) -> bytes | None:
        try:
            return self.sent.content or None
        except httpx.RequestNotRead:
            return None


@dataclass
class _Response:
    """A response, as openapi-core wants to see it."""

    received: httpx.Response

    @property
    def status_code(self) -> int:
        return self.received.status_code

    @property
    def content_type(self) -> str:
        return str(self.received.headers.get("content-type", "")).lower()

    @property
    def headers(self) -> Headers:
        return Headers(self.received.headers.multi_items())

    @property
    def data(self) -> bytes | None:
        return self.received.content


class Contract:
    """Judges exchanges by the contract, or another OpenAPI document, and remembers which responses there were."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._openapi = OpenAPI.from_dict(document) if document else OpenAPI.from_file_path(str(CONTRACT))
        self._document = document or read()
        self._exchanges: dict[Documented, list[httpx.Response]] = {}

    def judge(self, operation: str, response: httpx.Response, *, both: bool = True) -> httpx.Response:
        """Fail when the response is not what the contract says of the operation, or succeeded on a wrong request.

        `both`: look at the request as well; not at one whose body was streamed, which is gone.
        """
        parameters = RequestParameters(
            query=ImmutableMultiDict(response.request.url.params.multi_items()),
            header=Headers(response.request.headers.multi_items()),
            cookie=ImmutableMultiDict(),
        )
        request = _Request(response.request, parameters)
        self._openapi.validate_response(request, _Response(response))
        if response.is_success and both:
            self._openapi.validate_request(request)
        self._exchanges.setdefault(self._documented(operation, response.status_code), []).append(response)
        return response

    def _documented(self, operation: str, status: int) -> Documented:
        declared = next(each for _, _, each in operations(self._document) if each["operationId"] == operation)
        return Documented(operation, str(status) if str(status) in declared["responses"] else "default")

    def exchanges(self, documented: Documented) -> list[httpx.Response]:
        """The responses of that kind that there were."""
        return self._exchanges.get(documented, [])


def promises(document: dict[str, Any]) -> dict[str, Any]:
    """What a document promises, without its words: references resolved, descriptions and examples left out."""
    return {f"{method} {path}": _resolved(operation, document) for path, method, operation in operations(document)} | {
        "securitySchemes": _resolved(document["components"]["securitySchemes"], document)
    }


def _resolved(node: Any, document: dict[str, Any]) -> Any:
    if isinstance(node, list):
        # Orders mean nothing in a document: not those of enums, nor those of required properties.
        return sorted((_resolved(part, document) for part in node), key=repr)
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        return _resolved(target, document)
    return {
        str(key): _resolved(value, document)
        for key, value in node.items()
        # A property may be called `description`; then it is a schema, not a text.
        if not (key in ("description", "summary") and isinstance(value, str)) and key != "example"
    }
