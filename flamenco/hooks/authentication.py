"""How plugins tell who somebody is: by what a request brings, or on a page of their own where one signs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

PersonRole = Literal["viewer", "artist", "wrangler", "admin"]


class Identity(Struct, frozen=True, kw_only=True):
    """Somebody, by the name that they have in the farm from now on. Without a role, what the farm has for that name.

    Whoever is not a user of the farm becomes one, which takes a role. `subject` is what never changes of them, where
    names do: whoever comes by the same name with another one is somebody else.
    """

    name: str
    role: PersonRole | None = None
    subject: str = ""


class Presented(Struct, frozen=True, kw_only=True):
    """What a request brings: where it comes from, and its headers, by their names in lower case.

    `by_proxy`: it was handed on by one of the proxies that the configuration trusts, so that what those put into
    headers can be believed; anybody else can have written them as well.
    """

    address: str
    headers: Mapping[str, str]
    by_proxy: bool


class Authenticator(Struct, frozen=True, kw_only=True):
    """A way to tell who somebody is.

    `identify` is asked with every request that brings neither a token nor a session, and gives None where it does not
    know; it must not take long. `sign_in` is the path of a page, one of the plugin's routes mostly, to which people are
    sent who want to sign in, and `label` what is written on the button that leads there.
    """

    name: str
    description: str
    identify: Callable[[Presented], Identity | None] | None = None
    sign_in: str = ""
    label: str = ""
