"""Which token goes to which manager: that in the environment to the one that is named there, stored ones to theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco.client.stored_tokens import is_withheld, store_token, stored_token

TOKEN = "flt_0a1b2c3d4e5f_" + "0" * 64


@pytest.mark.parametrize(
    ("named", "asked", "sent"),
    [
        ("http://farm:8080", "http://farm:8080", True),
        ("farm:8080", "http://FARM:8080/", True),
        (f"http://farm:8080/t/{TOKEN}/", "http://farm:8080", True),
        ("https://farm.studio.com", "https://farm.studio.com:443/", True),
        ("https://farm.studio.com/flamenco", "https://farm.studio.com/flamenco/", True),
        ("", "http://localhost:8080", True),
        ("", "http://farm:8080", False),
        ("http://farm:8080", "http://localhost:8080", False),
        ("http://farm:8080", "https://farm:8080", False),
        ("http://farm:8080", "http://farm:8081", False),
        ("http://farm:8080", "http://farm:8080/other/", False),
        ("http://farm:8080", "http://farm:8080@evil/", False),
        ("no manager", "http://farm:8080", False),
    ],
)
def test_the_token_of_the_environment_goes_to_the_manager_of_the_environment(
    tmp_path: Path, named: str, asked: str, sent: bool
) -> None:
    """However its address is written; another manager, found in a network or typed wrongly, gets none."""
    environ = {"FLAMENCO_TOKEN": TOKEN, "FLAMENCO_MANAGER": named, "FLAMENCO_HOME": str(tmp_path)}
    assert stored_token(asked, environ) == (TOKEN if sent else "")
    assert is_withheld(asked, environ) is not sent


def test_what_was_stored_goes_to_its_manager(tmp_path: Path) -> None:
    """Also where the environment has a token for another one, and however the address is written."""
    environ = {"FLAMENCO_HOME": str(tmp_path)}
    store_token("http://farm:8080", "of farm", environ)
    store_token("http://other:8080", "of other", environ)
    assert stored_token("http://Farm:8080/", environ) == "of farm"
    assert stored_token("http://farm:8080", environ | {"FLAMENCO_TOKEN": TOKEN}) == "of farm"
    store_token("http://farm:8080/", "", environ)
    assert stored_token("http://farm:8080", environ) == ""
    assert stored_token("http://other:8080", environ) == "of other"
