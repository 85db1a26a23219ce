"""`/api/docs`: the API for people, a page for each surface, made of the documents that programs read. Needs no network.

Pages of one piece, as all that is not the web page: no script, nothing from elsewhere. Looking for something is the
browser's own business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from typing import Any, Final

import falcon

from flamenco.api.openapi import document
from flamenco.api.pages import send_page
from flamenco.api.resource import public_path
from flamenco.api.routes import SURFACES
from flamenco.domain.access import Access

PATH: Final = "/api/docs"
SURFACE_PATH: Final = "/api/docs/{surface}"

_WHAT_FOR: Final = {
    "v1": "Workers, and programs that submit jobs: the contract.",
    "v3": "What today's Flamenco speaks: its workers, its add-on, its scripts.",
    "x": "Everything else: lists, actions, explanations, settings, people.",
}

_INDEX: Final = """\
<h1>The API</h1>
<p>JSON over HTTP, in three parts. <code>flamenco openapi</code> prints the documents.</p>
<ul>{rows}</ul>"""

_LIMITS: Final = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "minLength": "at least {} letters",
    "maxLength": "at most {} letters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "like {}",
    "default": "else {}",
}
"""What is said of a value beside its type."""


class Index:
    """Which surfaces there are."""

    access = Access.PREPARE

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        rows = (
            f'<li><a href="{escape(public_path(req, f"{PATH}/{name}"))}">{escape(surface.title)}</a>'
            f" (<code>{escape(surface.prefix)}</code>): {_WHAT_FOR[name]}"
            f' <a href="{escape(public_path(req, surface.document))}">OpenAPI</a></li>'
            for name, surface in SURFACES.items()
        )
        send_page(resp, "API", _INDEX, {}, {"rows": "".join(rows)})

    on_head = on_get


class Reference:
    """What one surface can be asked."""

    access = Access.PREPARE

    def on_get(self, _req: falcon.Request, resp: falcon.Response, surface: str) -> None:
        """Show it."""
        if surface not in SURFACES:
            raise falcon.HTTPNotFound(description=f"There is no such part of the API; there are {', '.join(SURFACES)}.")
        title = SURFACES[surface].title
        send_page(resp, title, "<h1>{title}</h1>{page}", {"title": title}, {"page": _page(surface)})

    on_head = on_get


@cache
def _page(name: str) -> str:
    return "".join(rendered(document(SURFACES[name])))


def rendered(described: dict[str, Any]) -> Iterator[str]:
    """An OpenAPI document as HTML: operations by their tags, then the types that they speak of."""
    operations = [
        (operation["tags"][0], path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    tags = sorted({tag for tag, *_ in operations})
    links = (f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in [*tags, "types"])
    yield f"<p>{' · '.join(links)}</p>"
    for tag in tags:
        yield f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
        for own, path, method, operation in operations:
            if own == tag:
                yield from _operation(path, method, operation)
    yield '<h2 id="types">types</h2>'
    for name, schema in sorted(described["components"]["schemas"].items()):
        yield from _named_type(name, schema)


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield (
        f'<details id="{escape(operation["operationId"])}"><summary><strong>{method.upper()}</strong> '
        f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
    )
    yield f"<p>{escape(operation['operationId'])}; who may: {escape(operation['x-access'])}</p>"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "<table><caption>Parameters</caption>"
        for each in parameters:
            place = each["in"] + ("" if each["required"] else ", optional")
            yield _row(each["name"], _kind(each["schema"]), f"{place}. {each.get('description', '')}".strip())
        yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<p>Body: {_contents(body['content'])}</p>"
    yield "<table><caption>Answers</caption>"
    for status, answer in operation["responses"].items():
        yield _row(status, _contents(answer.get("content", {})), answer["description"])
    yield "</table></details>"


def _contents(content: dict[str, Any]) -> str:
    return ", ".join(
        _kind(each["schema"]) if kind == falcon.MEDIA_JSON else escape(kind) for kind, each in content.items()
    )


def _named_type(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<h3 id="type-{escape(name)}">{escape(name)}</h3>'
    if description := schema.get("description"):
        yield f"<p>{escape(description)}</p>"
    properties = schema.get("properties")
    if not properties:
        yield f"<p>{_kind(schema)}</p>"
        return
    needed = schema.get("required", ())
    yield "<table>"
    for field, each in properties.items():
        yield _row(field, _kind(each), ("" if field in needed else "Optional. ") + each.get("description", ""))
    yield "</table>"


def _row(name: str, kind: str, told: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{escape(told)}</td></tr>"


def _kind(schema: dict[str, Any]) -> str:
    """A type in a few words, as HTML."""
    limits = (text.format(escape(str(schema[key]))) for key, text in _LIMITS.items() if key in schema)
    return ", ".join([_plain_kind(schema), *limits])


def _plain_kind(schema: dict[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(map(_kind, schema[word]))
    if "enum" in schema or "const" in schema:
        return _listed(schema.get("enum") or [schema["const"]])
    for word, inner in (("list", schema.get("items")), ("object", schema.get("additionalProperties"))):
        if isinstance(inner, dict) and inner:
            return f"{word} of {_kind(inner)}"
    kind = schema.get("type", "anything")
    named = " or ".join(kind) if isinstance(kind, list) else kind
    return escape(" ".join(filter(None, [named, f"({schema['format']})" if "format" in schema else ""])))


def _listed(values: Iterable[Any]) -> str:
    return " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
