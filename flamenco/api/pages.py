"""What people see in a browser where the web page does not reach: in one style, and needing nothing.

Small pages of one file each, without scripts and without anything from elsewhere. Programs, which do not ask for HTML,
get JSON, as everywhere.
"""

from __future__ import annotations

from html import escape
from typing import Final

import falcon

from flamenco import __version__
from flamenco.api.resource import public_path

HOME: Final = "/"

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 44rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }}
code {{ font: 0.95em ui-monospace, monospace; }}
pre {{ padding: 0.75rem 1rem; border: 1px solid #8886; border-radius: 0.5rem; overflow-x: auto; }}
li {{ margin: 0.25rem 0; }}
table {{ border-collapse: collapse; margin: 0.5rem 0; }}
caption {{ text-align: start; font-weight: 600; }}
td {{ border: 1px solid #8884; padding: 0.15rem 0.5rem; vertical-align: top; overflow-wrap: anywhere; }}
summary {{ margin: 0.35rem 0; cursor: pointer; }}
footer {{ margin-top: 2rem; opacity: 0.7; }}
</style>
</head>
<body>
{body}
<footer>Flamenco {version}</footer>
</body>
</html>
"""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"

_NOTHING: Final = """\
<h1>There is nothing here</h1>
<p>{message}</p>
<p><a href="{home}">What this is, and where to go</a></p>"""

_ELSEWHERE: Final = """
<p><a href="{elsewhere}">{elsewhere}</a></p>"""


def is_for_people(req: falcon.Request) -> bool:
    """Whether somebody looks at this in a browser. All browsers ask for HTML by its name, and programs do not."""
    return "text/html" in req.accept and not f"{req.path}/".startswith("/api/")


def send_nothing_here(req: falcon.Request, resp: falcon.Response, message: str, elsewhere: str = "") -> None:
    """Tell somebody in a browser that there is nothing, in a sentence, and where there is something.

    `elsewhere` is the address of what they were looking for, where that is known.
    """
    texts = {"message": message, "home": public_path(req, HOME), "elsewhere": elsewhere}
    send_page(resp, "Nothing here", (_NOTHING + _ELSEWHERE) if elsewhere else _NOTHING, texts)
    resp.status = falcon.HTTP_404


def send_page(
    resp: falcon.Response, title: str, body: str, texts: dict[str, str], markup: dict[str, str] | None = None
) -> None:
    """Send `body`, with `texts` put in as what they are, text and no page; `markup` is put in as it is."""
    filled = body.format_map({name: escape(text) for name, text in texts.items()} | (markup or {}))
    resp.content_type = falcon.MEDIA_HTML
    resp.text = _PAGE.format(title=escape(title), body=filled, version=escape(__version__))
    # Forms go back to the manager alone, and nobody can lay the page under one of their own.
    resp.set_header(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    )
    resp.set_header("X-Content-Type-Options", "nosniff")
    resp.cache_control = ["no-store"]
    # To itself alone, where browsers say by it which page a form is of.
    resp.set_header("Referrer-Policy", "same-origin")
    resp.vary = ["Accept"]
