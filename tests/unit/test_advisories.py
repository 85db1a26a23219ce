"""What is known of the packages that a farm is made of, where only the documents of projects can be had."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

SCRIPT: Final = Path(__file__).parents[2] / "scripts" / "advisories.py"
HOLE: Final = {"id": "PYSEC-1", "aliases": ["CVE-1"], "summary": "Opens the door.", "fixed_in": ["2.1"]}
BAD: Final = {"info": {"version": "2.6.1"}, "vulnerabilities": [HOLE | {"id": "PYSEC-0", "aliases": []}]}
INSTALLED: Final = {"one": "2.0"}


@pytest.fixture(scope="module")
def advisories() -> Any:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("advisories", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Index(ThreadingHTTPServer):
    """A package index with the documents of some projects."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents
        super().__init__(("127.0.0.1", 0), Asked)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Asked(BaseHTTPRequestHandler):
    """Answers with a document, or that there is none."""

    def do_GET(self) -> None:
        """One request."""
        assert isinstance(self.server, Index)
        document = self.server.documents.get(self.path)
        self.send_response(404 if document is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[Index]:
    """An index that knows what everybody knows."""
    with Index({"/pycrypto/json": BAD}) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def says(version: str, *holes: dict[str, Any]) -> dict[str, Any]:
    """The document of a project."""
    return {"info": {"version": version}, "vulnerabilities": list(holes)}


def test_a_hole_is_found(advisories: Any, index: Index) -> None:
    """What is installed in the newest version, and has a hole, is told with what mends it."""
    index.documents["/one/json"] = says("2.0", HOLE)
    found = advisories.look(index.url, INSTALLED)
    assert found.holes == ["one 2.0: PYSEC-1: Opens the door. (mended in: ['2.1'])"]
    assert found.not_looked_at == []


@pytest.mark.parametrize("holes", [(), (HOLE | {"withdrawn": "2026-01-01T00:00:00Z"},)], ids=["none", "taken back"])
def test_nothing_is_found(advisories: Any, index: Index, holes: tuple[dict[str, Any], ...]) -> None:
    """Where there is no hole, or what was taken for one, none is told."""
    index.documents["/one/json"] = says("2.0", *holes)
    assert advisories.look(index.url, INSTALLED) == ([], [])


@pytest.mark.parametrize("ignored", ["PYSEC-1", "CVE-1"])
def test_exceptions(advisories: Any, index: Index, monkeypatch: pytest.MonkeyPatch, ignored: str) -> None:
    """An advisory that does not concern us is left out, by any of its names."""
    monkeypatch.setitem(advisories.IGNORED, ignored, "that door is not there")
    index.documents["/one/json"] = says("2.0", HOLE)
    assert advisories.look(index.url, INSTALLED).holes == []


@pytest.mark.parametrize(
    ("document", "why"), [(says("2.1"), "(the document is that of 2.1)"), (None, "(there is no document)")]
)
def test_what_nobody_looked_at(advisories: Any, index: Index, document: dict[str, Any] | None, why: str) -> None:
    """Of a version that the document is not about nothing is known, and that is what is said."""
    index.documents["/one/json"] = document
    assert advisories.look(index.url, INSTALLED) == ([], [f"one 2.0 {why}"])


@pytest.mark.parametrize("known", [None, says("2.6.1"), {"info": {"version": "2.6.1"}}, []])
def test_an_index_that_knows_nothing(advisories: Any, index: Index, known: Any) -> None:
    """Who does not know what everybody knows is not asked for more: nobody has looked."""
    index.documents |= {"/pycrypto/json": known, "/one/json": says("2.0")}
    assert advisories.look(index.url, INSTALLED) is None


def test_nobody_is_there(advisories: Any) -> None:
    """Without an index nobody has looked."""
    assert advisories.look("http://127.0.0.1:1", INSTALLED) is None


def test_all_that_is_shipped(advisories: Any) -> None:
    """It is asked about what we need, what that needs and what people add, and not about tools of developers."""
    shipped = advisories.shipped(advisories.OURS, advisories.EXTRAS)
    assert {"flamenco-farm", "falcon", "sqlalchemy", "h11", "mako", "paho-mqtt", "psycopg"} <= set(shipped)
    assert not {"pytest", "ruff", "mypy"} & set(shipped)
