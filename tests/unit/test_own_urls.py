"""Under which URLs a manager can be reached, for the interfaces that a machine may have."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from flamenco.discovery.networks import interfaces, ipv4_of
from flamenco.discovery.own_urls import Interface, of_this_machine_alone, own_urls, urls_for

LO = ("127.0.0.1", "::1")


def machine(**addresses: tuple[str, ...]) -> list[Interface]:
    """Interfaces by name."""
    return [Interface(name, tuple(map(ip_address, texts))) for name, texts in addresses.items()]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/"),
        ("192.168.1.5", "http://192.168.1.5:8080/"),
        ("fd00::2", "http://[fd00::2]:8080/"),
        ("farm", "http://farm:8080/"),
    ],
)
def test_a_certain_address(host: str, url: str) -> None:
    """A manager that listens on one address has that URL, whatever else the machine has."""
    assert own_urls(host, 8080, machine(lo=LO, eth0=("192.168.1.5", "10.0.0.1"))) == (url,)


@pytest.mark.parametrize(
    ("interfaces", "urls"),
    [
        (machine(lo=LO), ["127.0.0.1", "[::1]"]),
        (machine(lo=LO, eth0=("192.168.1.5",)), ["192.168.1.5", "127.0.0.1", "[::1]"]),
        (machine(lo=(*LO, "10.9.9.9")), ["10.9.9.9"]),
        (machine(eth0=("fd00::2", "192.168.1.5", "fe80::1%eth0")), ["192.168.1.5", "[fd00::2]"]),
        (machine(eth0=("169.254.3.4", "192.168.1.5")), ["192.168.1.5"]),
        (machine(eth0=("169.254.3.4", "fd00::2")), ["169.254.3.4", "[fd00::2]"]),
        (machine(eth0=("fe80::1%eth0",)), []),
        (machine(b=("10.0.0.2",), a=("10.0.0.10",), c=("9.255.0.1",)), ["9.255.0.1", "10.0.0.2", "10.0.0.10"]),
        (machine(eth0=("10.0.0.2",), eth0_1=("10.0.0.2",)), ["10.0.0.2"]),
        (machine(eth0=("224.0.0.1", "0.0.0.0", "::", "ff02::1")), []),  # noqa: S104
        ([], []),
    ],
)
def test_every_address(interfaces: list[Interface], urls: list[str]) -> None:
    """Each interface brings what others can use; this machine's own come last, IPv4 before IPv6."""
    assert own_urls("::", 8080, interfaces) == tuple(f"http://{url}:8080/" for url in urls)


def test_every_address_of_one_kind() -> None:
    """A manager that listens on 0.0.0.0 does not hear IPv6, so it does not say that it can be reached by it."""
    urls = own_urls("0.0.0.0", 80, machine(lo=LO, eth0=("192.168.1.5", "fd00::2")))  # noqa: S104
    assert urls == ("http://192.168.1.5:80/", "http://127.0.0.1:80/")


@pytest.mark.parametrize(
    ("url", "alone"),
    [
        ("http://127.0.0.1:8080/", True),
        ("http://127.1.2.3:80/", True),
        ("http://[::1]:8080/", True),
        ("http://localhost:8080/", True),
        ("http://192.168.1.5:8080/", False),
        ("http://[fd00::2]:8080/", False),
        ("http://farm:8080/", False),
    ],
)
def test_urls_that_mean_nothing_elsewhere(url: str, alone: bool) -> None:
    """Loopback addresses are another machine on every machine."""
    assert of_this_machine_alone(url) is alone


@pytest.mark.parametrize(
    ("source", "is_told_all"), [("127.0.0.1", True), ("192.168.1.5", True), ("192.168.1.6", False)]
)
def test_who_is_told_what(source: str, is_told_all: bool) -> None:
    """The loopback URL is told on the manager's own machine alone; elsewhere it would lead to another manager."""
    urls = ("http://192.168.1.5:8080/", "http://127.0.0.1:8080/")
    own = [ip_address("127.0.0.1"), ip_address("192.168.1.5")]
    assert urls_for(ip_address(source), urls, own) == (urls if is_told_all else urls[:1])


def test_the_interfaces_of_this_machine() -> None:
    """This machine has its loopback interface at the least, and that comes first among the IPv4 addresses."""
    found = interfaces()
    assert any(address.is_loopback for interface in found for address in interface.addresses)
    assert str(ipv4_of(found)[0]) == "127.0.0.1"


CERTIFICATES = [
    (("farm.test", "192.168.1.5"), ["farm.test", "192.168.1.5"]),
    (("192.168.1.5", "127.0.0.1", "::1"), ["192.168.1.5", "127.0.0.1", "[::1]"]),
    (("localhost", "farm.test"), ["farm.test"]),
    (("*.studio.test",), ["192.168.1.5", "10.0.0.1", "127.0.0.1", "[::1]"]),
]


@pytest.mark.parametrize(("certified", "urls"), CERTIFICATES)
def test_over_tls(certified: tuple[str, ...], urls: list[str]) -> None:
    """Of what the certificate is for, names first; of everything where that cannot be told."""
    found = own_urls("::", 8443, machine(lo=LO, eth0=("192.168.1.5", "10.0.0.1")), certified)
    assert sorted(found) == sorted(f"https://{url}:8443/" for url in urls)
    assert found[0] == f"https://{urls[0]}:8443/" or "*" in certified[0]


def test_over_tls_on_this_machine_alone() -> None:
    """A name that others find is of no use there."""
    url = "https://127.0.0.1:8443/"
    assert own_urls("127.0.0.1", 8443, machine(lo=LO), ("farm.test", "127.0.0.1")) == (url,)
    assert own_urls("127.0.0.1", 8443, machine(lo=LO), ("farm.test",)) == (url,)
    assert of_this_machine_alone(url)
