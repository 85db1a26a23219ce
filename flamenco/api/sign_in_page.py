"""`/sign-in`: where people say who they are, in a browser, without any script."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import parse_qs

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.pages import send_page
from flamenco.api.resource import Resource, client_address, public_path
from flamenco.api.sessions import keep_place, keep_session
from flamenco.domain.access import Access
from flamenco.domain.errors import FarmError
from flamenco.farm import sign_in
from flamenco.web.addresses import on_the_page

PATH: Final = "/sign-in"

_MOST_BYTES: Final = 16 * 1024

_FORM: Final = """\
<h1>{title}</h1>
<p>{text}</p>
<form method="post" action="{action}">
<input type="hidden" name="link" value="{link}">
<input type="hidden" name="next" value="{next}">
<p><label>Name<br><input name="name" value="{name}" autocomplete="username" required autofocus></label></p>
<p><label>Password<br><input name="password" type="password" autocomplete="{kind}" required></label></p>
<p role="alert"><strong>{problem}</strong></p>
<p><button>{title}</button></p>
</form>
{ways}"""


class SignInPage(Resource):
    """The page, and what its form is sent to."""

    access = Access.PUBLIC

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the form; with a link that the manager printed, that by which the first user is made."""
        self._show(req, resp, {name: req.get_param(name) or "" for name in ("link", "next")})

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign in, and go on to where one came from, in the page; or say what is wrong."""
        sent = parse_qs(req.bounded_stream.read(_MOST_BYTES).decode(errors="replace"), keep_blank_values=True)
        form = {field: sent.get(field, [""])[0] for field in ("name", "password", "link", "next")}
        name, password, link = form["name"], form["password"], form["link"]
        address = client_address(req)
        try:
            with unhurried(req):
                if link:
                    _, secret = sign_in.become_first(self.farm, link, name, password, address)
                else:
                    _, secret = sign_in.sign_in(self.farm, name, password, address)
        except FarmError as error:
            self._show(req, resp, form, str(error))
            resp.status = falcon.HTTP_403
            return
        keep_session(self.farm, req, resp, secret)
        resp.status = falcon.HTTP_303
        resp.location = public_path(req, on_the_page(form["next"]))

    def _show(self, req: falcon.Request, resp: falcon.Response, form: dict[str, str], problem: str = "") -> None:
        ways = "".join(
            f'<p><a href="{escape(public_path(req, each.sign_in))}">{escape(each.label or each.name)}</a></p>'
            for each in self.farm.authenticators.values()
            if each.sign_in
        )
        link, to = form["link"], on_the_page(form["next"])
        if ways:
            keep_place(req, resp, to)
        title = "Become the administrator" if link else "Sign in"
        texts = {
            "title": title,
            "text": "Choose a name and a password." if link else self.farm.config.manager_name,
            "action": public_path(req, PATH),
            "link": link,
            "next": to,
            "name": form.get("name", ""),
            "kind": "new-password" if link else "current-password",
            "problem": problem,
        }
        send_page(resp, title, _FORM, texts, {"ways": ways})
