"""The messages by which workers and managers find each other: as the protocol has them, and whatever else arrives."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco import __version__
from flamenco.discovery import messages
from flamenco.discovery.messages import DEVICE_UUID, SERVICE_TYPE, Search
from flamenco.domain.variables import this_platform

NOW = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)
USN = "uuid:aa80bc5f-d0af-46b8-8630-23bd7e80ec4d::urn:flamenco:manager:0"
GARBAGE = st.one_of(
    st.binary(max_size=200),
    st.tuples(
        st.sampled_from([b"M-SEARCH * HTTP/1.1", b"HTTP/1.1 200 OK", b"NOTIFY * HTTP/1.1"]),
        st.lists(
            st.tuples(
                st.sampled_from([b"ST", b"MAN", b"MX", b"USN", b"LOCATION", b"", b" "]),
                st.one_of(
                    st.binary(max_size=30),
                    st.sampled_from(
                        [b"ssdp:all", b"-1", b"1e9", b"9" * 5000, USN.encode(), b"http://[::", b"http://a:b"]
                    ),
                ),
            ),
            max_size=6,
        ),
    ).map(lambda parts: b"\r\n".join([parts[0], *(b": ".join(line) for line in parts[1]), b"", b""])),
)
"""Bytes of all kinds, some of which look like messages."""


def lines_of(message: bytes) -> list[str]:
    """The lines of a message, which ends with an empty one."""
    assert message.endswith(b"\r\n\r\n")
    return message.decode("ascii").split("\r\n")[:-2]


def search(*headers: str, first: str = "M-SEARCH * HTTP/1.1", newline: str = "\r\n") -> bytes:
    """A question with these headers."""
    return newline.join([first, *headers, "", ""]).encode()


# -- questions --------------------------------------------------------------------------------------------------------


def test_the_question_is_that_of_existing_workers() -> None:
    """Managers that are there already understand what our workers ask."""
    assert set(lines_of(messages.search_message())) == {
        "M-SEARCH * HTTP/1.1",
        "HOST: 239.255.255.250:1900",
        "ST: urn:flamenco:manager:0",
        'MAN: "ssdp:discover"',
        "MX: 3",
    }
    assert messages.read_search(messages.search_message()) == Search(SERVICE_TYPE, 3)


@pytest.mark.parametrize("target", [SERVICE_TYPE, "ssdp:all", DEVICE_UUID, f"uuid:{DEVICE_UUID}"])
def test_questions_that_are_answered(target: str) -> None:
    """Those for managers, for everything, and for this very device."""
    assert messages.read_search(search(f"ST: {target}", "MAN: x", "MX: 2")) == Search(target, 2)


@pytest.mark.parametrize(
    "message",
    [
        search("ST: ssdp:all", "MAN: x"),
        search("ST: ssdp:all", "MX: 1"),
        search("MAN: x", "MX: 1"),
        search("ST: ssdp:all", "MAN:", "MX: 1"),
        search("ST: ssdp:all", "MAN: x", "MX:"),
        search("ST: ssdp:all", "MAN: x", "MX: soon"),
        search("ST: ssdp:all", "MAN: x", "MX: -1"),
        search("ST: upnp:rootdevice", "MAN: x", "MX: 1"),
        search("ST: urn:flamenco:manager:1", "MAN: x", "MX: 1"),
        search("ST: ssdp:all", "MAN: x", "MX: 1", first="NOTIFY * HTTP/1.1"),
        search("ST: ssdp:all", "MAN: x", "MX: 1", first="M-SEARCH * HTTP/2"),
        search("ST: ssdp:all", "MAN: x", "MX: 1", first=" M-SEARCH * HTTP/1.1"),
        search("", "ST: ssdp:all", "MAN: x", "MX: 1"),
        messages.alive_message("http://farm:8080/"),
        messages.answer_message(SERVICE_TYPE, "http://farm:8080/", NOW),
    ],
)
def test_questions_that_are_not_answered(message: bytes) -> None:
    """Questions for something else, those that lack a part, and messages that are no questions."""
    assert messages.read_search(message) is None


@pytest.mark.parametrize(("said", "meant"), [("0", 1), ("1", 1), ("60", 60), ("61", 60), ("999999999", 60)])
def test_how_long_one_may_take(said: str, meant: int) -> None:
    """The time to answer in is between one second and sixty, whatever is said."""
    assert messages.read_search(search("ST: ssdp:all", "MAN: x", f"MX: {said}")) == Search("ssdp:all", meant)


def test_questions_are_read_leniently() -> None:
    """Names in any case, values with or without spaces, and lines that end as they do on Unix."""
    message = search("st:ssdp:all", "mAn:   x  ", "MX :2", "what is this", newline="\n")
    assert messages.read_search(message) == Search("ssdp:all", 2)


# -- answers ----------------------------------------------------------------------------------------------------------


def test_the_answer_is_what_existing_workers_expect() -> None:
    """An answer names the service, the device, and where its description is."""
    assert lines_of(messages.answer_message("ssdp:all", "http://192.168.1.5:8080/", NOW)) == [
        "HTTP/1.1 200 OK",
        "ST: urn:flamenco:manager:0",
        f"USN: {USN}",
        "LOCATION: http://192.168.1.5:8080/upnp/description.xml",
        "CACHE-CONTROL: max-age=3600",
        "DATE: Sun, 01 Mar 2026 12:30:05 GMT",
        f"SERVER: {this_platform()}/0.0 UPnP/1.0 flamenco/{__version__}",
        "EXT:",
    ]


def test_who_asks_for_the_device_is_told_of_the_device() -> None:
    """The answer has the target of the question, which some programs insist on."""
    assert f"ST: {DEVICE_UUID}" in lines_of(messages.answer_message(DEVICE_UUID, "http://farm:8080/", NOW))


@pytest.mark.parametrize(
    "url", ["http://192.168.1.5:8080/", "http://[fd00::2]:8080/", "https://farm/", "http://127.0.0.1:80/"]
)
def test_round_trip(url: str) -> None:
    """A worker reads out of an answer the URL that the manager put in."""
    assert messages.read_answer(messages.answer_message(SERVICE_TYPE, url, NOW)) == url


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("http://farm:8080/upnp/description.xml", "http://farm:8080/"),
        ("http://farm:8080", "http://farm:8080/"),
        ("http://farm:8080/a/b?c=d#e", "http://farm:8080/"),
        ("ftp://farm/", None),
        ("file:///etc/passwd", None),
        ("http:///path", None),
        ("http://user:secret@farm/", None),
        ("http://farm:port/", None),
        ("http://farm:99999/", None),
        ("http://[::1/", None),
        ("http://fa rm/", None),
        ("http://farm\x7f/", None),
        ("farm", None),
        ("", None),
    ],
)
def test_the_url_in_an_answer(location: str, url: str | None) -> None:
    """Scheme, host and port count; what is no URL of a manager is no answer."""
    assert messages.read_answer(search(f"USN: {USN}", f"LOCATION: {location}", first="HTTP/1.1 200 OK")) == url


@pytest.mark.parametrize(
    "message",
    [
        messages.alive_message("http://farm:8080/"),
        messages.search_message(),
        search(f"USN: {USN}", "LOCATION: http://farm:8080/", first="HTTP/1.1 404 Not Found"),
        search("USN: uuid:11111111-1111-4111-8111-111111111111::x", "LOCATION: http://tv/", first="HTTP/1.1 200 OK"),
        search("LOCATION: http://farm:8080/", first="HTTP/1.1 200 OK"),
        search(f"USN: {USN}", first="HTTP/1.1 200 OK"),
    ],
)
def test_what_is_no_answer_of_a_manager(message: bytes) -> None:
    """Announcements, questions, and what other devices say."""
    assert messages.read_answer(message) is None


def test_the_device_counts_alone() -> None:
    """Whatever service a device of ours offers, in whatever case its name is written, it is a manager."""
    message = search(f"USN: UUID:{DEVICE_UUID.upper()}", "LOCATION: http://farm/x", first="HTTP/1.1 200 OK")
    assert messages.read_answer(message) == "http://farm/"


# -- announcements, description, anything -----------------------------------------------------------------------------


def test_announcements() -> None:
    """A manager says of itself what an answer says, to everybody."""
    assert lines_of(messages.alive_message("http://farm:8080/")) == [
        "NOTIFY * HTTP/1.1",
        "HOST: 239.255.255.250:1900",
        "NT: urn:flamenco:manager:0",
        "NTS: ssdp:alive",
        f"USN: {USN}",
        "LOCATION: http://farm:8080/upnp/description.xml",
        "CACHE-CONTROL: max-age=3600",
        f"SERVER: {this_platform()}/0.0 UPnP/1.0 flamenco/{__version__}",
    ]


def test_description() -> None:
    """The description is XML in the namespace of UPnP, with everything that a device has to say of itself."""
    root = ET.fromstring(messages.description())  # noqa: S314 (we made it)
    names = {"upnp": "urn:schemas-upnp-org:device-1-0"}
    assert root.tag == "{urn:schemas-upnp-org:device-1-0}root"
    for path, text in {
        "specVersion/major": "1",
        "specVersion/minor": "0",
        "URLBase": "/",
        "device/deviceType": SERVICE_TYPE,
        "device/friendlyName": f"Flamenco {__version__}",
        "device/manufacturer": "Blender",
        "device/manufacturerURL": "https://www.blender.org/",
        "device/modelName": "Flamenco",
        "device/modelURL": "https://flamenco.io/",
        "device/UDN": f"uuid:{DEVICE_UUID}",
        "device/presentationURL": "/",
    }.items():
        assert root.findtext("/".join(f"upnp:{name}" for name in path.split("/")), namespaces=names) == text
    assert root.findtext("upnp:device/upnp:modelDescription", namespaces=names)
    assert root.find("upnp:device/upnp:serviceList", names) is None


@given(GARBAGE)
def test_nothing_is_an_error(message: bytes) -> None:
    """Whatever bytes arrive, they are read as something or as nothing."""
    found = messages.read_search(message)
    assert found is None or 1 <= found.wait_s <= 60
    url = messages.read_answer(message)
    assert url is None or (url.startswith(("http://", "https://")) and url.endswith("/"))
