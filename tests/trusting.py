"""Whom clients of tests trust: one of those that everybody does, since reading all takes 20 ms for each client."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

_END = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="session", autouse=True)
def one_is_trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nobody whom a test asks is vouched for by any of them, so that one is as good as a hundred."""
    first = tmp_path_factory.mktemp("trusted") / "one.crt"
    first.write_text(Path(certifi.where()).read_text("utf-8").partition(_END)[0] + _END, "utf-8")
    of_everybody = {certifi.where(), os.environ.get("SSL_CERT_FILE")} - {None}
    create = ssl.create_default_context

    def create_with_one(*args: Any, cafile: str | None = None, **more: Any) -> ssl.SSLContext:
        return create(*args, cafile=str(first) if cafile in of_everybody else cafile, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", create_with_one)
        yield
