"""Signing in and out, in a browser; and the link by which the first one becomes a user."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

import structlog

from flamenco.domain.access import (
    Caller,
    Mode,
    Role,
    Token,
    TokenText,
    User,
    Way,
    hash_of,
    machine_of,
    new_token,
    token_in,
)
from flamenco.domain.errors import AccessDenied
from flamenco.farm import audit, failed_sign_ins, users
from flamenco.farm.context import Farm
from flamenco.store import users as store
from flamenco.store.engine import Tx

log = structlog.get_logger(__name__)

LINK_LASTS: Final = timedelta(hours=1)
A_DAY: Final = timedelta(days=1)

_NO_LINK: Final = "This link was used already, or is too old; the manager prints another one when it starts."
_WRONG: Final = "There is no user of that name with that password."


def sign_in(farm: Farm, name: str, password: str, address: str) -> tuple[User, str]:
    """Sign somebody in: who it is, and the secret of the session. Raises `AccessDenied`, `Busy`.

    Whoever is wrong again and again waits, by name and by address; and a name alone only after very many, from
    wherever, so that nobody keeps somebody else out by a few.
    """
    called, machine = name.lower()[:100], machine_of(address)
    who = (f"{called} from {machine}", f"address {machine}")
    farm.signing_in.check(*who)
    farm.signing_in_by_name.check(called)
    with farm.store.read() as tx:
        found = store.find_user(tx, name)
    if not farm.passwords.is_right(password, found[1] if found else "") or found is None:
        farm.signing_in.failed(*who)
        farm.signing_in_by_name.failed(called)
        log.warning("somebody could not sign in", name=name[:100], address=address)
        failed_sign_ins.note(farm, name, address, way=Way.NOBODY, why="no such user, or another password")
        raise AccessDenied(_WRONG)
    # Not of the address: who knows one password may be guessing others.
    farm.signing_in.succeeded(who[0])
    farm.signing_in_by_name.succeeded(called)
    return found[0], start_session(farm, found[0], address)


def start_session(farm: Farm, user: User, address: str) -> str:
    """The secret of a new session of somebody who has shown who they are."""
    secret, now = secrets.token_hex(32), farm.clock()
    by = Caller(role=user.role, way=Way.SESSION, address=address, name=user.name, user_key=user.key)
    with audit.acting(by, "signIn"), farm.store.write() as tx:
        store.insert_session(tx, user, hash_of(secret), now, now + _lasts(farm, user))
        audit.note(tx, now, "session", user.name, user.name)
    return secret


def _lasts(farm: Farm, user: User) -> timedelta:
    """How long a session lasts; of somebody whom a plugin knows, a day at most: they may be nobody there tomorrow."""
    configured = timedelta(seconds=farm.config.access.session)
    return min(configured, A_DAY) if user.plugin else configured


def sign_out(farm: Farm, secret: str) -> None:
    """End a session."""
    with farm.store.write() as tx:
        store.remove_session(tx, hash_of(secret))
    farm.known_callers.forget()


def first_link(farm: Farm) -> str | None:
    """A token by which somebody becomes the first administrator; None where that is not needed, or there are some.

    Those that were made before open nothing any more.
    """
    if farm.config.mode is Mode.OPEN:
        return None
    text, now = new_token(), farm.clock()
    with farm.store.write() as tx:
        if store.lock_admins(tx) > 0:
            return None
        store.remove_links(tx)
        link = Token(
            key=0, id=text.id, name="first user", role=Role.ADMIN, once=True, created=now, expires=now + LINK_LASTS
        )
        store.insert_token(tx, link, text.secret_hash)
    return str(text)


def become_first(farm: Farm, link: str, name: str, password: str, address: str) -> tuple[User, str]:
    """Make whoever has the link the first administrator, and sign them in. Raises `AccessDenied`, `Refused`, `Busy`."""
    who = f"address {machine_of(address)}"
    farm.signing_in.check(who)
    text = token_in(link)
    if text is None:
        raise AccessDenied(_NO_LINK)
    name, password_hash = users.checked_name(name), farm.passwords.hash(password)
    now = farm.clock()
    by = Caller(role=Role.ADMIN, way=Way.TOKEN, address=address, name=name)
    with audit.acting(by, "signIn"), farm.store.write() as tx:
        user = None
        if not store.lock_admins(tx) and _take_link(tx, text, now):
            user = store.insert_user(tx, name, Role.ADMIN, password_hash, now)
            audit.note(tx, now, "user", name, name, after={"role": Role.ADMIN})
    if user is None:
        farm.signing_in.failed(who)
        failed_sign_ins.note(farm, name, address, way=Way.NOBODY, why="the link for the first user is not good")
        raise AccessDenied(_NO_LINK)
    return user, start_session(farm, user, address)


def _take_link(tx: Tx, text: TokenText, now: datetime) -> bool:
    """Whether that is a link which may be used still; it is not, from then on."""
    found = store.find_token(tx, text.id)
    if found is None:
        return False
    token, secret_hash, _ = found
    is_good = token.once and not token.is_expired(now) and hmac.compare_digest(text.secret_hash, secret_hash)
    return is_good and store.remove_token(tx, token)
