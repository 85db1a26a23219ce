"""What the tests of a whole run left behind has no secret in it: logs, files, answers. Looked at when all are over.

A secret is learnt where it is used: from whoever registers as a worker or says who it is, and from the files that are
there to keep one. Tokens are known by their form. Each process of a run looks at what its own tests did, and one that
finds something fails its last test.
"""

from __future__ import annotations

import base64
import re
import stat
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import falcon.testing
import httpx
import pytest

from flamenco.farm import workers

SHORTEST: Final = 16
"""A secret of fewer characters may stand anywhere by chance: those of tests that are to be found have more."""

FEWEST_DIFFERENT: Final = 8
"""So many characters of it differ: nobody's secret is "xxxxxxxxxxxxxxxx"."""

LARGEST_BYTES: Final = 32 * 1024 * 1024
"""What is larger was made to be large."""

# Not the link by which somebody becomes the first administrator: a manager prints that to be read, for an hour.
TOKEN: Final = re.compile(rb"(?<!sign-in\?link=)flt_[A-Za-z0-9-]+_[A-Za-z0-9_-]{12,}")

KEEPS_SECRETS: Final = re.compile(r"credential|token|passw|\.(ya?ml|key|pem|toml|conf)\b")
"""Names of files that are there to hold a secret, configurations among them."""

PROGRAM: Final = re.compile(r"\.pyc?$")
"""Those of files that tests wrote to be run."""

_IN_CONFIGURATION: Final = re.compile(
    rb"""(?:password|secret|token)['"]?\s*[:=]\s*['"]?([^\s'",}\]]+)|://[^\s:/@]*:([^\s/@]+)@"""
)


_WORDS: Final = (string.ascii_letters + string.digits + "_-").encode()
_APART: Final = bytes(each if each in _WORDS else ord(" ") for each in range(256))
"""For each byte itself where it may be part of a word, and a space otherwise."""


AT_ONCE_BYTES: Final = 1024 * 1024
"""So much is taken apart at a time."""


FEW: Final = 50
"""For so many secrets, a text is as soon looked through as it is taken apart."""


class Content:
    """What is looked through. Most secrets are one long word, of which databases and logs have few.

    So for many secrets, it is those words that are looked at.
    """

    def __init__(self, content: bytes, secrets: int) -> None:
        self._content = content
        self._long_words = b" ".join(_long_words(content.translate(_APART))) if secrets > FEW else None

    def has(self, secret: bytes) -> bool:
        """Whether the secret is somewhere in it."""
        words = self._long_words
        return secret in (self._content if words is None or not _is_word(secret) else words)

    def token(self) -> bytes | None:
        """A token, if there is one where none belongs."""
        found = TOKEN.search(self._content) if b"flt_" in self._content else None
        return found[0] if found else None


