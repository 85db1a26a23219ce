"""Which requests are taken for those of somebody else's web page, and which names for the manager's."""

from __future__ import annotations

import pytest

from flamenco.domain.browser_rules import is_foreign, is_nobodys, name_in

HERE = "farm:8080"
ELSEWHERE = "http://elsewhere.example"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("site", "origin", "expected"),
    [
        (None, None, False),  # a worker, the add-on, curl
        ("same-origin", f"http://{HERE}", False),
        ("none", None, False),
        ("cross-site", ELSEWHERE, True),
        ("same-site", "http://farm:9000", True),
        ("nonsense", None, True),
        ("cross-site", f"http://{HERE}", True),  # the browser knows better than the name does
        (None, f"http://{HERE}", False),  # without TLS there is no Sec-Fetch-Site
        (None, f"https://{HERE.upper()}", False),  # TLS ends at a proxy
        (None, ELSEWHERE, True),
        (None, "http://farm:9000", True),
        (None, "http://farm", True),
        (None, "null", True),  # a frame in a sandbox, a file
        (None, "", True),
        (None, "http://[", True),
        ("cross-site", "http://localhost:8081", False),  # a page that is allowed to
        (None, "http://localhost:8081", False),
    ],
)
def test_what_changes_something(method: str, site: str | None, origin: str | None, expected: bool) -> None:
    """Only pages of the manager, pages that are allowed, and programs that are no browser may."""
    assert is_foreign(method, site, origin, HERE, ["http://localhost:8081"]) is expected


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_left_to_the_browser(method: str) -> None:
    """It does not let a page of somebody else see the answer."""
    assert not is_foreign(method, "cross-site", ELSEWHERE, HERE)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("farm:8080", "farm"),
        ("FARM.Studio.Example.:80", "farm.studio.example"),
        ("[::1]:8080", "::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("", None),
        (":8080", None),
        ("[::1", None),
        ("evil.example@farm", "farm"),
    ],
)
def test_the_name_in_a_host(host: str, expected: str | None) -> None:
    """Without port and brackets; None for what has none."""
    assert name_in(host) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True),
        ("farm", True),
        ("10.1.2.3", True),
        ("::1", True),
        ("fe80::1", True),
        ("farm.local", True),
        ("farm.render.internal", True),
        ("box.home.arpa", True),
        ("evil.example", False),
        ("local.evil.example", False),
        ("10.1.2.3.nip.io", False),
        ("farm.studio.com", False),
    ],
)
def test_names_that_nobody_owns(name: str, expected: bool) -> None:
    """Strangers own what has a dot, but for what is set aside for networks of one's own."""
    assert is_nobodys(name) is expected
