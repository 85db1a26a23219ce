"""Who can sign in, with which role. The last one who can administer the farm stays."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from flamenco.domain.access import PEOPLE, Caller, Role, User
from flamenco.domain.errors import AccessDenied, Conflict, Refused
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.hooks.authentication import Identity
from flamenco.store import users as store

_NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,63}")


def everybody(farm: Farm) -> list[User]:
    """Every user, by name."""
    with farm.store.read() as tx:
        return store.all_users(tx)


def add(farm: Farm, name: str, role: Role, password: str = "") -> User:
    """Add a user, with a password unless somebody else knows them. Raises `Refused`, or `Conflict` for a known name."""
    name, role = checked_name(name), checked_role(role)
    password_hash = farm.passwords.hash(password) if password else ""
    now = farm.clock()
    with farm.store.write() as tx:
        user = store.insert_user(tx, name, role, password_hash, now)
        audit.note(tx, now, "user", name, name, after={"role": role})
        if role is Role.ADMIN:
            store.remove_links(tx)
    return user


def change(farm: Farm, name: str, role: Role | None = None, password: str | None = None) -> User:
    """Give a user another role, or another password, with which they have to sign in anew everywhere.

    Raises `NotFound`, `Refused`, and `Conflict` when nobody could administer the farm any more.
    """
    password_hash = None if password is None else farm.passwords.hash(password)
    now = farm.clock()
    with farm.store.write() as tx:
        before = store.fetch_user(tx, name)
        user = replace(before, role=checked_role(role or before.role))
        _check_admins(store.count_admins(tx), before, user)
        store.save_user(tx, user, password_hash)
        if password_hash is not None:
            store.remove_sessions_of(tx, user)
        changed = {"password": "changed"} if password_hash is not None else {}
        audit.note(tx, now, "user", name, name, before={"role": before.role}, after={"role": user.role, **changed})
    farm.known_callers.forget()
    return user


def of_plugin(farm: Farm, identity: Identity) -> User:
    """The user that a plugin knows, who becomes one with their role; one that there is has another role if it says so.

    Raises `AccessDenied` for somebody without a role, and for a name that belongs to somebody with a password: whoever
    gets that name elsewhere is not to become them.
    """
    name, role = checked_name(identity.name), Role(identity.role) if identity.role else None
    with farm.store.read() as tx:
        known = store.find_user(tx, name)
    if known is None and role is None:
        raise AccessDenied(f"{name} is no user of this farm; somebody with the role admin has to make one of them")
    if known is not None and known[0].has_password:
        raise AccessDenied(f"there is another user {name}, who signs in with a password")
    if known is not None and role in (None, known[0].role):
        return known[0]
    now = farm.clock()
    with farm.store.write() as tx:
        found = store.find_user(tx, name)  # another process may have been quicker
        if found is None:
            user = store.insert_user(tx, name, role or Role.VIEWER, "", now)
        else:
            user = replace(found[0], role=role or found[0].role)
            store.save_user(tx, user)
        audit.note(tx, now, "user", name, name, after={"role": user.role})
    return user


def change_own_password(farm: Farm, by: Caller, old: str, new: str) -> None:
    """Give oneself another password. Raises `AccessDenied` for a wrong old one, `Refused`, `Busy`."""
    who = (f"name {by.name.lower()}",)
    farm.in_vain.check(who)
    with farm.store.read() as tx:
        found = store.find_user(tx, by.name) if by.user_key is not None else None
    if found is None:
        raise Refused("whoever has not signed in has no password")
    if not farm.passwords.is_right(old, found[1]):
        farm.in_vain.failed(who)
        raise AccessDenied("old: that is not the present password")
    change(farm, by.name, password=new)


def remove(farm: Farm, name: str) -> None:
    """Forget a user; their tokens open nothing any more. Raises `NotFound`, and `Conflict` for the last admin."""
    now = farm.clock()
    with farm.store.write() as tx:
        user = store.fetch_user(tx, name)
        _check_admins(store.count_admins(tx), user, None)
        store.remove_user(tx, user)
        audit.note(tx, now, "user", name, name, before={"role": user.role})
    farm.known_callers.forget()


def checked_name(name: str) -> str:
    """The name, if it can be one. Raises `Refused`."""
    if not _NAME.fullmatch(name):
        raise Refused(f"name: {name[:70]!r} cannot be one; letters, digits and . _ @ + - can, 64 at most")
    return name


def checked_role(role: Role) -> Role:
    """The role, if people can have it. Raises `Refused`."""
    if role not in PEOPLE:
        raise Refused(f"role: {role} is for programs; people are {', '.join(PEOPLE)}")
    return role


def _check_admins(admins: int, before: User, after: User | None) -> None:
    stays = after is not None and after.role is Role.ADMIN
    if before.role is Role.ADMIN and not stays and admins == 1:
        raise Conflict(f"{before.name} is the only one with the role admin; make somebody else one first")
