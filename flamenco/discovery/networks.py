"""The network interfaces of this machine, and sockets that reach everybody on the networks they lead to."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final

import psutil

from flamenco.discovery.messages import GROUP
from flamenco.discovery.own_urls import Interface, as_address

_HOPS: Final = 2
_IP_MULTICAST_ALL: Final = 49
"""Linux: whether a socket gets what other programs have joined a group for. The module `socket` does not name it."""


def interfaces() -> list[Interface]:
    """The interfaces that are up and have an address."""
    states = psutil.net_if_stats()
    found = []
    for name, entries in psutil.net_if_addrs().items():
        if name in states and not states[name].isup:
            continue
        # Hardware addresses are listed too.
        texts = (entry.address for entry in entries if entry.family in (socket.AF_INET, socket.AF_INET6))
        addresses = tuple(address for address in map(as_address, texts) if address is not None)
        if addresses:
            found.append(Interface(name, addresses))
    return found


def ipv4_of(interfaces: Iterable[Interface]) -> list[IPv4Address]:
    """All their IPv4 addresses, this machine's own first: it is never too late for that one to be joined."""
    found = {address for interface in interfaces for address in interface.addresses if isinstance(address, IPv4Address)}
    return sorted(found, key=lambda address: (not address.is_loopback, address.packed))


def open_socket() -> socket.socket:
    """A UDP socket for IPv4 that can send to the group, and that hears what it says itself."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    return opened


def open_listener(port: int) -> socket.socket:
    """A socket at the port where questions arrive, beside other programs that listen there. Raises `OSError`."""
    opened = open_socket()
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sys.platform == "linux":
            opened.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        opened.bind(("", port))
    except OSError:
        opened.close()
        raise
    return opened


def join(listener: socket.socket, address: IPv4Address) -> None:
    """Hear what is said to everybody on the network of `address`. Raises `OSError`; so does doing it twice."""
    membership = socket.inet_aton(GROUP) + address.packed
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)


def tell_all(sender: socket.socket, message: bytes, port: int, address: IPv4Address) -> None:
    """Say `message` to everybody on the network of `address`, which is one of ours. Raises `OSError`."""
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address.packed)
    sender.sendto(message, (GROUP, port))
