"""Who may do what, on the wire: signing in, users, tokens, and who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.access import LONGEST_PASSWORD, PEOPLE, PROGRAMS, SHORTEST_PASSWORD, Mode, Role
from flamenco.protocol.fields import Name, Storable, Text, Uuid

UserName = Annotated[Storable, Meta(min_length=1, max_length=64)]
NewUserName = Annotated[
    UserName,
    Meta(
        description="Letters of any script and digits, after the first one . _ @ + - as well.",
        extra_json_schema={"pattern": r"^[^\W_][\w.@+-]*$"},
    ),
]
Password = Annotated[Storable, Meta(max_length=LONGEST_PASSWORD)]
# That it is too short, and which roles there are for whom, is said by the farm, in one sentence wherever it is asked.
NewPassword = Annotated[Password, Meta(extra_json_schema={"minLength": SHORTEST_PASSWORD})]
RoleOfPerson = Annotated[Role, Meta(extra_json_schema={"enum": [each.value for each in PEOPLE]})]
RoleOfToken = Annotated[Role, Meta(extra_json_schema={"enum": [each.value for each in (*PEOPLE, *PROGRAMS)]})]
Count = Annotated[int, Meta(ge=1, le=1_000)]


class Me(Struct, frozen=True, kw_only=True):
    """Who the manager takes the client for. `name` is missing for somebody known by where they come from alone."""

    mode: Mode
    role: Role
    way: Annotated[str, Meta(description="How they came in: mode, network, token, session or plugin.")]
    name: Text | UnsetType = UNSET


class WayIn(Struct, frozen=True, kw_only=True):
    """Another way to sign in than with a password: the page to go to, and what to write on the button."""

    name: Text
    label: Text
    path: Text


class WaysIn(Struct, frozen=True, kw_only=True):
    """How people may sign in; with a password, always."""

    mode: Mode
    ways: list[WayIn]


class SignIn(Struct, frozen=True, kw_only=True):
    """A user and their password. With `link`, the first user is made, whose password that is to be."""

    name: UserName
    password: Password
    link: Annotated[Storable, Meta(max_length=200)] | UnsetType = UNSET


class PasswordChange(Struct, frozen=True, kw_only=True):
    """Another password for oneself."""

    old: Password
    new: NewPassword


class User(Struct, frozen=True, kw_only=True):
    """Somebody who can sign in."""

    name: UserName
    role: Role
    has_password: bool
    created: datetime


class Users(Struct, frozen=True, kw_only=True):
    """All of them, by name."""

    users: list[User]


class NewUser(Struct, frozen=True, kw_only=True):
    """A user to be made; without a password, for somebody whom a plugin knows."""

    name: NewUserName
    role: RoleOfPerson
    password: NewPassword | UnsetType = UNSET


class UserChange(Struct, frozen=True, kw_only=True):
    """What is to be otherwise with a user; what is missing stays."""

    role: RoleOfPerson | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET


class UserPath(Struct, frozen=True):
    """A user in a path."""

    name: UserName


class Token(Struct, frozen=True, kw_only=True):
    """A token, but for its secret. `user` is missing for one that is the farm's."""

    id: Text
    name: Text
    role: Role
    created: datetime
    user: UserName | UnsetType = UNSET
    expires: datetime | UnsetType = UNSET
    last_used: datetime | UnsetType = UNSET


class Tokens(Struct, frozen=True, kw_only=True):
    """Those that one may see, the oldest first."""

    tokens: list[Token]


class NewToken(Struct, frozen=True, kw_only=True):
    """A token to be made: for oneself, or, by an administrator, for the farm or for a user."""

    name: Annotated[Storable, Meta(min_length=1, max_length=100)]
    role: RoleOfToken | UnsetType = UNSET
    days: Annotated[int, Meta(ge=1, le=36_500, description="How many days it opens anything; for ever if missing.")] | (
        UnsetType
    ) = UNSET
    user: UserName | UnsetType = UNSET


class MadeToken(Struct, frozen=True, kw_only=True):
    """A new token, and what is shown this once: the text, and the path of it for clients that can send nothing else."""

    token: Token
    text: Text
    path: Text


class TokenPath(Struct, frozen=True):
    """A token in a path, by its id."""

    token: Name


Before = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Only those before the one with this number.")] | UnsetType


class AuditQuery(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Which changes: at most so many, the newest first."""

    limit: Count = 100
    before: Before = UNSET
    who: Name | UnsetType = UNSET
    kind: Name | UnsetType = UNSET
    object_id: Name | UnsetType = UNSET


class Change(Struct, frozen=True, kw_only=True):
    """Something that somebody changed, with the fields before and after."""

    number: int
    created: datetime
    who: Text
    way: Text
    address: Text
    operation: Text
    kind: Text
    object_id: Text
    object_name: Text
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Audit(Struct, frozen=True, kw_only=True):
    """Changes, the newest first."""

    changes: list[Change]


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """How much of a history: at most so many changes, the newest first."""

    limit: Count = 100
    before: Before = UNSET


class JobChange(Struct, frozen=True, kw_only=True):
    """Something that somebody did with a job, with the fields before and after."""

    number: int
    created: datetime
    who: Text
    operation: Text
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class JobHistory(Struct, frozen=True, kw_only=True):
    """What people and programs did with a job, the newest first."""

    changes: list[JobChange]


class NewWorker(Struct, frozen=True, kw_only=True):
    """A worker that shall not register by itself."""

    name: Name
    platform: Annotated[Storable, Meta(min_length=1, max_length=100)]


class MadeWorker(Struct, frozen=True, kw_only=True):
    """The worker, and what is shown this once: the secret that it says who it is with."""

    worker_id: Uuid
    name: Text
    secret: Text
