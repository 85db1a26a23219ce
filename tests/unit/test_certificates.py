"""The manager's certificate and key: what is taken, what is refused in which words, and when a renewed one counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flamenco.config import load as load_configuration
from flamenco.domain.errors import ConfigError
from flamenco.farm.configuration import ONLY_IN_THE_FILE
from flamenco.server.certificates import load
from flamenco.server.tls import Tls, tls_of
from tests.certificates import Authority, Pair, make_key, openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for all of them."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def pair(authority: Authority) -> Pair:
    """A certificate and its key."""
    return authority.vouch()


def test_what_a_certificate_says(pair: Pair) -> None:
    """For whom it is, and until when, is known."""
    found = load(*pair)
    assert found.names == ("localhost", "farm.test", "127.0.0.1", "::1")
    now = datetime.now(UTC)
    assert (found.expires - now).days in (29, 30)
    assert found.doubt(now) == ""
    assert "has expired" in found.doubt(now + timedelta(days=31))
    assert "see the clock" in found.doubt(now - timedelta(days=1))


def test_an_expired_one_is_doubtful_only(authority: Authority) -> None:
    """Which is no reason not to start: clients say so as well, and the clock may be wrong."""
    expired = load(*authority.vouch(days=-1))
    assert "has expired" in expired.doubt(datetime.now(UTC))


def remove(pair: Pair) -> None:
    """No key."""
    pair.key.unlink()


def give_folder(pair: Pair) -> None:
    """A certificate that cannot be read, by whichever user."""
    pair.certificate.unlink()
    pair.certificate.mkdir()


def give_key_of_another(pair: Pair) -> None:
    """A key that does not fit."""
    make_key(pair.key)


def give_half(pair: Pair) -> None:
    """A certificate that is half-written."""
    text = pair.certificate.read_text()
    pair.certificate.write_text(text[: len(text) // 2])


def give_nonsense(pair: Pair) -> None:
    """What looks like a certificate."""
    pair.certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def show_others(pair: Pair) -> None:
    """A key that others can read."""
    pair.key.chmod(0o640)


def encrypt(pair: Pair) -> None:
    """A key that needs a password."""
    plain = pair.key.rename(pair.key.with_suffix(".plain"))
    openssl("pkey", "-in", plain, "-aes256", "-passout", "pass:secret", "-out", pair.key)
    pair.key.chmod(0o600)


REFUSALS = [
    (remove, "tls.key: {key} cannot be read: No such file or directory."),
    (give_folder, "tls.certificate: {certificate} cannot be read: Is a directory."),
    (give_key_of_another, "tls.key: {key} is not the key of the certificate {certificate}."),
    (give_half, "tls.certificate: {certificate} has no certificate in PEM form in it."),
    (give_nonsense, "tls: {certificate} and {key} cannot be used: "),
    (show_others, "The key in {key} can be read by others; keep them to yourself: chmod 600 '{key}'"),
    (encrypt, "tls.key: {key} is encrypted, and nobody is there to type its password; "),
]


@pytest.mark.parametrize(("spoil", "sentence"), REFUSALS, ids=[spoil.__name__ for spoil, _ in REFUSALS])
def test_refused(pair: Pair, spoil: Callable[[Pair], None], sentence: str) -> None:
    """In one sentence that names the file, and says what to do."""
    spoil(pair)
    with pytest.raises(ConfigError) as refused:
        load(*pair)
    said = str(refused.value)
    assert said.startswith(sentence.format(**pair._asdict()))
    assert "\n" not in said


def test_one_that_is_not_for_servers(authority: Authority, tmp_path: Path) -> None:
    """No client would take it."""
    pair = Pair(tmp_path / "a.pem", make_key(tmp_path / "a.key"))
    usage = ("-addext", "extendedKeyUsage=clientAuth")
    openssl("req", "-x509", "-new", "-key", pair.key, "-subj", "/CN=a", *usage, "-out", pair.certificate)
    with pytest.raises(ConfigError, match="is one that no client takes"):
        load(*pair)


def test_a_renewed_one_is_taken_up(authority: Authority, pair: Pair) -> None:
    """New files count at the next look; while nothing has changed, nothing is read."""
    tls = Tls(*pair)
    first = tls.context
    tls.refresh()
    assert tls.context is first
    other = authority.vouch(("DNS:new.test",))
    for new, old in zip(other, pair, strict=True):
        new.replace(old)
    tls.refresh()
    assert tls.context is not first
    assert tls.names == ("new.test",)


def test_a_broken_renewal_keeps_the_old(authority: Authority, pair: Pair) -> None:
    """It is told of once, and not while it may only be half-done; mended, it counts."""
    tls = Tls(*pair)
    first = tls.context
    other = authority.vouch()
    other.certificate.replace(pair.certificate)
    with capture_logs() as events:
        tls.refresh()
        assert events == []
        for _ in range(3):
            tls.refresh()
    assert [event["event"] for event in events] == ["the renewed certificate cannot be used, so the old one stays"]
    assert events[0]["reason"] == f"tls.key: {pair.key} is not the key of the certificate {pair.certificate}."
    assert tls.context is first
    other.key.replace(pair.key)
    tls.refresh()
    assert tls.context is not first


def test_a_key_that_others_may_read_no_more(authority: Authority, pair: Pair) -> None:
    """The command that mends it is enough: it need not be written anew."""
    tls = Tls(*pair)
    other = authority.vouch()
    other.certificate.replace(pair.certificate)
    other.key.replace(pair.key)
    pair.key.chmod(0o644)
    first = tls.context
    tls.refresh()
    tls.refresh()
    assert tls.context is first
    pair.key.chmod(0o600)
    tls.refresh()
    assert tls.context is not first


def test_settings(pair: Pair, tmp_path: Path) -> None:
    """Paths count from the file; both are set, or none; and only the file may say so."""
    file = tmp_path / "flamenco-manager.yaml"
    for old in pair:
        os.link(old, tmp_path / old.name)
    file.write_text("tls: {certificate: farm.pem, key: farm.key}\n")
    config = load_configuration(file, tmp_path, environ={}).config
    assert config.tls_files == (tmp_path / "farm.pem", tmp_path / "farm.key")
    tls = tls_of(config)
    assert tls is not None
    assert "farm.test" in tls.names
    assert tls_of(load_configuration(None, tmp_path / "other", environ={}).config) is None
    file.write_text("tls: {certificate: farm.pem}\n")
    with pytest.raises(ConfigError, match=r"tls\.certificate is set, and tls\.key is not; set both of them, or none"):
        load_configuration(file, tmp_path, environ={})
    assert {"tls.certificate", "tls.key"} <= set(ONLY_IN_THE_FILE)
