"""Users, their browsers that are signed in, and tokens of programs. Of no secret there is more than a hash."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from flamenco.domain.access import PEOPLE, Role, Token, User
from flamenco.domain.errors import Conflict, NotFound
from flamenco.store.engine import Tx
from flamenco.store.schema import checkouts, jobs, sessions, tokens, users

_PAGE: Final = 500

_USER_COLUMNS = (
    *(users.c.key, users.c.name, users.c.role, users.c.password_hash, users.c.created),
    *(users.c.plugin, users.c.subject, users.c.is_role_of_plugin),
)
_USER = select(*_USER_COLUMNS)
_BY_NAME = _USER.where(users.c.name == bindparam("name"))


def _user(row: Any) -> User:
    return User(
        key=row.key,
        name=row.name,
        role=Role(row.role),
        has_password=bool(row.password_hash),
        created=row.created,
        plugin=row.plugin,
        subject=row.subject,
        is_role_of_plugin=row.is_role_of_plugin,
    )


def insert_user(tx: Tx, name: str, role: Role, password_hash: str, now: datetime) -> User:
    """Store a user. Raises `Conflict` when there is one of that name."""
    values = {"name": name, "role": role, "password_hash": password_hash, "created": now}
    try:
        key: int = tx.execute(insert(users).returning(users.c.key), values).scalar_one()
    except IntegrityError as error:
        raise Conflict(f"there is a user {name!r} already") from error
    return User(key=key, name=name, role=role, has_password=bool(password_hash), created=now)


def save_user(tx: Tx, user: User, password_hash: str | None = None) -> None:
    """Write back what may change of a user, and another password where there is one."""
    values: dict[str, Any] = {name: getattr(user, name) for name in ("role", "plugin", "subject", "is_role_of_plugin")}
    if password_hash is not None:
        values["password_hash"] = password_hash
    tx.execute(update(users).where(users.c.key == user.key).values(**values))


REMOVED: Final = " (removed)"
"""What follows the name of a user who is gone, where something was theirs: nobody can be called so."""


def remove_user(tx: Tx, user: User) -> None:
    """Forget a user, with tokens and sessions. What was theirs is not of somebody else who gets that name."""
    tx.execute(delete(users).where(users.c.key == user.key))
    gone = f"{user.name}{REMOVED}"
    # In the order in which jobs are locked; and not before the user is gone, by whom none can come in from then on.
    theirs = select(jobs.c.key).where(jobs.c.owner == user.name, jobs.c.owner_address == "").order_by(jobs.c.key)
    keys = tx.execute(theirs.with_for_update()).scalars().all()
    for start in range(0, len(keys), _PAGE):
        tx.execute(update(jobs).where(jobs.c.key.in_(keys[start : start + _PAGE])).values(owner=gone))
    tx.execute(update(checkouts).where(checkouts.c.maker == user.name).values(maker=gone))


_IS_THERE = select(users.c.key).where(users.c.key == bindparam("key"), users.c.name == bindparam("name"))


def keep(tx: Tx, key: int, name: str) -> bool:
    """Have a user stay until the transaction ends; False for one who is gone."""
    statement = _IS_THERE.with_for_update(read=True, key_share=True)
    return tx.execute(statement, {"key": key, "name": name}).first() is not None


def find_user(tx: Tx, name: str) -> tuple[User, str] | None:
    """The user of that name, with the hash of the password; empty for whoever has none."""
    row = tx.execute(_BY_NAME, {"name": name}).one_or_none()
    return (_user(row), row.password_hash) if row else None


def fetch_user(tx: Tx, name: str) -> User:
    """The user of that name. Raises `NotFound`."""
    found = find_user(tx, name)
    if found is None:
        raise NotFound(f"there is no user {name!r}")
    return found[0]


def all_users(tx: Tx) -> list[User]:
    """Every user, by name."""
    return [_user(row) for row in tx.execute(_USER.order_by(users.c.name))]


def lock_admins(tx: Tx) -> int:
    """Keep those who can administer the farm what they are until the transaction ends; how many they are."""
    return len(tx.execute(select(users.c.key).where(users.c.role == Role.ADMIN).with_for_update()).all())


_TOKEN = select(
    *(tokens.c.key, tokens.c.id, tokens.c.name, tokens.c.role, users.c.name.label("user"), tokens.c.user_key),
    *(tokens.c.once, tokens.c.created, tokens.c.expires, tokens.c.last_used, tokens.c.secret_hash),
    users.c.role.label("user_role"),
).outerjoin(users, users.c.key == tokens.c.user_key)
_BY_ID = _TOKEN.where(tokens.c.id == bindparam("id"))


def _token(row: Any) -> Token:
    return Token(
        key=row.key,
        id=row.id,
        name=row.name,
        role=Role(row.role),
        user=row.user or "",
        user_key=row.user_key,
        once=row.once,
        created=row.created,
        expires=row.expires,
        last_used=row.last_used,
    )


def insert_token(tx: Tx, token: Token, secret_hash: str) -> None:
    """Store a token; its `key` is given here."""
    names = ("id", "name", "role", "user_key", "once", "created", "expires")
    tx.execute(insert(tokens), {name: getattr(token, name) for name in names} | {"secret_hash": secret_hash})


def find_token(tx: Tx, token_id: str) -> tuple[Token, str, Role | None] | None:
    """A token, the hash of its secret, and the role that its user has now, where it has one."""
    row = tx.execute(_BY_ID, {"id": token_id}).one_or_none()
    if row is None:
        return None
    return _token(row), row.secret_hash, None if row.user_role is None else Role(row.user_role)


def all_tokens(tx: Tx, user_key: int | None = None) -> list[Token]:
    """Every token, the oldest first, or those of one user; not the links that are for once."""
    statement = _TOKEN.where(tokens.c.once.is_(False)).order_by(tokens.c.key)
    if user_key is not None:
        statement = statement.where(tokens.c.user_key == user_key)
    return [_token(row) for row in tx.execute(statement)]


def remove_token(tx: Tx, token: Token) -> bool:
    """Revoke a token; whether it was still there."""
    return tx.execute(delete(tokens).where(tokens.c.key == token.key)).rowcount == 1


def remove_tokens_of(tx: Tx, user: User) -> None:
    """Revoke a user's tokens with roles of people."""
    tx.execute(delete(tokens).where(tokens.c.user_key == user.key, tokens.c.role.in_(PEOPLE)))


