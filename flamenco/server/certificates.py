"""The certificate and key that the manager shows to its clients: read from files, or refused with what is wrong."""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from flamenco.config import private
from flamenco.domain.errors import ConfigError

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NO_CHECK_TIME: Final = 0x200000
"""`X509_V_FLAG_NO_CHECK_TIME`, which Python has no name for."""

_ROUNDS: Final = 4
"""More than it takes two ends to agree that have all of each other's words at once."""


class Certificate(Struct, frozen=True):
    """What is needed to show a certificate, which names and addresses it is for, and from when until when it holds."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    begins: datetime
    expires: datetime

    def doubt(self, now: datetime) -> str:
        """A sentence when clients refuse it at that time, which may be the fault of the clock; empty otherwise."""
        if now >= self.expires:
            return f"The certificate has expired on {self.expires:%Y-%m-%d}, so clients refuse it; renew it."
        if now < self.begins:
            return f"The certificate holds from {self.begins:%Y-%m-%d} on, so clients refuse it by then; see the clock."
        return ""


def load(certificate: Path, key: Path) -> Certificate:
    """Read both. Raises `ConfigError` with a sentence that says what is wrong with them."""
    leaf = _PEM.search(_text("tls.certificate", certificate))
    if leaf is None:
        raise ConfigError(f"tls.certificate: {certificate} has no certificate in PEM form in it.")
    if "-----BEGIN " not in _text("tls.key", key):
        raise ConfigError(f"tls.key: {key} has no key in PEM form in it.")
    private.check(key, "The key in")
    context = _context(certificate, key)
    try:
        told = _told(context, leaf[0])
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or error
        raise ConfigError(f"tls.certificate: {certificate} is one that no client takes: {reason}.") from error
    return Certificate(context, _names(told), _moment(told["notBefore"]), _moment(told["notAfter"]))


def _text(setting: str, file: Path) -> str:
    try:
        return file.read_text("latin-1")
    except OSError as error:
        raise ConfigError(f"{setting}: {file} cannot be read: {error.strerror or error}.") from error


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])

    def password() -> str:
        raise ConfigError(
            f"tls.key: {key} is encrypted, and nobody is there to type its password; write it to another file without: "
            f"(umask 077; openssl pkey -in '{key}' -out FILE)"
        )

    try:
        context.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"tls.key: {key} is not the key of the certificate {certificate}.") from error
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise ConfigError(f"tls: {certificate} and {key} cannot be used: {reason}.") from error
    except OSError as error:
        raise ConfigError(f"tls: {certificate} and {key} cannot be read: {error.strerror or error}.") from error
    return context


def _told(context: ssl.SSLContext, leaf: str) -> dict[str, Any]:
    """What the certificate says of itself, as a client hears it who trusts nothing else. Raises `SSLError`."""
    reader = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    reader.check_hostname = False
    reader.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    reader.load_verify_locations(cadata=leaf)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = reader.wrap_bio(back, there), context.wrap_bio(there, back, server_side=True)
    for _ in range(_ROUNDS):
        for end in (client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return dict(client.getpeercert() or {})


def _names(told: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        str(ip_address(name.strip())) if kind == "IP Address" else name.lower()
        for kind, name in told.get("subjectAltName", ())
        if kind in ("DNS", "IP Address")
    )


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
