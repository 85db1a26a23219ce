"""Under which URLs a manager can be reached, by where it listens and which addresses its machine has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from msgspec import Struct

Address: TypeAlias = IPv4Address | IPv6Address


class Interface(Struct, frozen=True):
    """A network interface that is up, and the addresses that it has."""

    name: str
    addresses: tuple[Address, ...]


def own_urls(
    host: str, port: int, interfaces: Iterable[Interface], certified: Collection[str] | None = None
) -> tuple[str, ...]:
    """All URLs of a manager that listens on `host`, the most useful first.

    0.0.0.0 is every IPv4 address, :: is every address; any other host has one URL. `certified` are the names and
    addresses that its certificate is for, where it speaks TLS.
    """
    urls = _plain_urls(host, port, interfaces)
    return urls if certified is None else _secure_urls(urls, port, certified)


def _secure_urls(plain: tuple[str, ...], port: int, certified: Collection[str]) -> tuple[str, ...]:
    """By what the certificate is for: by any other name or address, no client trusts it.

    Where it is for none that can be told, they are told all the same: what is wrong then shows at once.
    """
    urls = [url.replace("http://", "https://", 1) for url in plain]
    known = [url for url in urls if _host_of(url) in certified]
    names = [name for name in certified if as_address(name) is None and "*" not in name and name != "localhost"]
    # Names are of others' finding, and here only this machine does.
    if not all(of_this_machine_alone(url) for url in urls):
        known = [*(f"https://{name}:{port}/" for name in names), *known]
    return tuple(dict.fromkeys(known)) or tuple(urls)


def _plain_urls(host: str, port: int, interfaces: Iterable[Interface]) -> tuple[str, ...]:
    listening = as_address(host)
    if listening is None:
        return (f"http://{host}:{port}/",)
    if not listening.is_unspecified:
        return (_url(listening, port),)
    found = {
        address
        for interface in interfaces
        for address in _reachable(interface.addresses)
        if listening.version == 6 or address.version == 4  # a socket for IPv4 hears nothing else
    }
    return tuple(_url(address, port) for address in sorted(found, key=_order))


def of_this_machine_alone(url: str) -> bool:
    """Whether `url`, one of `own_urls`, means another machine on every other machine."""
    host = _host_of(url)
    address = as_address(host)
    return host == "localhost" if address is None else address.is_loopback


def urls_for(source: Address, urls: Iterable[str], addresses: Collection[Address]) -> tuple[str, ...]:
    """Those of a manager's URLs that are of use at `source`; `addresses` are those of the manager's machine."""
    is_here = source.is_loopback or source in addresses
    return tuple(url for url in urls if is_here or not of_this_machine_alone(url))


def _host_of(url: str) -> str:
    return url.partition("://")[2].rstrip("/").rpartition(":")[0].strip("[]")


def as_address(text: str) -> Address | None:
    """The IP address that `text` is, if it is one."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _reachable(addresses: Iterable[Address]) -> list[Address]:
    """What of one interface's addresses others can use."""
    usable = [each for each in addresses if not (each.is_multicast or each.is_unspecified)]
    has_ipv4 = any(each.version == 4 and not each.is_link_local for each in usable)
    # An address that holds on this link only is a last resort; in IPv6 it means nothing without an interface's name.
    usable = [each for each in usable if not each.is_link_local or (each.version == 4 and not has_ipv4)]
    return [each for each in usable if not each.is_loopback] or usable


def _url(address: Address, port: int) -> str:
    return f"http://[{address}]:{port}/" if address.version == 6 else f"http://{address}:{port}/"


def _order(address: Address) -> tuple[bool, int, bytes]:
    return address.is_loopback, address.version, address.packed
