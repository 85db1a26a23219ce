"""Which addresses are those of the page: so that nobody is led elsewhere who is to be led back to it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

VIEWS: Final = (
    "/",
    "/jobs",
    "/jobs/{job}",
    "/jobs/{job}/tasks/{task}",
    "/workers",
    "/workers/{worker}",
    "/tags",
    "/submit",
    "/submit/{type}",
    "/settings",
    "/settings/{topic}",
    "/setup",
    "/setup/{step}",
    "/users",
    "/audit",
    "/trash",
    "/archives",
    "/connect",
    "/me",
    "/plugins/{plugin}/{page}",
    "/wall",
)
"""What people may have in their address bar. Which view is shown, the scripts decide (`app/core/routes.js`)."""

HOME: Final = "/"

_LONGEST: Final = 2_000
_SEGMENT: Final = r"[\w.~!$'()*+,;=:@%-]+"
_QUERY: Final = re.compile(r"[\w.~!$&'()*+,;=:@%/?-]*", re.ASCII)
_PATHS: Final = re.compile("|".join(re.sub(r"\{\w+\}", lambda _: _SEGMENT, view) for view in VIEWS), re.ASCII)


def on_the_page(text: str) -> str:
    """The same address when it is one of the page, below the manager's own; its first view for anything else.

    Whatever browsers take for another host, such as `//host` or `/\\host`, is none of the page, and neither are the
    manager's other paths, to which a stranger's link could send somebody who has just signed in.
    """
    path, _, query = text.partition("?")
    is_ours = len(text) <= _LONGEST and _PATHS.fullmatch(path) and _QUERY.fullmatch(query)
    # Which browsers take for what they are, written otherwise too.
    has_dots = {".", ".."} & {unquote(segment) for segment in path.split("/")}
    return text if is_ours and not has_dots else HOME
