"""The HTTP of simulated workers, against servers that answer as they should, and not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from typing import Any

import pytest

from flamenco.simulation.wire import Away, Wire

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
ANSWER = b"HTTP/1.1 503 No\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nbusy"


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Wire]:
    """A server, and the way there."""
    begun: set[asyncio.Task[None]] = set()

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        begun.add(task)
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    wire = Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/below/", None, 0.5)
    try:
        yield wire
    finally:
        wire.drop()
        server.close()
        await asyncio.gather(*begun)
        await asyncio.sleep(0)  # what was closed is told so by the loop


def test_a_connection_is_kept() -> None:
    """One serves for what follows at once; what is asked is asked below the manager's path."""
    asked: list[bytes] = []
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(head.splitlines()[0])
            await reader.readexactly(2 if head.startswith(b"POST") else 0)
            writer.write(ANSWER)

    async def ask() -> None:
        async with serving(serve) as wire:
            for method, body in (("POST", b"{}"), ("GET", b"")):
                answer = await wire.ask(method, "/api/x", {"Accept": "*/*"}, body)
                assert (answer.status, answer.body, answer.retry_after()) == (503, b"busy", 5)

    asyncio.run(ask())
    assert asked == [b"POST /below/api/x HTTP/1.1", b"GET /below/api/x HTTP/1.1"]
    assert len(connections) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "the connection broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "the connection broke"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the connection broke"),
        (None, "no answer in time"),
    ],
)
def test_what_is_no_answer(answer: bytes | None, why: str) -> None:
    """Is said to be none, in few words; the next one is asked for on a new connection."""
    served = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        served.append(writer)
        if len(served) > 1:
            writer.write(ANSWER)
        elif answer is not None:
            writer.write(answer)
        else:
            await reader.read()  # until the client has had enough

    async def ask() -> None:
        async with serving(serve) as wire:
            with pytest.raises(Away, match=why):
                await wire.ask("GET", "/", {})
            assert (await wire.ask("GET", "/", {})).status == 503

    asyncio.run(ask())


def test_nobody_listens() -> None:
    """Is told apart, since that is what a manager that was stopped looks like."""

    async def ask() -> None:
        with pytest.raises(Away, match="nobody listens"):
            await Wire("http://127.0.0.1:9/", None, 1).ask("GET", "/", {})

    asyncio.run(ask())
