"""Who may do what: signing in, users, tokens, and who changed what."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import falcon
from msgspec import UNSET

from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, client_address, public_path, send
from flamenco.api.sessions import SECURE_SESSION_COOKIE, SESSION_COOKIE, forget_session, keep_session
from flamenco.domain import access
from flamenco.domain.access import Access, Way
from flamenco.domain.errors import Busy
from flamenco.farm import audit, sign_in, tokens, users
from flamenco.protocol.x import access as schemas

_TOO_OFTEN: Final = Answer("That was wrong too often, or too many sign in; `Retry-After` says how long to wait.")
_WRONG: Final = Answer("There is no user of that name with that password.")


class Me(Resource):
    """`/me`: who the manager takes the client for."""

    @Operation(
        id="getMe",
        summary="Who the manager takes the client for, and what that may do.",
        tag="access",
        access=Access.PREPARE,
        returns={200: Answer("That is who you are.", schemas.Me)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Say who it is."""
        by: access.Caller = req.context.caller
        role = by.role or access.Role.VIEWER
        send(resp, schemas.Me(mode=self.farm.config.mode, role=role, way=by.way, name=by.name or UNSET))


class Password(Resource):
    """`/me/password`: one's own password."""

    @Operation(
        id="changeMyPassword",
        summary="Give oneself another password, with which to sign in anew everywhere.",
        tag="access",
        access=Access.PREPARE,
        body=schemas.PasswordChange,
        statuses={Busy: 429},
        returns={204: Answer("It is changed."), 403: Answer("The old one is wrong."), 429: _TOO_OFTEN},
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, body: schemas.PasswordChange) -> None:
        """Change it."""
        with unhurried(req):
            users.change_own_password(self.farm, req.context.caller, body.old, body.new)
        resp.status = falcon.HTTP_204


