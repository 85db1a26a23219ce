"""`/sign-in`: where people say who they are, in a browser, without any script."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import parse_qs

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.pages import HOME, send_page
from flamenco.api.resource import Resource, client_address, public_path
from flamenco.api.sessions import keep_session
from flamenco.domain.access import Access
from flamenco.domain.errors import FarmError
from flamenco.farm import sign_in

PATH: Final = "/sign-in"

_MOST_BYTES: Final = 16 * 1024

_FORM: Final = """\
<h1>{title}</h1>
<p>{text}</p>
<form method="post" action="{action}">
<input type="hidden" name="link" value="{link}">
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
        self._show(req, resp, req.get_param("link") or "")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign in, and go on to the first page; or say what is wrong."""
        form = parse_qs(req.bounded_stream.read(_MOST_BYTES).decode(errors="replace"), keep_blank_values=True)
        name, password, link = (form.get(field, [""])[0] for field in ("name", "password", "link"))
        address = client_address(req)
        try:
            with unhurried(req):
                if link:
                    _, secret = sign_in.become_first(self.farm, link, name, password, address)
                else:
                    _, secret = sign_in.sign_in(self.farm, name, password, address)
        except FarmError as error:
            self._show(req, resp, link, name, str(error))
            resp.status = falcon.HTTP_403
            return
        keep_session(self.farm, req, resp, secret)
        resp.status = falcon.HTTP_303
        resp.location = public_path(req, HOME)

    def _show(self, req: falcon.Request, resp: falcon.Response, link: str, name: str = "", problem: str = "") -> None:
        ways = "".join(
            f'<p><a href="{escape(public_path(req, each.sign_in))}">{escape(each.label or each.name)}</a></p>'
            for each in self.farm.authenticators.values()
            if each.sign_in
        )
        title = "Become the administrator" if link else "Sign in"
        texts = {
            "title": title,
            "text": "Choose a name and a password." if link else self.farm.config.manager_name,
            "action": public_path(req, PATH),
            "link": link,
            "name": name,
            "kind": "new-password" if link else "current-password",
            "problem": problem,
        }
        send_page(resp, title, _FORM, texts, {"ways": ways})
