"""Signing in by OpenID Connect, against a provider that signs with real keys, over real sockets."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from falcon import testing
from joserfc import jwt
from joserfc.jwk import RSAKey

from flamenco.api.app import create_app
from flamenco.cli.configuration import configure
from flamenco.domain.access import Role
from flamenco.domain.errors import AccessDenied, ConfigError
from flamenco.farm import users
from flamenco.farm.context import Farm
from flamenco.hooks.authentication import Identity
from tests.conftest import empty_database
from tests.integration.entering import PASSWORD, PUBLIC_ADDRESS

PUBLIC_URL = "https://farm.studio.example"


@cache
def first_key() -> RSAKey:
    """That of every provider, since it takes a fifth of a second to find one."""
    return RSAKey.generate_key(2048, {"kid": "one"})


class Provider(ThreadingHTTPServer):
    """An OpenID provider with one client. `claims` are what it says of whoever signs in next."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = first_key()
        self.claims: dict[str, Any] = {"preferred_username": "anna"}
        self.signing_key = self.key
        self.asked: dict[str, str] = {}

    def authorize(self, url: str) -> str:
        """Somebody says there who they are: where they are sent back to."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert self.asked["redirect_uri"] == f"{PUBLIC_URL}/api/x/oidc/callback"
        return f"/api/x/oidc/callback?code=the-code&state={self.asked['state']}"

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """What a code is exchanged for."""
        assert form["grant_type"] == "authorization_code"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if form["code"] != "the-code" or challenge.decode() != self.asked["code_challenge"]:
            return {"error": "invalid_grant"}
        usual = {
            "iss": self.issuer,
            "aud": "flamenco",
            "sub": "1",
            "exp": int(time.time()) + 300,
            "nonce": self.asked["nonce"],
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "one"}, usual | self.claims, self.signing_key)
        return {"access_token": "of no use", "token_type": "Bearer", "id_token": id_token}


class _Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        """What the provider says of itself."""
        here = self.server.issuer
        if self.path == "/.well-known/openid-configuration":
            self._send(
                {
                    "issuer": here,
                    "authorization_endpoint": f"{here}/authorize",
                    "token_endpoint": f"{here}/token",
                    "jwks_uri": f"{here}/keys",
                }
            )
        else:
            self._send({"keys": [self.server.key.as_dict(private=False)]})

    def do_POST(self) -> None:
        """A code is exchanged."""
        length = int(self.headers["Content-Length"])
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        self._send(self.server.token(form))

    def _send(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(400 if "error" in value else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider that is there."""
    made = Provider()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The same, for a test."""
    with providing() as made:
        yield made


class Visit:
    """A browser that goes to a manager, and keeps its cookies."""

    def __init__(self, farm: Farm) -> None:
        self._client = testing.TestClient(create_app(farm))
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> testing.Result:
        """Go there."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._client.simulate_get(
            path, headers={"Cookie": cookie} if cookie else {}, remote_addr=PUBLIC_ADDRESS
        )
        for value in answer.cookies.values():
            self.cookies[value.name] = value.value
            assert value.http_only
        self.cookies = {name: value for name, value in self.cookies.items() if value}
        return answer


def configured(folder: Path, provider: str, **more: Any) -> Farm:
    """The farm of a manager in mode login that has the plugin. Closing it is the caller's."""
    from flamenco.bootstrap import create_farm, prepare  # noqa: PLC0415 - it takes long to import

    own = {"issuer": provider, "client_id": "flamenco", "client_secret": "a secret of two", **more}
    content = {"public_url": PUBLIC_URL, "access": {"mode": "login"}, "plugins": {"oidc": own}, "data_dir": str(folder)}
    (folder / "flamenco-manager.yaml").write_text(json.dumps(content))
    if not (database := folder / "flamenco-manager.sqlite").exists():
        database.write_bytes(empty_database())
    loaded = configure(folder / "flamenco-manager.yaml", None)
    prepare(loaded.config, loaded.hooks)
    return create_farm(loaded.config, loaded.hooks)


@pytest.fixture
def make_oidc_farm(tmp_path: Path, provider: Provider) -> Iterator[Callable[..., Farm]]:
    """Makes the farm, with settings of the plugin."""
    made: list[Farm] = []

    def make(**more: Any) -> Farm:
        made.append(configured(tmp_path, provider.issuer, **more))
        return made[-1]

    yield make
    for farm in made:
        farm.close()


def signed_in(visit: Visit, provider: Provider) -> testing.Result:
    """Press the button, say who one is, and come back."""
    button = visit.get("/api/x/sign-in").json["ways"][0]
    assert button["label"]
    away = visit.get(button["path"])
    assert away.status_code == 303
    return visit.get(provider.authorize(away.headers["location"]))


