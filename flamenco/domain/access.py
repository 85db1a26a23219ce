"""Who may do what: roles, what operations need of whoever calls them, and how far each role reaches. Rules alone."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from msgspec import Struct


class Mode(StrEnum):
    """What somebody may do who brings no credentials."""

    OPEN = "open"
    LAN = "lan"
    LOGIN = "login"


WHO_MAY: Final = {
    Mode.OPEN: "whoever reaches it may do everything",
    Mode.LAN: "from private networks one may look, submit and steer one's own jobs, and all else takes signing in",
    Mode.LOGIN: "nothing can be done without signing in",
}
"""What a mode means, for whoever starts a manager."""


class Role(StrEnum):
    """What somebody is to the farm: the first four are for people, each with all that the one before it has."""

    VIEWER = "viewer"
    ARTIST = "artist"
    WRANGLER = "wrangler"
    ADMIN = "admin"
    VIEW = "view"
    SUBMIT = "submit"
    REGISTER = "register"
    WORKER = "worker"


PEOPLE: Final = (Role.VIEWER, Role.ARTIST, Role.WRANGLER, Role.ADMIN)
"""The roles of people, from the least to the most."""

PROGRAMS: Final = (Role.VIEW, Role.SUBMIT, Role.REGISTER)
"""The roles that tokens of programs may have, and keys in the path no others; workers have secrets of their own."""


SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 1_000

SHORTEST_SECRET: Final = 16
"""So many characters has the secret of a worker at least; those of all workers that there are have more."""


class Access(StrEnum):
    """What an operation is about; which roles it takes follows from that.

    public: for everybody, in every mode; prepare: what one has to know to submit; look: the farm at large; job: jobs
    and their tasks; log: what tasks logged; submit: hand in jobs and files; steer: what becomes of a job; manage:
    workers, tags, limits, undelivered events; audit: who did what; administer: settings, users; account: one's own
    tokens; register: become a worker; work: what a worker says, as itself.
    """

    PUBLIC = "public"
    PREPARE = "prepare"
    LOOK = "look"
    JOB = "job"
    LOG = "log"
    SUBMIT = "submit"
    STEER = "steer"
    MANAGE = "manage"
    AUDIT = "audit"
    ADMINISTER = "administer"
    ACCOUNT = "account"
    REGISTER = "register"
    WORK = "work"


class Reach(IntEnum):
    """How far a role reaches: nowhere, to what is one's own, to everything."""

    NOTHING = 0
    OWN = 1
    ALL = 2


def _all(*accesses: Access) -> dict[Access, Reach]:
    return dict.fromkeys(accesses, Reach.ALL)


_VIEWER: Final = _all(Access.PREPARE, Access.LOOK, Access.JOB, Access.LOG)
_ARTIST: Final = _VIEWER | _all(Access.SUBMIT, Access.ACCOUNT) | {Access.STEER: Reach.OWN}
_WRANGLER: Final = _ARTIST | _all(Access.STEER, Access.MANAGE, Access.AUDIT)
_OWN_JOBS: Final = dict.fromkeys((Access.JOB, Access.LOG, Access.STEER), Reach.OWN)

_REACHES: Final[Mapping[Role, Mapping[Access, Reach]]] = {
    Role.VIEWER: _VIEWER,
    Role.ARTIST: _ARTIST,
    Role.WRANGLER: _WRANGLER,
    Role.ADMIN: _WRANGLER | _all(Access.ADMINISTER, Access.REGISTER),
    Role.VIEW: _VIEWER,
    Role.SUBMIT: _all(Access.PREPARE, Access.SUBMIT) | _OWN_JOBS,
    Role.REGISTER: _all(Access.REGISTER),
    Role.WORKER: _all(Access.WORK),
}


def reach(role: Role | None, access: Access) -> Reach:
    """How far somebody with `role`, or with none, reaches where `access` is needed."""
    if access is Access.PUBLIC:
        return Reach.ALL
    return Reach.NOTHING if role is None else _REACHES[role].get(access, Reach.NOTHING)


_OF_WHOM: Final = {Role.VIEW: Role.VIEWER, Role.SUBMIT: Role.ARTIST, Role.REGISTER: Role.WRANGLER}
"""Which role somebody has at least who may have a token with a role for programs."""


def at_most(role: Role, highest: Role) -> Role | None:
    """What is left of a token's role where its user has `highest`: None where nothing is."""
    if role in PEOPLE:
        return PEOPLE[min(PEOPLE.index(role), PEOPLE.index(highest))]
    return role if PEOPLE.index(highest) >= PEOPLE.index(_OF_WHOM[role]) else None