def _long_words(text: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(text):
        space = text.find(b" ", begin + AT_ONCE_BYTES)
        end = space if space >= 0 else len(text)
        yield from (word for word in text[begin:end].split() if len(word) >= SHORTEST)
        begin = end


@cache
def _is_word(secret: bytes) -> bool:
    return len(secret) >= SHORTEST and b" " not in secret and secret == secret.translate(_APART)


class Search:
    """The secrets that are known, and where there was one. What it says of one is where, and never what."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.found: list[str] = []
        self._heard: set[str] = set()

    def learn(self, secret: str | bytes) -> None:
        """This is a secret, unless it is too simple to be found."""
        known = secret.encode(errors="replace") if isinstance(secret, str) else secret
        if len(known) >= SHORTEST and len(set(known)) >= FEWEST_DIFFERENT:
            self.known.add(known)

    def learn_from(self, header: str) -> None:
        """A client has said who it is."""
        if header in self._heard:
            return
        self._heard.add(header)
        kind, _, value = header.partition(" ")
        if kind.lower() == "basic":
            with suppress(ValueError):
                self.learn(base64.b64decode(value).partition(b":")[2])
        elif kind.lower() == "bearer":
            self.learn(value)

    def look_at(self, where: str, content: bytes, *, secrets: Iterable[bytes] | None = None, tokens: bool) -> None:
        """Note that there is a secret in this, or a token where none belongs."""
        wanted = tuple(self.known if secrets is None else secrets)
        inside = Content(content, len(wanted))
        for secret in wanted:
            if inside.has(secret):
                self.found.append(f"{where}: the secret that begins with {secret[:4]!r}")
        if tokens and (token := inside.token()):
            self.found.append(f"{where}: the token that begins with {token[:8]!r}")

    def look_below(self, folder: Path) -> None:
        """Look at all files of all tests, for what is known, and for what the files of the same test keep."""
        for part in sorted(folder.iterdir()):
            files = [file for file in _files(part) if not PROGRAM.search(file.name)]
            keep_secrets = {file for file in files if KEEPS_SECRETS.search(file.name)}
            secrets = self.known.union(*map(_kept_in, keep_secrets))
            for file in files:
                if file not in keep_secrets:
                    self.look_at(str(file.relative_to(folder)), _content(file), secrets=secrets, tokens=True)


def _files(path: Path) -> Iterator[Path]:
    """The files at or below a path that are no links; processes of a test may still remove some."""
    with suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= LARGEST_BYTES:
            yield path
        elif stat.S_ISDIR(status.st_mode):
            for each in path.iterdir():
                yield from _files(each)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _kept_in(file: Path) -> set[bytes]:
    """The secrets in a file that is there to hold them."""
    search = Search()
    for by_name, in_url in _IN_CONFIGURATION.findall(_content(file)):
        search.learn(by_name or in_url)
    return search.known


SEARCH: Final = Search()
"""That of this process."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """When a test is over, look at all that was printed and logged meanwhile."""
    if report.when == "teardown":
        for title, text in report.sections:
            SEARCH.look_at(f"{report.nodeid}, {title}", text.encode(errors="replace"), tokens=True)


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the tests did: no log, no file and no answer has a secret in it that does not belong there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "register", _learning_register(workers.register))
        patch.setattr(httpx.Client, "send", _watched_send(httpx.Client.send))
        patch.setattr(falcon.testing.TestClient, "simulate_request", _watched_simulation())
        yield
    SEARCH.look_below(tmp_path_factory.getbasetemp())
    assert not SEARCH.found, "secrets where none belong:\n" + "\n".join(SEARCH.found)


def _learning_register(register: Callable[..., Any]) -> Callable[..., Any]:
    def learn_and_register(*args: Any, secret: str, **about: Any) -> Any:
        SEARCH.learn(secret)
        return register(*args, secret=secret, **about)

    return learn_and_register


def _watched_send(send: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    def watch(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = send(client, request, **options)
        SEARCH.learn_from(response.request.headers.get("Authorization", ""))
        if not options.get("stream"):
            _look_at_answer(f"{request.method} {request.url.path}", response.headers, response.content)
        return response

    return watch


def _watched_simulation() -> Callable[..., falcon.testing.Result]:
    simulate = falcon.testing.TestClient.simulate_request

    def watch(client: falcon.testing.TestClient, *args: Any, **options: Any) -> falcon.testing.Result:
        for name, value in dict(options.get("headers") or {}).items():
            if name.lower() == "authorization":
                SEARCH.learn_from(str(value))
        result = simulate(client, *args, **options)
        _look_at_answer(" ".join(map(str, args)), result.headers, result.content)
        return result

    return watch


def _look_at_answer(to: str, headers: Mapping[str, str], content: bytes) -> None:
    """A token may be in an answer: whoever makes one is told, and links keep that of the path."""
    head = "\n".join(f"{name}: {value}" for name, value in headers.items())
    secrets = [secret for secret in tuple(SEARCH.known) if not TOKEN.fullmatch(secret)]
    where = TOKEN.sub(b"flt_", f"answer to {to}".encode(errors="replace")).decode()
    SEARCH.look_at(where, head.encode() + b"\n" + content, secrets=secrets, tokens=False)
