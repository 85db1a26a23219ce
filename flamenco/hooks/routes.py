"""What plugins add to the HTTP API: routes that get plain values and give plain values, and a look at the farm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from flamenco.domain.scheduling.accounts import Usage
from flamenco.hooks.statistics import FarmStatistics, LimitUse

Method = Literal["GET", "POST", "PUT", "DELETE"]


class ApiRequest(Struct, frozen=True, kw_only=True):
    """A request to a plugin's route. `path_values` are the parts of the path that the route has in braces."""

    method: Method
    path: str
    path_values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class ApiResponse(Struct, frozen=True, kw_only=True):
    """The answer. `body` is sent as it is when it is text or bytes, and as JSON otherwise; None sends nothing."""

    body: Any = None
    status: int = 200
    content_type: str = ""


class FarmReader(Protocol):
    """A look at the farm, for plugins' routes. Each call is one read of the database."""

    @property
    def now(self) -> datetime:
        """The present moment, with its time zone."""

    def statistics(self) -> FarmStatistics:
        """The farm in numbers."""

    def limits(self) -> Sequence[LimitUse]:
        """Every limit of the farm, by name."""

    def usage(self, policy: str) -> Mapping[str, Usage]:
        """What the accounts of the scheduling policy of that name have used, by account."""


class Route(Struct, frozen=True, kw_only=True):
    """Something that can be asked of the manager: `/api/x/<plugin>/<path>`, or `path` itself when it begins with `/`.

    `path` may have parts in braces, such as `shows/{show}`. `respond` may raise what the farm raises (`Refused`,
    `NotFound` …), which become their statuses; anything else is a 500 that names the plugin in the log.
    """

    path: str
    respond: Callable[[ApiRequest, FarmReader], ApiResponse]
    summary: str
    methods: tuple[Method, ...] = ("GET",)