class Owner(Struct, frozen=True):
    """Whose a job is: who was signed in when it came; without that, what the submission claims, from an address."""

    name: str = ""
    address: str = ""

    @property
    def is_claim(self) -> bool:
        """Whether nobody but the submission itself says so."""
        return bool(self.address)


class Way(StrEnum):
    """How somebody came in."""

    NOBODY = "nobody"
    MODE = "mode"
    NETWORK = "network"
    TOKEN = "token"  # noqa: S105 - a word
    SESSION = "session"
    PLUGIN = "plugin"
    MACHINE = "machine"
    WORKER = "worker"


class Caller(Struct, frozen=True, kw_only=True):
    """Who makes a request, as far as that is known.

    `role` is None for somebody who may do nothing, and `why_not` says why that is. `name` is that of a user, or of a
    token that belongs to none; empty for whoever is known by the network alone. `user_key` is the user's row, `until`
    the moment when their token expires. `by_strange_proxy`: through a proxy of which nothing is known.
    """

    role: Role | None
    way: Way
    address: str
    name: str = ""
    user_key: int | None = None
    why_not: str = ""
    until: datetime | None = None
    by_strange_proxy: bool = False

    @property
    def is_known(self) -> bool:
        """Whether they have shown who they are."""
        return self.way in (Way.TOKEN, Way.SESSION, Way.PLUGIN, Way.MACHINE)

    def owner(self, claimed: str) -> Owner:
        """Whose a job is that they submit, which `claimed` to be somebody's."""
        return Owner(self.name) if self.name else Owner(self.address and (claimed or self.address), self.address)

    def owns(self, owner: Owner) -> bool:
        """Whether that is theirs. Whoever is not signed in has what came from the same address."""
        if owner.is_claim:
            return owner.address == self.address
        return bool(self.name) and owner.name == self.name


ITSELF: Final = Caller(role=Role.ADMIN, way=Way.MODE, address="")
"""The manager, and whoever calls its functions from a program."""


class User(Struct, frozen=True, kw_only=True):
    """Somebody who can sign in; `has_password` is False for those whom somebody else knows, such as a plugin.

    `plugin` is who that is, and `subject` how it tells them from others of the same name; `is_role_of_plugin`: their
    role is the one that it gave them last.
    """

    key: int
    name: str
    role: Role
    has_password: bool
    created: datetime
    plugin: str = ""
    subject: str = ""
    is_role_of_plugin: bool = False


class Token(Struct, frozen=True, kw_only=True):
    """What a program shows instead of a password. `user` is whose it is; one of the farm's is nobody's.

    One that is for `once` is a link by which somebody becomes a user.
    """

    key: int
    id: str
    name: str
    role: Role
    user: str = ""
    user_key: int | None = None
    once: bool = False
    created: datetime
    expires: datetime | None = None
    last_used: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.expires is not None and self.expires <= now


_TOKEN = re.compile(r"flt_([0-9a-f]{12})_([0-9a-f]{64})")


class TokenText(Struct, frozen=True):
    """A token as it is shown once, `flt_ID_SECRET`: scanners of repositories and logs find it by that."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"flt_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> str:
        """What is stored of it."""
        return hash_of(self.secret)


def new_token() -> TokenText:
    """A token that nobody guesses."""
    return TokenText(secrets.token_hex(6), secrets.token_hex(32))


def token_in(text: str) -> TokenText | None:
    """The token that `text` is; None for what is none."""
    match = _TOKEN.fullmatch(text)
    return TokenText(match[1], match[2]) if match else None


def without_tokens(text: str) -> str:
    """The text, with stars for every token in it."""
    return _TOKEN.sub(lambda match: f"flt_{match[1]}_***", text)


def hash_of(secret: str) -> str:
    """What is stored of a secret. It is 256 random bits, which no slow hash would have to protect from guessing."""
    return hashlib.sha256(secret.encode()).hexdigest()


_NETWORK_BITS: Final = 64


def machine_of(address: str) -> str:
    """What machines are told apart by: one has any number of addresses for IPv6, in a network of 64 bits."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return address if found.version == 4 else str(IPv6Network((int(found), _NETWORK_BITS), strict=False))


def is_private(address: str) -> bool:
    """Whether that is an address of a network that the internet does not reach, or of the machine itself."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return found.is_private or found.is_link_local
