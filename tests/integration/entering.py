"""Asking a manager as this one or that: with a token, as a worker, or from an address."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from falcon import testing

from flamenco.api.app import Application, create_app
from flamenco.config.access_settings import AccessConfig, WorkersConfig
from flamenco.domain.access import ITSELF, Role
from flamenco.farm import tokens, users
from flamenco.farm.context import Farm

PASSWORD = "a password of enough letters"
PUBLIC_ADDRESS = "8.8.4.4"
PRIVATE_ADDRESS = "10.1.2.3"


def access(mode: str, registration: str = "auto", **settings: Any) -> dict[str, Any]:
    """Settings of a manager in that mode."""
    return {
        "access": AccessConfig(mode=mode, **settings),  # type: ignore[arg-type]
        "workers": WorkersConfig(registration=registration),  # type: ignore[arg-type]
    }


def token_of(farm: Farm, role: Role, name: str = "") -> str:
    """A token with that role; of the farm, or of a user who has at least that."""
    return str(tokens.add(farm, ITSELF, f"for {role}", role, for_user=name)[1])


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


# Of few farms at a time: an application keeps its farm, and hundreds of both would be looked through for garbage.
@lru_cache(maxsize=4)
def _application(farm: Farm) -> Application:
    """The one that all clients of a farm ask, made when the first one does."""
    return create_app(farm)


class Client:
    """Somebody who asks a manager, always from the same address and with the same headers."""

    def __init__(self, farm: Farm, headers: dict[str, str] | None = None, address: str = PRIVATE_ADDRESS) -> None:
        self._client = testing.TestClient(_application(farm))
        self.headers = headers or {}
        self.address = address

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> testing.Result:
        """Ask."""
        return self._client.simulate_request(
            method, path, json=body, headers=self.headers | headers, remote_addr=self.address
        )

    def get(self, path: str) -> testing.Result:
        """GET it."""
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> testing.Result:
        """POST it."""
        return self.ask("POST", path, body)


def with_token(farm: Farm, role: Role, address: str = PRIVATE_ADDRESS, user: str = "") -> Client:
    """Somebody with a token of that role."""
    return Client(farm, {"Authorization": f"Bearer {token_of(farm, role, user)}"}, address)


def add_user(farm: Farm, name: str, role: Role) -> None:
    """A user who can sign in with `PASSWORD`."""
    users.add(farm, name, role, PASSWORD)
