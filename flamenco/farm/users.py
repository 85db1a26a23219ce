"""Who can sign in, with which role. The last one who can administer the farm stays."""

from __future__ import annotations

import re
from typing import Final

import structlog
from msgspec.structs import replace

from flamenco.domain.access import PEOPLE, Caller, Role, User, Way
from flamenco.domain.errors import AccessDenied, Conflict, Refused
from flamenco.farm import audit, failed_sign_ins
from flamenco.farm.context import Farm
from flamenco.hooks.authentication import Identity
from flamenco.store import users as store

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,63}")


def everybody(farm: Farm) -> list[User]:
    """Every user, by name."""
    with farm.store.read() as tx:
        return store.all_users(tx)


def add(farm: Farm, name: str, role: Role, password: str | None = None) -> User:
    """Add a user, with a password unless somebody else knows them. Raises `Refused`, or `Conflict` for a known name."""
    name, role = checked_name(name), checked_role(role)
    password_hash = "" if password is None else farm.passwords.hash(password)
    now = farm.clock()
    with farm.store.write() as tx:
        user = store.insert_user(tx, name, role, password_hash, now)
        audit.note(tx, now, "user", name, name, after={"role": role})
        if role is Role.ADMIN:
            store.remove_links(tx)
    return user


def change(farm: Farm, name: str, role: Role | None = None, password: str | None = None) -> User:
    """Give a user another role, or another password, with which they have to sign in anew everywhere.

    With the old password go all tokens of theirs that may do what they may; those of programs stay.

    Raises `NotFound`, `Refused`, and `Conflict` when nobody could administer the farm any more.
    """
    password_hash = None if password is None else farm.passwords.hash(password)
    now = farm.clock()
    with farm.store.write() as tx:
        before = store.fetch_user(tx, name)
        user = replace(before, role=checked_role(role or before.role))
        if role is not None:
            user = replace(user, is_role_of_plugin=False)
        _check_admins(store.lock_admins(tx), before, user)
        store.save_user(tx, user, password_hash)
        if password_hash is not None:
            # Whoever had the old one may have made some of those.
            store.remove_sessions_of(tx, user)
            store.remove_tokens_of(tx, user)
        changed = {"password": "changed"} if password_hash is not None else {}
        audit.note(tx, now, "user", name, name, before={"role": before.role}, after={"role": user.role, **changed})
    farm.known_callers.forget()
    return user


def of_plugin(farm: Farm, plugin: str, identity: Identity) -> User:
    """The user that a plugin knows, who becomes one with their role; one that there is has the role that it says now.

    Raises `AccessDenied` for somebody without a role, or who has lost the one that the plugin gave; and for a name that
    belongs to somebody else: a user with a password, of another plugin, or of the same who is told apart from this one.
    Whoever gets a name elsewhere is not to become who has it here.
    """
    name, role = checked_name(identity.name), Role(identity.role) if identity.role else None
    with farm.store.read() as tx:
        found = store.find_user(tx, name)
    if found is not None and _as_plugin_has_it(found[0], plugin, identity, role) == found[0]:
        return found[0]
    now = farm.clock()
    with farm.store.write() as tx:
        found = store.find_user(tx, name)  # another process may have been quicker
        if found is None and role is None:
            raise AccessDenied(f"{name} is no user of this farm; somebody with the role admin has to make one of them")
        before = found[0] if found else store.insert_user(tx, name, role or Role.VIEWER, "", now)
        user = _as_plugin_has_it(before, plugin, identity, role)
        if before.role is Role.ADMIN is not user.role and store.lock_admins(tx) == 1:
            log.warning("the only one with the role admin keeps it", name=name, plugin=plugin, role=user.role)
            user = replace(user, role=Role.ADMIN)
        store.save_user(tx, user)
        if user.role is not before.role or found is None:
            audit.note(tx, now, "user", name, name, after={"role": user.role, "plugin": plugin})
    return user


def _as_plugin_has_it(user: User, plugin: str, identity: Identity, role: Role | None) -> User:
    """The user, with what the plugin says. Raises `AccessDenied` when that is somebody else."""
    is_new = not user.plugin  # made by hand, for whoever comes by that name first
    if user.has_password or not (is_new or (user.plugin == plugin and user.subject == identity.subject)):
        raise AccessDenied(f"there is another user {user.name}; somebody with the role admin can remove that one")
    if role is None and user.is_role_of_plugin:
        raise AccessDenied(f"{user.name} has no role in this farm any more")
    user = replace(user, plugin=plugin, subject=identity.subject)
    return user if role is None else replace(user, role=role, is_role_of_plugin=True)


def change_own_password(farm: Farm, by: Caller, old: str, new: str) -> None:
    """Give oneself another password. Raises `AccessDenied` for a wrong old one, `Refused`, `Busy`."""
    if by.way is not Way.SESSION:
        raise AccessDenied("sign in with the password that is to be another one")
    who = f"password of {by.name}"
    farm.signing_in.check(who)
    with farm.store.read() as tx:
        found = store.find_user(tx, by.name)
    if found is None or not farm.passwords.is_right(old, found[1]):
        farm.signing_in.failed(who)
        failed_sign_ins.note(farm, by.name, by.address, way=by.way, why="not the present password")
        raise AccessDenied("old: that is not the present password")
    change(farm, by.name, password=new)


def remove(farm: Farm, name: str) -> None:
    """Forget a user; their tokens open nothing any more. Raises `NotFound`, and `Conflict` for the last admin."""
    now = farm.clock()
    with farm.store.write() as tx:
        user = store.fetch_user(tx, name)
        _check_admins(store.lock_admins(tx), user, None)
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
