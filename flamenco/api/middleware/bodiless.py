"""Sees to it that an answer without a body has no content type.

Clients of Flamenco read whatever claims to be JSON. Where there is nothing to read they fail, or log an error for every
frame that is rendered.
"""

from __future__ import annotations

from typing import Final

import falcon

_NEVER_A_BODY: Final = frozenset({204, 304})


class Bodiless:
    """Takes the content type off answers that turned out empty. The framework is told to give none by itself."""

    def process_response(
        self, _req: falcon.Request, resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """Take the type off. To HEAD is said what GET would have, so there the announced length counts."""
        length = resp.content_length
        has_body = length != "0" if resp.stream is not None or length is not None else resp.data or resp.text
        if not has_body or resp.status_code in _NEVER_A_BODY:
            resp.delete_header("Content-Type")
