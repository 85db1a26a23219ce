"""Keeps web pages of others from using a browser to reach the manager; see `domain.browser_rules`.

Nobody who works with the manager otherwise notices: workers, the add-on and scripts send nothing of what is looked at,
and use a name for the manager that the network knows, or one that the configuration allows.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from functools import cached_property

import falcon
import structlog

from flamenco.api.errors import BadRequest
from flamenco.api.resource import origin_of
from flamenco.config.access_settings import Network
from flamenco.domain.browser_rules import EVERY_HOST, is_foreign, is_nobodys, name_in
from flamenco.domain.visible import visible

log = structlog.get_logger(__name__)

_MOST_TOLD = 100
"""So many names that are refused are logged, each once; whoever makes up more is not worth the lines."""


_MOST_KNOWN = 100
"""So many names that are the manager's are known without looking at them again."""


class Browsers:
    """Refuses what a page of somebody else sends, and requests to a name that is not the manager's.

    `hosts` are names that it has besides those of the network, `*` any; `origins` those of pages that may do all. What
    a `trusted` proxy was asked for is what it says in X-Forwarded-Host.
    """

    def __init__(self, hosts: Collection[str], origins: Collection[str], trusted: Collection[Network] = ()) -> None:
        self._trusted = trusted
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)
        self._origins = frozenset(origins)
        self._told: set[str] = set()
        self._ours: set[str] = set()

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Look at where the request comes from, and where it goes. Raises `BadRequest`."""
        host = self._host(req)
        if host is not None and host not in self._ours:  # as every browser sends it
            self._check_name(host)
        site, origin = req.get_header("Sec-Fetch-Site"), req.get_header("Origin")
        if is_foreign(req.method, site, origin, host or "", self._origins):
            raise BadRequest(
                "A web page from somewhere else made this request, so it was not carried out. Pages of this manager, "
                "and programs that are no browser, may send it.",
                403,
            )

    def _host(self, req: falcon.Request) -> str | None:
        forwarded = req.get_header("X-Forwarded-Host") if self._trusted else None
        if forwarded and origin_of(req, self._trusted).by_proxy:
            return forwarded.partition(",")[0].strip()
        return req.get_header("Host")

    def _check_name(self, host: str) -> None:
        name = name_in(host)
        if name is not None and self._is_ours(name):
            if len(self._ours) < _MOST_KNOWN:
                self._ours.add(host)
            return
        shown = visible(name or host)
        if shown not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(shown)
            log.warning("refused requests to a host name that is not this manager's", host=shown)
        raise BadRequest(
            f"This manager does not know itself as {shown!r}, and answers to no name that a stranger may have made up. "
            f"If it is reached by that name, say so in flamenco-manager.yaml: allowed_hosts: [{shown}]",
            421,
        )

    def _is_ours(self, name: str) -> bool:
        return EVERY_HOST in self._hosts or is_nobodys(name) or name in self._hosts or name in self._own_names

    @cached_property
    def _own_names(self) -> frozenset[str]:
        # Asked for when it is needed: where a name server does not answer, this takes seconds.
        return frozenset(name.lower() for name in (socket.gethostname(), socket.getfqdn()))