class SignIn(Resource):
    """`/sign-in`: a person says who they are, and their browser keeps it."""

    @Operation(
        id="getWaysIn",
        summary="How people may sign in: with a password, and by plugins.",
        tag="access",
        access=Access.PUBLIC,
        returns={200: Answer("The ways.", schemas.WaysIn)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        ways = [
            schemas.WayIn(name=each.name, label=each.label or each.name, path=public_path(req, each.sign_in))
            for each in self.farm.authenticators.values()
            if each.sign_in
        ]
        send(resp, schemas.WaysIn(mode=self.farm.config.mode, ways=ways))

    @Operation(
        id="signIn",
        summary="Sign in, in a browser; or become the first user, with the link that the manager printed.",
        tag="access",
        access=Access.PUBLIC,
        body=schemas.SignIn,
        statuses={Busy: 429},
        returns={200: Answer("Signed in; a cookie says so from now on.", schemas.Me), 403: _WRONG, 429: _TOO_OFTEN},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SignIn) -> None:
        """Check it, and set the cookie."""
        address = client_address(req)
        # Hashing a password takes a while on purpose.
        with unhurried(req):
            if body.link is UNSET:
                user, secret = sign_in.sign_in(self.farm, body.name, body.password, address)
            else:
                user, secret = sign_in.become_first(self.farm, body.link, body.name, body.password, address)
        keep_session(self.farm, req, resp, secret)
        send(resp, schemas.Me(mode=self.farm.config.mode, role=user.role, way=Way.SESSION, name=user.name))


class SignOut(Resource):
    """`/sign-out`: whoever uses the browser next is somebody else."""

    @Operation(
        id="signOut",
        summary="Sign out, in a browser.",
        tag="access",
        access=Access.PREPARE,
        returns={204: Answer("Signed out.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End the session, and take the cookie away."""
        for name in (SECURE_SESSION_COOKIE, SESSION_COOKIE):
            if secret := req.cookies.get(name):
                sign_in.sign_out(self.farm, secret)
                forget_session(resp, name)
        resp.status = falcon.HTTP_204


class Users(Resource):
    """`/users`: who can sign in."""

    @Operation(
        id="getUsers",
        summary="Everybody who can sign in.",
        tag="access",
        access=Access.ADMINISTER,
        returns={200: Answer("By name.", schemas.Users)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        send(resp, schemas.Users(users=[_user(each) for each in users.everybody(self.farm)]))

    @Operation(
        id="addUser",
        summary="Let somebody sign in.",
        tag="access",
        access=Access.ADMINISTER,
        body=schemas.NewUser,
        returns={200: Answer("The user.", schemas.User), 409: Answer("There is one of that name already.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.NewUser) -> None:
        """Store the user."""
        password = None if body.password is UNSET else body.password
        with unhurried(req):
            user = users.add(self.farm, body.name, body.role, password)
        send(resp, _user(user))


_NO_USER: Final = Answer("There is no such user.")
_LAST_ADMIN: Final = Answer("Nobody could administer the farm any more.")


class User(Resource):
    """`/users/{name}`: one of them."""

    @Operation(
        id="changeUser",
        summary="Give a user another role, or another password.",
        tag="access",
        access=Access.ADMINISTER,
        path=schemas.UserPath,
        body=schemas.UserChange,
        returns={200: Answer("The user.", schemas.User), 404: _NO_USER, 409: _LAST_ADMIN},
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, name: str, body: schemas.UserChange) -> None:
        """Change it."""
        role = None if body.role is UNSET else body.role
        password = None if body.password is UNSET else body.password
        with unhurried(req):
            user = users.change(self.farm, name, role, password)
        send(resp, _user(user))

    @Operation(
        id="removeUser",
        summary="Let somebody sign in no more; their tokens open nothing either.",
        tag="access",
        access=Access.ADMINISTER,
        path=schemas.UserPath,
        returns={204: Answer("They are gone."), 404: _NO_USER, 409: _LAST_ADMIN},
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Forget the user."""
        users.remove(self.farm, name)
        resp.status = falcon.HTTP_204


def _user(user: access.User) -> schemas.User:
    return schemas.User(name=user.name, role=user.role, has_password=user.has_password, created=user.created)


class Tokens(Resource):
    """`/tokens`: what programs show instead of a password."""

    @Operation(
        id="getTokens",
        summary="One's own tokens; all, for an administrator.",
        tag="access",
        access=Access.ACCOUNT,
        returns={200: Answer("The oldest first.", schemas.Tokens)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        send(resp, schemas.Tokens(tokens=[_token(each) for each in tokens.listed(self.farm, req.context.caller)]))

    @Operation(
        id="addToken",
        summary="Make a token.",
        tag="access",
        access=Access.ACCOUNT,
        body=schemas.NewToken,
        returns={200: Answer("The token; its text is shown this once.", schemas.MadeToken), 404: _NO_USER},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.NewToken) -> None:
        """Store it."""
        token, text = tokens.add(
            self.farm,
            req.context.caller,
            body.name,
            None if body.role is UNSET else body.role,
            lasts=None if body.days is UNSET else timedelta(days=body.days),
            for_user="" if body.user is UNSET else body.user,
        )
        send(resp, schemas.MadeToken(token=_token(token), text=str(text), path=f"/t/{text}/"))


class Token(Resource):
    """`/tokens/{token}`: one of them."""

    @Operation(
        id="revokeToken",
        summary="Have a token open nothing any more; everywhere, within ten seconds.",
        tag="access",
        access=Access.ACCOUNT,
        path=schemas.TokenPath,
        returns={204: Answer("It is revoked."), 404: Answer("There is no such token of yours.")},
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Forget it."""
        tokens.revoke(self.farm, req.context.caller, token)
        resp.status = falcon.HTTP_204


def _token(token: access.Token) -> schemas.Token:
    return schemas.Token(
        id=token.id,
        name=token.name,
        role=token.role,
        created=token.created,
        user=token.user or UNSET,
        expires=token.expires or UNSET,
        last_used=token.last_used or UNSET,
    )


class Audit(Resource):
    """`/audit`: who changed what."""

    @Operation(
        id="getAudit",
        summary="Who changed what, the newest first.",
        tag="access",
        access=Access.AUDIT,
        query=schemas.AuditQuery,
        returns={200: Answer("The changes.", schemas.Audit)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, query: schemas.AuditQuery) -> None:
        """List them."""
        asked = {"who": query.who, "kind": query.kind, "object_id": query.object_id}
        equal = {name: value for name, value in asked.items() if value is not UNSET}
        found = audit.records(self.farm, query.limit, None if query.before is UNSET else query.before, **equal)
        changes = [
            schemas.Change(
                number=each.key,
                created=each.created,
                who=each.who,
                way=each.way,
                address=each.address,
                operation=each.operation,
                kind=each.kind,
                object_id=each.object_id,
                object_name=each.object_name,
                before=each.before,
                after=each.after,
            )
            for each in found
        ]
        send(resp, schemas.Audit(changes=changes))