def test_somebody_signs_in_with_their_studio_account(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """They are a user of the farm then, with the highest role of their groups, and another one when those change."""
    farm = make_oidc_farm(groups={"td": "wrangler", "it": "admin"}, role="artist")
    visit = Visit(farm)
    provider.claims["groups"] = ["everybody", "td"]
    back = signed_in(visit, provider)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert visit.get("/api/x/me").json == {"mode": "login", "role": "wrangler", "way": "session", "name": "anna"}
    assert "flamenco_oidc" not in visit.cookies
    provider.claims["groups"] = []
    signed_in(again := Visit(farm), provider)
    assert again.get("/api/x/me").json["role"] == "artist"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://elsewhere.example"},
        {"aud": "another client"},
        {"exp": 1},
        {"nonce": "of another time"},
        {"preferred_username": ""},
        {"preferred_username": "a b"},
        {"preferred_username": 7},
    ],
)
def test_what_does_not_hold_lets_nobody_in(
    make_oidc_farm: Callable[..., Farm], provider: Provider, claims: dict[str, Any]
) -> None:
    """Of another provider, for another program, too old, of another visit, or without a name that one can have."""
    visit = Visit(make_oidc_farm(role="artist"))
    provider.claims |= claims
    assert signed_in(visit, provider).status_code == 400
    assert visit.get("/api/x/me").status_code == 401


def test_another_key_lets_nobody_in(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """Only what the provider has signed counts."""
    visit = Visit(make_oidc_farm(role="artist"))
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    assert signed_in(visit, provider).status_code == 400


def test_who_did_not_begin_here_does_not_end_here(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """A link that somebody else began to sign in with signs nobody in as them; nor does one that says no."""
    farm = make_oidc_farm(role="artist")
    theirs = Visit(farm)
    link = provider.authorize(theirs.get("/api/x/oidc/sign-in").headers["location"])
    assert Visit(farm).get(link).status_code == 400
    assert theirs.get(link.replace("state=", "state=x")).status_code == 400
    assert "denied" in theirs.get("/api/x/oidc/callback?error=denied").json["message"]


def test_nobody_becomes_somebody_else_by_their_name(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """A user with a password is another one; and without a role one has to be a user already."""
    farm = make_oidc_farm()
    assert signed_in(Visit(farm), provider).status_code == 403
    users.add(farm, "anna", Role.VIEWER)
    visit = Visit(farm)
    assert signed_in(visit, provider).status_code == 303
    assert visit.get("/api/x/me").json["role"] == "viewer"
    users.change(farm, "anna", password=PASSWORD)
    assert signed_in(Visit(farm), provider).status_code == 403


def test_who_has_lost_their_group_has_lost_their_role(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """Where there is no role for everybody; a role that somebody gave by hand stays."""
    farm = make_oidc_farm(groups={"td": "wrangler"})
    provider.claims["groups"] = ["td"]
    assert signed_in(Visit(farm), provider).status_code == 303
    provider.claims["groups"] = []
    assert signed_in(Visit(farm), provider).status_code == 403
    users.change(farm, "anna", Role.VIEWER)
    assert signed_in(Visit(farm), provider).status_code == 303


def test_the_same_name_of_somebody_else(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """Names can be changed there, so it is what never changes that counts; nor is another plugin's user the same."""
    farm = make_oidc_farm(role="artist")
    assert signed_in(Visit(farm), provider).status_code == 303
    provider.claims["sub"] = "2"
    assert signed_in(Visit(farm), provider).status_code == 403
    with pytest.raises(AccessDenied):
        users.of_plugin(farm, "proxy_header", Identity(name="anna", role="admin"))


def test_the_only_administrator_stays_one(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """Whatever the provider says of their groups, or nobody could mend that."""
    farm = make_oidc_farm(groups={"it": "admin"}, role="artist")
    provider.claims["groups"] = ["it"]
    signed_in(Visit(farm), provider)
    provider.claims["groups"] = []
    signed_in(visit := Visit(farm), provider)
    assert visit.get("/api/x/me").json["role"] == "admin"


def test_an_address_that_is_not_verified_is_no_name(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """Everybody can write somebody's address."""
    farm = make_oidc_farm(role="artist", name_claim="email")
    provider.claims["email"] = "anna@studio.example"
    assert signed_in(Visit(farm), provider).status_code == 400
    provider.claims["email_verified"] = True
    assert signed_in(Visit(farm), provider).status_code == 303


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """The manager does not start with half of it."""
    for own, public_url, missing in (
        ({"client_id": "a", "client_secret": "b"}, PUBLIC_URL, "plugins.oidc.issuer"),
        ({"issuer": "http://a", "client_id": "a", "client_secret": "b"}, "", "public_url"),
    ):
        file = tmp_path / "flamenco-manager.yaml"
        file.write_text(json.dumps({"public_url": public_url, "plugins": {"oidc": own}, "data_dir": str(tmp_path)}))
        loaded = configure(file, None)
        with pytest.raises(ConfigError, match=missing):
            loaded.hooks.api_routes(loaded.config)


def test_a_provider_that_is_away_is_said_to_be(make_oidc_farm: Callable[..., Farm], provider: Provider) -> None:
    """And asked again the next time."""
    farm = make_oidc_farm(issuer="http://127.0.0.1:9", role="artist")
    refused = Visit(farm).get("/api/x/oidc/sign-in")
    assert refused.status_code == 400
    assert "cannot be asked" in refused.json["message"]


def test_cookies_of_the_way_are_short_lived(make_oidc_farm: Callable[..., Farm]) -> None:
    """What is kept while somebody is away at the provider."""
    client = testing.TestClient(create_app(make_oidc_farm(role="artist")))
    cookie = SimpleCookie(client.simulate_get("/api/x/oidc/sign-in").headers["set-cookie"])["flamenco_oidc"]
    assert cookie["max-age"] == "600"
    assert cookie["httponly"]
