"""Who makes a request, by what it brings: a token, a browser's session, what a plugin knows, where it comes from."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.config import Config
from flamenco.config.access_settings import NetworkRoles
from flamenco.domain.access import Caller, Mode, Role, Way, at_most, hash_of, is_private, token_in
from flamenco.domain.errors import FarmError, SignInNeeded
from flamenco.farm import failed_sign_ins, users
from flamenco.farm.context import Farm
from flamenco.hooks.authentication import Identity, Presented
from flamenco.store import users as store

log = structlog.get_logger(__name__)

_NOTED_EVERY: Final = timedelta(minutes=1)

HOW_TO_SIGN_IN: Final = "sign in at the manager's page, or with `flamenco login`, or send a token"


class Credentials(Struct, frozen=True, kw_only=True):
    """What a request brings. `token` and `session` are texts, empty for none.

    `strange_proxy`: a proxy says that it asks for somebody else, and is none that the configuration names; `by_proxy`:
    it is one that is trusted. `headers` are by their names in lower case, for plugins.
    """

    address: str
    by_proxy: bool = False
    headers: Mapping[str, str] = {}
    strange_proxy: bool = False
    token: str = ""
    session: str = ""


def identify(farm: Farm, brought: Credentials) -> Caller:
    """Who that is; what fits first counts, and a token that opens nothing is refused.

    Looked up in the database every few seconds only. Raises `SignInNeeded`.
    """
    if brought.token:
        known = farm.known_callers.find(Way.TOKEN, brought.token, lambda: _by_token(farm, brought))
        if known is None:
            text = token_in(brought.token)
            tried = f"token {text.id}" if text else "what is no token"  # whatever that is, it may be a secret
            failed_sign_ins.note(farm, tried, brought.address, way=Way.TOKEN, why="revoked, expired or unknown")
            raise SignInNeeded("The token is not known here: it was revoked, has expired, or is of another manager.")
        return _at(known, brought.address)
    if brought.session:
        known = farm.known_callers.find(Way.SESSION, brought.session, lambda: _by_session(farm, brought))
        if known is not None:
            return _at(known, brought.address)
    return _by_plugin(farm, brought) or by_network(farm.config, farm.network_roles, brought)


def _at(caller: Caller, address: str) -> Caller:
    """The one that is known, from where they ask now."""
    if caller.address == address:
        return caller
    return replace(caller, address=address)


def _by_token(farm: Farm, brought: Credentials) -> Caller | None:
    text, now = token_in(brought.token), farm.clock()
    if text is None:
        return None
    with farm.store.read() as tx:
        found = store.find_token(tx, text.id)
    if found is None:
        return None
    token, secret_hash, user_role = found
    if not hmac.compare_digest(text.secret_hash, secret_hash) or token.once or token.is_expired(now):
        return None
    if token.user_key is not None and user_role is None:
        return None
    # A user who was made less is less with a token that is older as well.
    role = token.role if user_role is None else at_most(token.role, user_role)
    if role is None:
        return None
    if token.last_used is None or now - token.last_used > _NOTED_EVERY:
        _note(farm, lambda: _token_used(farm, token.key, now))
    name = token.user or f"token {token.name} {token.id}"  # two that are called alike are two
    return Caller(
        role=role,
        way=Way.TOKEN,
        address=brought.address,
        name=name,
        user_key=token.user_key,
        until=token.expires,
    )


def _by_session(farm: Farm, brought: Credentials) -> Caller | None:
    secret_hash, now = hash_of(brought.session), farm.clock()
    with farm.store.read() as tx:
        found = store.find_session(tx, secret_hash, now)
    if found is None:
        return None
    user, last_used = found
    if now - last_used > _NOTED_EVERY and not user.plugin:  # who may have become somebody else there
        _note(farm, lambda: _session_used(farm, secret_hash, now))
    return Caller(role=user.role, way=Way.SESSION, address=brought.address, name=user.name, user_key=user.key)


def _by_plugin(farm: Farm, brought: Credentials) -> Caller | None:
    presented = Presented(address=brought.address, headers=brought.headers, by_proxy=brought.by_proxy)
    for authenticator in farm.authenticators.values():
        identity = farm.hooks.identify(authenticator, presented)
        if identity is not None:
            # Not every request need look for the user, or make one.
            key = f"{authenticator.name} {identity.role} {identity.name} {identity.subject}"
            known = farm.known_callers.find(
                Way.PLUGIN, key, partial(_of_plugin, farm, authenticator.name, identity, brought)
            )
            return known and _at(known, brought.address)
    return None


def _of_plugin(farm: Farm, plugin: str, identity: Identity, brought: Credentials) -> Caller:
    user = users.of_plugin(farm, plugin, identity)
    return Caller(role=user.role, way=Way.PLUGIN, address=brought.address, name=user.name, user_key=user.key)


def _note(farm: Farm, write: Callable[[], None]) -> None:
    """Note when it was used last; whoever uses it need not wait for a database that is busy."""
    try:
        write()
    except FarmError as error:
        if farm.repeated.times("last use"):
            log.warning("it could not be noted when a token was used last", reason=str(error))


def _token_used(farm: Farm, key: int, now: datetime) -> None:
    with farm.store.write() as tx:
        store.token_used(tx, key, now)


def _session_used(farm: Farm, secret_hash: str, now: datetime) -> None:
    with farm.store.write() as tx:
        store.session_used(tx, secret_hash, now, now + timedelta(seconds=farm.config.access.session))


def by_network(config: Config, rules: NetworkRoles, brought: Credentials) -> Caller:
    """Who somebody is without credentials: by the rule for their network, else by the mode."""
    if brought.strange_proxy and config.access.mode != "open":
        return _nobody(
            brought,
            "A proxy asks for somebody, and is not one that the manager believes, or does not say for whom; name its "
            "address in flamenco-manager.yaml: access: {proxy: {trusted: [ADDRESS]}}, and have it set X-Forwarded-For.",
        )
    role = rules.of(brought.address)
    if role is not None:
        return Caller(role=role, way=Way.NETWORK, address=brought.address)
    if config.mode is Mode.OPEN:
        return Caller(role=Role.ADMIN, way=Way.MODE, address=brought.address)
    if config.mode is Mode.LAN and is_private(brought.address):
        return Caller(role=Role.ARTIST, way=Way.MODE, address=brought.address)
    return _nobody(brought, f"This manager wants to know who you are: {HOW_TO_SIGN_IN}.")


def _nobody(brought: Credentials, why_not: str) -> Caller:
    return Caller(
        role=None,
        way=Way.NOBODY,
        address=brought.address,
        why_not=why_not,
        by_strange_proxy=brought.strange_proxy,
    )
