"""The tokens of whoever uses this machine, by manager: what `flamenco login` stores and every client sends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from flamenco.config import private
from flamenco.config.paths import flamenco_home
from flamenco.domain.errors import ConfigError

FILE_NAME: Final = "flamenco-tokens.yaml"
VARIABLE: Final = "FLAMENCO_TOKEN"

_HEADER: Final = b"# What `flamenco login` stored: tokens, by the address of their manager. Keep them secret.\n\n"


def token_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where they are; it may not exist."""
    return flamenco_home(environ) / FILE_NAME


def stored_token(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """The token for the manager at `url`: that in the environment, else the one that was stored; empty for none.

    Raises `ConfigError` for a file that others can read, or that makes no sense.
    """
    return environ.get(VARIABLE, "") or _read(token_file(environ)).get(url, "")


def store_token(url: str, token: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Store the token for the manager at `url`, or forget it when it is empty; where. Raises `ConfigError`."""
    file = token_file(environ)
    tokens = {known: text for known, text in _read(file).items() if known != url} | ({url: token} if token else {})
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
