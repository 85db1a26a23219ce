"""`/approve/…`: where somebody with a link approves the preview of a job, in a browser, without signing in.

Looking at it does nothing: programs that look at every link of a mail before people do approve nothing.
"""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.pages import send_page
from flamenco.api.resource import Resource, client_address, public_path
from flamenco.domain.access import Access
from flamenco.domain.errors import Conflict, FarmError, NotFound
from flamenco.farm import previews
from flamenco.farm.context import Farm

PATH: Final = "/approve"

_QUESTION: Final = """\
<h1>Shall this job go on?</h1>
<p><strong>{name}</strong>, of the type {type}{user}.</p>
<p>{activity}</p>
<form method="post" action="{action}">
<p><button>Approve: render all of it</button></p>
</form>
<p>{made_by} had this link made. It is good for one time.</p>"""

_DONE: Final = """\
<h1>The job goes on</h1>
<p>Thank you. You may close this page.</p>"""

_NOT: Final = """\
<h1>That is not to be approved</h1>
<p role="alert">{problem}</p>"""


def link_of(farm: Farm, req: falcon.Request, token: str) -> str:
    """The link that ends with `token`, as others reach the manager: without what whoever asks has in the path."""
    path = f"{PATH}/{token}"
    if farm.config.public_url:
        return farm.config.public_url.rstrip("/") + path
    above = public_path(req, "/").replace(req.context.get("below_key") or "/", "/", 1).rstrip("/")
    return f"{req.forwarded_scheme}://{req.forwarded_host}{above}{path}"


class ApprovalPage(Resource):
    """The page, and what its button is for. What is in the path is all that it takes."""

    access = Access.PUBLIC

    def on_get(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Ask."""
        try:
            asked = previews.asked(self.farm, token)
        except FarmError as error:
            _refuse(resp, error)
            return
        texts = {
            "name": asked.job.name,
            "type": asked.job.type,
            "user": f", for {asked.job.owner.name}" if asked.job.owner.name else "",
            "activity": asked.job.activity,
            "action": public_path(req, f"{PATH}/{token}"),
            "made_by": asked.made_by or "Somebody",
        }
        send_page(resp, "Shall this job go on?", _QUESTION, texts)

    def on_post(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Approve."""
        try:
            with unhurried(req):
                previews.approve_by_link(self.farm, token, client_address(req))
        except FarmError as error:
            _refuse(resp, error)
            return
        send_page(resp, "The job goes on", _DONE, {})


def _refuse(resp: falcon.Response, error: FarmError) -> None:
    if not isinstance(error, NotFound | Conflict):
        raise error
    send_page(resp, "That is not to be approved", _NOT, {"problem": str(error)})
    resp.status = falcon.HTTP_404 if isinstance(error, NotFound) else falcon.HTTP_409
