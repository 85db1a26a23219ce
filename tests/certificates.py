"""Certificates for tests, made by OpenSSL: an authority of one's own, and those for a manager that it vouches for."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

NAMES = ("DNS:localhost", "DNS:farm.test", "IP:127.0.0.1", "IP:::1")


class Pair(NamedTuple):
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


def openssl(*arguments: object) -> None:
    """Run it."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


def make_key(file: Path) -> Path:
    """A key for its owner alone."""
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", file)
    file.chmod(0o600)
    return file


class Authority:
    """One that vouches for managers, with its files in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._made = 0
        self.certificate = folder / "authority.pem"
        self._key = make_key(folder / "authority.key")
        subject = ("-subj", "/CN=Studio", "-days", "30")
        openssl("req", "-x509", "-new", "-key", self._key, *subject, "-out", self.certificate)

    @property
    def trusting(self) -> ssl.SSLContext:
        """What clients have who trust it, and nobody else."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def vouch(self, names: tuple[str, ...] = NAMES, *, days: int = 30, folder: Path | None = None) -> Pair:
        """A certificate with a key of its own; with `days` below 0, one that has expired."""
        self._made += 1
        folder = folder or self._folder / str(self._made)
        folder.mkdir(exist_ok=True)
        pair = Pair(folder / "farm.pem", make_key(folder / "farm.key"))
        request, extensions = folder / "farm.csr", folder / "farm.ext"
        extensions.write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth\n")
        openssl("req", "-new", "-key", pair.key, "-subj", f"/CN=farm {self._made}", "-out", request)
        by = ("-CA", self.certificate, "-CAkey", self._key, "-set_serial", self._made)
        openssl("x509", "-req", "-in", request, *by, "-days", days, "-extfile", extensions, "-out", pair.certificate)
        return pair
