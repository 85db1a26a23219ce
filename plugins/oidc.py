"""Signing in by OpenID Connect: Keycloak, Authentik, Google Workspace, Microsoft Entra, GitLab and the like.

People press a button on the sign-in page, say there who they are, and come back as users of the farm. Register the
manager there as a confidential client, with the address `PUBLIC_URL/api/x/oidc/callback` to come back to.

```yaml
public_url: https://farm.studio.com
access: {mode: login}
plugins:
  oidc:
    issuer: https://login.studio.com/realms/studio
    client_id: flamenco
    client_secret: …
    groups: {td: wrangler, it: admin}
    role: artist
```

Somebody's role is the highest of their `groups`, else `role`; where that is empty, those alone come in who are users of
the farm already. The name is what the claim `name_claim` has. Needs the library `joserfc`:
`pip install 'flamenco-farm[oidc]'`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Final, Literal
from urllib.parse import urlencode

from flamenco import (
    ApiRequest,
    ApiResponse,
    Authenticator,
    ConfigError,
    FarmReader,
    Identity,
    ManagerConfig,
    Refused,
    Route,
    Setting,
    hookimpl,
)

PersonRole = Literal["viewer", "artist", "wrangler", "admin"]
ROLES: Final[tuple[PersonRole, ...]] = ("viewer", "artist", "wrangler", "admin")
COOKIE: Final = "flamenco_oidc"
TIMEOUT_S: Final = 10.0
BASIC: Final = "client_secret_basic"
ALGORITHMS: Final = ["RS256", "ES256", "PS256"]
LEEWAY_S: Final = 60
"""By how much the clocks of the two may differ."""


@hookimpl
def settings() -> Iterable[Setting]:
    """Whom to ask, as whom, and who gets which role."""
    yield Setting(key="issuer", type=str, default="", help="The address of the provider, as it calls itself.")
    yield Setting(key="client_id", type=str, default="", help="What the provider calls this manager.")
    yield Setting(key="client_secret", type=str, default="", help="The secret that goes with it.", secret=True)
    yield Setting(key="scope", type=str, default="openid profile email", help="What to ask for.")
    yield Setting(
        key="name_claim", type=str, default="preferred_username", help="The claim that has somebody's name in the farm."
    )
    yield Setting(key="groups_claim", type=str, default="groups", help="The claim that has somebody's groups.")
    yield Setting(key="groups", type=dict[str, PersonRole], default={}, help="Roles by group.")
    yield Setting(
        key="role",
        type=Literal["", "viewer", "artist", "wrangler", "admin"],
        default="",
        help="The role of everybody else; empty for those alone who are users of the farm.",
    )
    yield Setting(key="label", type=str, default="Sign in with your studio account", help="What is on the button.")


@hookimpl
def authenticators(config: ManagerConfig) -> Iterable[Authenticator]:
    """The button."""
    yield Authenticator(
        name="oidc",
        description=f"Whoever {config.plugins.oidc.issuer or 'an OpenID provider'} knows.",
        sign_in="/api/x/oidc/sign-in",
        label=config.plugins.oidc.label,
    )


@hookimpl
def api_routes(config: ManagerConfig) -> Iterable[Route]:
    """Where people are sent from, and where they come back to."""
    if find_spec("joserfc") is None:
        raise ConfigError(
            "the library joserfc is missing; `pip install 'flamenco-farm[oidc]'` brings it (with uv or pipx: "
            "docs/packages.md)."
        )
    own = config.plugins.oidc
    for name in ("issuer", "client_id", "client_secret"):
        if not getattr(own, name):
            raise ConfigError(f"plugins.oidc.{name} is not set; the provider's page for this client has it.")
    if not config.public_url:
        raise ConfigError("public_url is not set; the provider has to know where people come back to.")
    provider = Provider(own, config.public_url.rstrip("/"))
    yield Route(path="sign-in", respond=provider.begin, summary="Goes to the provider.", access="public")
    yield Route(path="callback", respond=provider.end, summary="Comes back from the provider.", access="public")


class Provider:
    """One provider. What it says of itself is asked for when somebody signs in first, and then kept."""

    def __init__(self, own: Any, public_url: str) -> None:
        self._own = own
        self._here = f"{public_url}/api/x/oidc/callback"

    @cached_property
    def _metadata(self) -> Mapping[str, Any]:
        return self._asked("GET", f"{self._own.issuer.rstrip('/')}/.well-known/openid-configuration")

    def _asked(self, method: str, url: str, **options: Any) -> Mapping[str, Any]:
        import httpx  # noqa: PLC0415 - whoever only asks which plugins there are need not wait for it

        try:
            answer = httpx.request(method, url, timeout=TIMEOUT_S, follow_redirects=method == "GET", **options)
            answer.raise_for_status()
            found: Mapping[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Refused(f"The provider cannot be asked: {error}") from error
        return found

    def begin(self, _request: ApiRequest, _farm: FarmReader) -> ApiResponse:
        """Send the browser to the provider; it keeps what shows that it is the same one that comes back."""
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._own.client_id,
            "redirect_uri": self._here,
            "scope": self._own.scope,
            "state": state,
            "nonce": nonce,
            # RFC 7636: who comes back with the code has to know what this was made of.
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        there = str(self._metadata["authorization_endpoint"])
        url = f"{there}{'&' if '?' in there else '?'}{urlencode(asked)}"
        return ApiResponse(status=303, location=url, cookies={COOKIE: f"{state}.{nonce}.{verifier}"})

    def end(self, request: ApiRequest, _farm: FarmReader) -> ApiResponse:
        """Take what the provider says of whoever comes back. Raises `Refused` when it does not hold."""
        if problem := request.query.get("error"):
            raise Refused(f"The provider did not sign you in: {request.query.get('error_description') or problem}")
        state, _, rest = request.cookies.get(COOKIE, "").partition(".")
        nonce, _, verifier = rest.partition(".")
        if not state or not secrets.compare_digest(state, request.query.get("state", "")):
            raise Refused("This browser did not begin to sign in, or too long ago; begin anew.")
        claims = self._claims(request.query.get("code", ""), nonce, verifier)
        return ApiResponse(status=303, location="/", cookies={COOKIE: ""}, sign_in=self._identity(claims))

    def _claims(self, code: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        from joserfc import jwt  # noqa: PLC0415 - see above
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        try:
            keys = KeySet.import_key_set(dict(self._asked("GET", self._metadata["jwks_uri"])))  # type: ignore[arg-type]
            found = jwt.decode(self._exchanged(code, verifier)["id_token"], keys, algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self._metadata["issuer"]},
                aud={"essential": True, "value": self._own.client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(found.claims)
        except (JoseError, KeyError, ValueError) as error:
            raise Refused(f"What the provider says does not hold: {error}") from error
        claims: Mapping[str, Any] = found.claims
        return claims

    def _exchanged(self, code: str, verifier: str) -> Mapping[str, Any]:
        """What the provider gives for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._here,
            "code_verifier": verifier,
        }
        secret = (self._own.client_id, self._own.client_secret)
        # Basic is what is meant where a provider does not say (OpenID Connect Discovery, section 3).
        if BASIC in self._metadata.get("token_endpoint_auth_methods_supported", [BASIC]):
            return self._asked("POST", self._metadata["token_endpoint"], data=form, auth=secret)
        form |= {"client_id": secret[0], "client_secret": secret[1]}
        return self._asked("POST", self._metadata["token_endpoint"], data=form)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        name = claims.get(self._own.name_claim)
        if not isinstance(name, str) or not name:
            raise Refused(f"The provider does not say {self._own.name_claim}, by which people are known here.")
        if self._own.name_claim == "email" and claims.get("email_verified") is not True:
            raise Refused("The provider does not say that the address is yours, by which people are known here.")
        groups = claims.get(self._own.groups_claim) or ()
        held = {self._own.groups[group] for group in groups if group in self._own.groups}
        highest: PersonRole | None = next((role for role in reversed(ROLES) if role in held), self._own.role or None)
        return Identity(name=name, role=highest, subject=f"{self._own.issuer} {claims.get('sub')}")
