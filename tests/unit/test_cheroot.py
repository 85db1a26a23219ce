"""What the web server of one process relies on in cheroot: an upgrade that changes any of it fails here."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from cheroot import __version__, server, wsgi

from flamenco.server.cheroot import Settings

METHODS: dict[Any, dict[str, str]] = {
    server.HTTPRequest: {
        "__init__": "(self, server, conn, proxy_mode=False, strict_mode=True)",
        "parse_request": "(self)",
        "read_request_line": "(self)",
        "read_request_headers": "(self)",
        "respond": "(self)",
        "simple_response": "(self, status, msg='')",
        "ensure_headers_sent": "(self)",
        "send_headers": "(self)",
    },
    wsgi.Gateway_10: {"__init__": "(self, req)", "get_environ": "(self)", "respond": "(self)"},
}
"""All that is called or overridden, with what it takes."""

ATTRIBUTES: dict[Any, str] = {
    server.HTTPRequest: "chunked_read chunked_write close_connection conn header_reader inheaders method path ready "
    "rfile scheme sent_headers server uri",
    server.SizeCheckWrapper: "maxlen rfile",
    wsgi.Server: "gateway max_request_header_size software wsgi_app can_add_keepalive_connection",
}
"""All that is read or written beside."""

CONNECTION = {"remote_addr", "remote_port", "rfile", "ssl_env", "wfile"}
"""What cheroot may ask of the connection, which is ours."""


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, methods in METHODS.items() for name in methods])
def test_methods_take_what_they_are_given(kind: Any, name: str) -> None:
    """A method of cheroot that is called or overridden is there, and takes what it took."""
    found = str(inspect.signature(getattr(kind, name))) if hasattr(kind, name) else "not there any more"
    assert found == METHODS[kind][name], f"cheroot {__version__}: {kind.__name__}.{name} is {found}"


def test_attributes_are_there() -> None:
    """What is read of cheroot's objects, or set, is something that they have."""
    for kind, names in ATTRIBUTES.items():
        sources = "".join(inspect.getsource(each) for each in kind.__mro__[:-1])
        there = {*dir(kind), *re.findall(r"\bself\.(\w+)", sources)}
        assert set(names.split()) <= there, f"cheroot {__version__}: {kind.__name__}"


def test_our_connection_is_enough() -> None:
    """Requests ask nothing of a connection that ours does not have; what is only for local sockets counts not."""
    used = set(re.findall(r"\bself\.conn\.(\w+)", inspect.getsource(server.HTTPRequest)))
    asked = re.findall(r"\breq(?:_|\.)conn\.(\w+)", inspect.getsource(wsgi.Gateway_10))
    used |= {each for each in asked if not each.startswith("peer_")}
    assert used <= CONNECTION, f"cheroot {__version__}"


def test_nothing_is_opened() -> None:
    """What answers for cheroot's server listens to no port and has begun no thread."""
    settings = Settings(lambda: True)
    assert not hasattr(settings, "socket")
    assert settings.requests.idle == 0
    assert settings.can_add_keepalive_connection
