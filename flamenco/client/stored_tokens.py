"""The tokens of whoever uses this machine, by manager: what `flamenco login` stores and every client sends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from flamenco.client.addresses import DEFAULT_URL, place_of
from flamenco.config import private
from flamenco.config.paths import flamenco_home
from flamenco.domain.errors import ConfigError

FILE_NAME: Final = "flamenco-tokens.yaml"
VARIABLE: Final = "FLAMENCO_TOKEN"
MANAGER_VARIABLE: Final = "FLAMENCO_MANAGER"

NOT_SENT: Final = (
    f"{VARIABLE} was not sent: it is for the manager that {MANAGER_VARIABLE} names, or, without that, for "
    f"{DEFAULT_URL}. Set {MANAGER_VARIABLE} to the address of this one, or sign in with `flamenco login`."
)

_HEADER: Final = b"# What `flamenco login` stored: tokens, by the address of their manager. Keep them secret.\n\n"


def token_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where they are; it may not exist."""
    return flamenco_home(environ) / FILE_NAME


def stored_token(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """The token for the manager at `url`: that in the environment, else the one that was stored; empty for none.

    That in the environment is for the manager that is named there, and sent to no other: whoever names one by hand,
    or finds one in the network, does not hand over a token by that.

    Raises `ConfigError` for a file that others can read, or that makes no sense.
    """
    if environ.get(VARIABLE, "") and _is_of_environment(url, environ):
        return environ[VARIABLE]
    place = place_of(url)
    return next((token for known, token in _read(token_file(environ)).items() if _is_at(known, place)), "")


def is_withheld(url: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a token in the environment, which is for another manager than that at `url`."""
    return bool(environ.get(VARIABLE, "")) and not _is_of_environment(url, environ)


def _is_of_environment(url: str, environ: Mapping[str, str]) -> bool:
    return _is_at(environ.get(MANAGER_VARIABLE, "") or DEFAULT_URL, place_of(url))


def _is_at(url: str, place: str) -> bool:
    try:
        return place_of(url) == place
    except ConfigError:
        return False


def store_token(url: str, token: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Store the token for the manager at `url`, or forget it when it is empty; where. Raises `ConfigError`."""
    file = token_file(environ)
    place = place_of(url)
    others = {known: text for known, text in _read(file).items() if not _is_at(known, place)}
    tokens = others | ({url: token} if token else {})
    try:
        private.make_folder(file.parent)
        private.write(file, _HEADER + msgspec.yaml.encode(tokens))
    except OSError as error:
        raise ConfigError(f"The tokens {file} cannot be written: {error.strerror}.") from error
    return file


def _read(file: Path) -> dict[str, str]:
    try:
        content = file.read_bytes()
        private.check(file, "The tokens")
        return msgspec.yaml.decode(content, type=dict[str, str]) if content.strip() else {}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"The tokens {file} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The tokens {file} make no sense ({error}); delete the file and sign in anew.") from error
