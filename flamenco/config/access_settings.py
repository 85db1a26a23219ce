"""The settings of who may do what: without any of them, whoever comes from where the manager is meant to be used."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct, field

from flamenco.domain.access import Role
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError

Network: TypeAlias = IPv4Network | IPv6Network

ModeSetting = Literal["auto", "open", "lan", "login"]
NetworkRole = Literal["viewer", "artist", "wrangler", "admin", "view", "submit", "register"]
Registration = Literal["auto", "open", "approve", "secret", "closed"]

_ONLY_IN_FILE: Final = {"only_in_file": True}


class NetworkRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What role somebody has who comes from a network and brings no credentials."""

    network: str = field(name="from")
    role: NetworkRole


class ProxyConfig(Struct, frozen=True, kw_only=True):
    """Programs before the manager that say for whom they ask."""

    trusted: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses or networks of proxies before the manager: what they say of where a request came "
            "from is believed, and what others say is not.",
            extra=_ONLY_IN_FILE,
        ),
    ] = ()


class AccessConfig(Struct, frozen=True, kw_only=True):
    """Who may do what."""

    mode: Annotated[
        ModeSetting,
        Meta(
            description="What somebody may do without signing in: open is everything; lan, from private networks, to "
            "look, submit and steer one's own jobs; login is nothing. auto is open while the manager listens on its "
            "own machine alone, and lan otherwise.",
            extra=_ONLY_IN_FILE,
        ),
    ] = "auto"
    networks: Annotated[
        tuple[NetworkRule, ...],
        Meta(
            description="Roles by network, the first that fits, such as [{from: 10.1.0.0/24, role: artist}].",
            extra=_ONLY_IN_FILE,
        ),
    ] = ()
    proxy: ProxyConfig = ProxyConfig()
    viewers_read_logs: Annotated[
        bool, Meta(description="Whether viewers may read what tasks log.", extra=_ONLY_IN_FILE)
    ] = True
    artists_run_any_program: Annotated[
        bool,
        Meta(
            description="Whether artists may submit jobs with the command exec, which runs any program. Files for "
            "Blender can hold programs as well.",
            extra=_ONLY_IN_FILE,
        ),
    ] = True
    highest_priority: Annotated[
        int,
        Meta(description="Highest priority that artists may give to their jobs.", ge=0, le=100, extra=_ONLY_IN_FILE),
    ] = 100
    session: Annotated[
        Duration, Meta(description="How long somebody stays signed in who does nothing.", extra=_ONLY_IN_FILE)
    ] = Duration(14 * 86_400)
    audit_keep: Annotated[Duration, Meta(description="How long it is kept who changed what.", extra=_ONLY_IN_FILE)] = (
        Duration(400 * 86_400)
    )


class WorkersConfig(Struct, frozen=True, kw_only=True):
    """How programs become workers of the farm."""

    registration: Annotated[
        Registration,
        Meta(
            description="open: by themselves, in mode lan from private networks alone; approve: they are given "
            "nothing until a person agrees; secret: with a token for it; closed: not at all. auto is approve in mode "
            "login, and open otherwise.",
            extra=_ONLY_IN_FILE,
        ),
    ] = "auto"


class NetworkRoles:
    """Which role each network has. Raises `ConfigError` for what is no network."""

    def __init__(self, rules: Iterable[NetworkRule]) -> None:
        self._rules = [(networks("access.networks", [rule.network]), Role(rule.role)) for rule in rules]

    def of(self, text: str) -> Role | None:
        """The role of the first network that has the address; None for what is no address as well."""
        if not self._rules:
            return None
        try:
            address = ip_address(text)
        except ValueError:
            return None
        return next((role for known, role in self._rules if is_in(address, known)), None)


def networks(key: str, texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that are written there, an address being one as well. Raises `ConfigError` with the key."""
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}; write 10.1.0.0/24, or 10.1.0.7.") from error


def is_in(address: Any, known: Iterable[Network]) -> bool:
    """Whether one of the networks has the address."""
    return any(address.version == network.version and address in network for network in known)
