"""Calls about who may do what: who one is, users, tokens, who changed what, and letting workers in."""

from __future__ import annotations

from msgspec import UNSET

from flamenco.client.connection import Connection, in_path
from flamenco.domain.access import Role
from flamenco.protocol.x.access import (
    Audit,
    Change,
    JobChange,
    JobHistory,
    MadeToken,
    MadeWorker,
    Me,
    NewToken,
    NewUser,
    NewWorker,
    SignIn,
    Token,
    Tokens,
    User,
    UserChange,
    Users,
)


class AccessCalls:
    """What is asked about access."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def me(self) -> Me:
        """Who the manager takes us for."""
        return self._connection.fetch("/api/x/me", Me)

    def sign_in(self, name: str, password: str) -> Me:
        """Sign in, for as long as this client is there. Raises `ManagerError`."""
        body = SignIn(name=name, password=password)
        return self._connection.decoded(self._connection.call("POST", "/api/x/sign-in", body), Me)

    def sign_out(self) -> None:
        """Sign out."""
        self._connection.call("POST", "/api/x/sign-out")

    def users(self) -> list[User]:
        """Everybody who can sign in."""
        return self._connection.fetch("/api/x/users", Users).users

    def add_user(self, name: str, role: Role, password: str = "") -> User:
        """Let somebody sign in."""
        body = NewUser(name=name, role=role, password=password or UNSET)
        return self._connection.decoded(self._connection.call("POST", "/api/x/users", body), User)

    def change_user(self, name: str, role: Role | None = None, password: str = "") -> User:
        """Give somebody another role, or another password."""
        body = UserChange(role=role or UNSET, password=password or UNSET)
        return self._connection.decoded(self._connection.call("PUT", f"/api/x/users/{in_path(name)}", body), User)

    def remove_user(self, name: str) -> None:
        """Let somebody sign in no more."""
        self._connection.call("DELETE", f"/api/x/users/{in_path(name)}")

    def tokens(self) -> list[Token]:
        """The tokens that one may see."""
        return self._connection.fetch("/api/x/tokens", Tokens).tokens

    def add_token(self, name: str, role: Role | None = None, days: int | None = None, user: str = "") -> MadeToken:
        """Make a token."""
        body = NewToken(name=name, role=role or UNSET, days=UNSET if days is None else days, user=user or UNSET)
        return self._connection.decoded(self._connection.call("POST", "/api/x/tokens", body), MadeToken)

    def revoke_token(self, token_id: str) -> None:
        """Have a token open nothing any more."""
        self._connection.call("DELETE", f"/api/x/tokens/{in_path(token_id)}")

    def audit(self, limit: int = 100, who: str = "", kind: str = "") -> list[Change]:
        """Who changed what, the newest first."""
        query = f"limit={limit}"
        query += f"&who={in_path(who)}" if who else ""
        query += f"&kind={in_path(kind)}" if kind else ""
        return self._connection.fetch(f"/api/x/audit?{query}", Audit).changes

    def job_history(self, job_id: str, limit: int = 100) -> list[JobChange]:
        """What people and programs did with a job, the newest first. Raises `ManagerError` with 404 for none."""
        return self._connection.fetch(f"/api/x/jobs/{in_path(job_id)}/history?limit={limit}", JobHistory).changes

    def add_worker(self, name: str, platform: str) -> MadeWorker:
        """Make a worker that shall not register by itself."""
        body = NewWorker(name=name, platform=platform)
        return self._connection.decoded(self._connection.call("POST", "/api/x/workers", body), MadeWorker)

    def approve_worker(self, worker_id: str) -> None:
        """Agree to a worker."""
        self._connection.call("POST", f"/api/x/workers/{in_path(worker_id)}/approve")
