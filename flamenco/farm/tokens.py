"""Tokens: what programs show instead of a password, each with its role and a name, so that one can be revoked."""

from __future__ import annotations

from datetime import timedelta

from flamenco.domain.access import (
    PEOPLE,
    PROGRAMS,
    Access,
    Caller,
    Reach,
    Role,
    Token,
    TokenText,
    at_most,
    new_token,
    reach,
)
from flamenco.domain.errors import AccessDenied, NotFound, Refused
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.store import users as store

MOST_NAME = 100


def add(
    farm: Farm, by: Caller, name: str, role: Role | None, *, lasts: timedelta | None = None, for_user: str = ""
) -> tuple[Token, TokenText]:
    """Make a token, for oneself or, as an administrator, for the farm or `for_user`. Its text is never seen again.

    The role is one of those for programs, or of people, and none that whoever makes it does not have: None is their
    own. Raises `Refused`, `NotFound` for the user, `AccessDenied`.
    """
    if not _administers(by) and (by.user_key is None or for_user not in ("", by.name)):
        raise AccessDenied("a token belongs to somebody who has signed in; only administrators make them for others")
    if not name or len(name) > MOST_NAME:
        raise Refused(f"name: is to have from 1 to {MOST_NAME} characters, and to say what the token is for")
    owner = for_user or (by.name if by.user_key is not None else "")
    now, text = farm.clock(), new_token()
    with farm.store.write() as tx:
        user = store.fetch_user(tx, owner) if owner else None
        highest = at_most(user.role, by.role or Role.VIEWER) if user else by.role
        if highest not in PEOPLE:
            raise AccessDenied(f"somebody with the role {highest} makes no tokens")
        role = role or highest
        if role not in (*PEOPLE, *PROGRAMS):
            raise Refused(f"role: {role} is for workers, which register; there are {', '.join((*PEOPLE, *PROGRAMS))}")
        if at_most(role, highest) is not role:
            raise Refused(f"role: {role} is more than {owner or 'who makes it'} has, which is {highest}")
        ends = [each for each in (by.until, None if lasts is None else now + lasts) if each is not None]
        token = Token(
            key=0,
            id=text.id,
            name=name,
            role=role,
            user=owner,
            user_key=user.key if user else None,
            created=now,
            expires=min(ends, default=None),  # one that was made with another one ends with it
        )
        store.insert_token(tx, token, text.secret_hash)
        audit.note(tx, now, "token", text.id, name, after={"role": role, "user": owner, "expires": token.expires})
    return token, text


def listed(farm: Farm, by: Caller) -> list[Token]:
    """All tokens for an administrator, for others their own."""
    if not _administers(by) and by.user_key is None:
        return []
    with farm.store.read() as tx:
        return store.all_tokens(tx, None if _administers(by) else by.user_key)


def revoke(farm: Farm, by: Caller, token_id: str) -> None:
    """Have a token open nothing any more: here at once, and within seconds in other processes. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        found = store.find_token(tx, token_id)
        is_theirs = found and (_administers(by) or (by.user_key and found[0].user_key == by.user_key))
        if not found or not is_theirs:
            raise NotFound(f"there is no token {token_id!r} of yours")
        store.remove_token(tx, found[0])
        audit.note(tx, now, "token", token_id, found[0].name, before={"role": found[0].role, "user": found[0].user})
    farm.known_callers.forget()


def _administers(by: Caller) -> bool:
    return reach(by.role, Access.ADMINISTER) is Reach.ALL