def remove_links(tx: Tx) -> None:
    """Revoke every link that is for once."""
    tx.execute(delete(tokens).where(tokens.c.once.is_(True)))


def token_used(tx: Tx, key: int, now: datetime) -> None:
    """Note that it was used."""
    tx.execute(update(tokens).where(tokens.c.key == key).values(last_used=now))


_SESSION = (
    select(*_USER_COLUMNS, sessions.c.last_used)
    .join(users, users.c.key == sessions.c.user_key)
    .where(sessions.c.secret_hash == bindparam("secret_hash"), sessions.c.expires > bindparam("now"))
)


def insert_session(tx: Tx, user: User, secret_hash: str, now: datetime, expires: datetime) -> None:
    """Store that a browser is signed in."""
    values = {"secret_hash": secret_hash, "user_key": user.key, "created": now, "last_used": now, "expires": expires}
    tx.execute(insert(sessions), values)


def find_session(tx: Tx, secret_hash: str, now: datetime) -> tuple[User, datetime] | None:
    """Who is signed in there, and when it was used last as far as that was noted."""
    row = tx.execute(_SESSION, {"secret_hash": secret_hash, "now": now}).one_or_none()
    return (_user(row), row.last_used) if row else None


def session_used(tx: Tx, secret_hash: str, now: datetime, expires: datetime) -> None:
    """Note that it was used, and lasts until another moment."""
    statement = update(sessions).where(sessions.c.secret_hash == secret_hash)
    tx.execute(statement.values(last_used=now, expires=expires))


def remove_session(tx: Tx, secret_hash: str) -> None:
    """Sign out."""
    tx.execute(delete(sessions).where(sessions.c.secret_hash == secret_hash))


def remove_sessions_of(tx: Tx, user: User) -> None:
    """Sign a user out everywhere."""
    tx.execute(delete(sessions).where(sessions.c.user_key == user.key))


def forget_expired(tx: Tx, now: datetime) -> None:
    """Drop sessions, and tokens, that open nothing any more; tokens a month later, so that people see them."""
    tx.execute(delete(sessions).where(sessions.c.expires <= now))
    tx.execute(delete(tokens).where(tokens.c.once.is_(True), tokens.c.expires <= now))
