"""Believes a proxy that says in a header who is signed in, as single sign-on systems of studios do.

Only what a proxy says counts that the manager trusts, which is what `access.proxy.trusted` is for; from everybody else
the header says nothing. The proxy has to remove the header from what browsers send.

```yaml
access:
  mode: login
  proxy: {trusted: [10.0.0.2]}
plugins:
  proxy_header:
    header: X-Remote-User
    roles: {anna: admin}
    role: artist
```

Whoever is not in `roles` has `role`; where that is empty, those alone come in who are users of the farm already.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from flamenco import Authenticator, Identity, ManagerConfig, Presented, Setting, hookimpl

PersonRole = Literal["viewer", "artist", "wrangler", "admin"]
Header = Annotated[str, Meta(pattern="^[A-Za-z0-9-]+$")]


@hookimpl
def settings() -> Iterable[Setting]:
    """Which header, and who has which role."""
    yield Setting(key="header", type=Header, default="X-Remote-User", help="The header that has the name.")
    yield Setting(key="roles", type=dict[str, PersonRole], default={}, help="Roles by name.")
    yield Setting(
        key="role",
        type=Literal["", "viewer", "artist", "wrangler", "admin"],
        default="",
        help="The role of everybody else; empty for those alone who are users of the farm.",
    )


@hookimpl
def authenticators(config: ManagerConfig) -> Iterable[Authenticator]:
    """What the header says."""
    own = config.plugins.proxy_header
    yield Authenticator(
        name="proxy_header",
        description=f"Whoever a proxy names in {own.header}.",
        identify=partial(_named, own.header.lower(), own.roles, own.role or None),
    )


def _named(header: str, roles: dict[str, PersonRole], role: PersonRole | None, brought: Presented) -> Identity | None:
    name = brought.headers.get(header, "").strip()
    return Identity(name=name, role=roles.get(name, role)) if brought.by_proxy and name else None
