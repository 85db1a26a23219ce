"""The plugin mqtt, as far as its configuration goes; what it sends is tested against a real broker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from flamenco import builtin
from flamenco.config import Loaded, load
from flamenco.domain.errors import ConfigError
from flamenco.domain.events import matches
from flamenco.hooks.types import EventSink
from tests.plugins.loading import load_documented, load_text


def configured(folder: Path, broker: str = "tcp://broker", **client: object) -> Loaded:
    """A configuration with these settings below `mqtt.client`."""
    settings = {"enabled": True, "broker": broker} | client
    return load_text(yaml.safe_dump({"mqtt": {"client": settings}}), folder)


def sinks_of(loaded: Loaded) -> dict[str, EventSink]:
    """The event sinks that it gives."""
    return loaded.hooks.event_sinks(loaded.config)


def test_the_documented_example(tmp_path: Path) -> None:
    """It sends to the broker, and is never given up; the text of task logs is not sent."""
    sink = sinks_of(load_documented("mqtt", tmp_path))["mqtt"]
    assert sink.description == "Sends events to the MQTT broker tcp://localhost:1883."
    assert sink.attempts > 7 * 24 * 60
    for topic in ("/jobs", "/jobs/1", "/jobs/1/last-rendered", "/last-rendered", "/workers", "/workertags", "/status"):
        assert matches(topic, sink.topics)
    assert matches("/lifecycle", sink.topics)
    assert not matches("/tasklog/1", sink.topics)


@pytest.mark.parametrize(
    ("text", "is_enabled", "sends"),
    [
        ("{}", False, False),
        ("mqtt: {client: {enabled: false, broker: 'tcp://b'}}", False, False),
        ("mqtt: {client: {enabled: true, broker: ''}}", True, False),
        ("mqtt: {client: {enabled: true, broker: 'tcp://b'}}", True, True),
        ("{mqtt: {client: {enabled: true, broker: 'tcp://b'}}, plugins: {mqtt: false}}", False, False),
        ("{mqtt: {client: {enabled: true, broker: 'tcp://b'}}, plugins: [mqtt]}", True, True),
        ("{mqtt: {client: {enabled: true, broker: 'tcp://b'}}, plugins: [ageing]}", True, True),
        ("{mqtt: {client: {enabled: false, broker: 'tcp://b'}}, plugins: [mqtt]}", True, False),
    ],
)
def test_what_enables_it(tmp_path: Path, text: str, is_enabled: bool, sends: bool) -> None:
    """Flamenco's own key is enough; what is said of the plugin itself wins. Without a broker nothing is sent."""
    loaded = load_text(text, tmp_path)
    assert ("mqtt" in loaded.config.plugins) == is_enabled
    assert ("mqtt" in sinks_of(loaded)) == sends


@pytest.mark.parametrize(
    ("environ", "is_enabled"),
    [
        ({"FLAMENCO_MQTT_CLIENT_ENABLED": "true"}, True),
        ({"FLAMENCO_MQTT_CLIENT_ENABLED": "true", "FLAMENCO_DISABLE_PLUGINS": "mqtt"}, False),
    ],
)
def test_the_environment(tmp_path: Path, environ: dict[str, str], is_enabled: bool) -> None:
    """It may be switched on from there, and off whatever the configuration says."""
    loaded = load(None, tmp_path, environ=environ, hooks=builtin.core_hooks({}))
    assert ("mqtt" in loaded.config.plugins) == is_enabled


@pytest.mark.parametrize(
    "broker",
    ["tcp://b:1883", "mqtt://b", "ssl://b", "tls://b:1", "mqtts://b", "ws://b/mqtt", "wss://b/a?b=c", "tcp://[::1]:1"],
)
def test_urls_of_brokers(tmp_path: Path, broker: str) -> None:
    """Every scheme that today's Flamenco takes."""
    assert "mqtt" in sinks_of(configured(tmp_path, broker))


@pytest.mark.parametrize(
    ("broker", "message"),
    [
        ("broker", "'broker' is no URL of a broker; write tcp://HOST:PORT"),
        ("broker:1883", "is no URL of a broker"),
        ("http://broker", "is no URL of a broker"),
        ("tcp://", "is no URL of a broker"),
        ("tcp://b:port", "Port could not be cast to integer value"),
        ("tcp://b:99999", "Port out of range"),
        ("tcp://[::1", "Invalid IPv6 URL"),
        ("tcp://b/farm", "has a path, which only ws:// and wss:// have"),
    ],
)
def test_urls_that_are_none(tmp_path: Path, broker: str, message: str) -> None:
    """The sentence names the plugin, the key, and what is wrong with its value."""
    with pytest.raises(ConfigError) as refused:
        sinks_of(configured(tmp_path, broker))
    assert "plugin 'mqtt'" in str(refused.value)
    assert "mqtt.client.broker: " in str(refused.value)
    assert message in str(refused.value)


def test_a_password_in_the_url(tmp_path: Path) -> None:
    """It belongs elsewhere, and is not repeated."""
    with pytest.raises(ConfigError, match=r"mqtt\.client\.password") as refused:
        sinks_of(configured(tmp_path, "tcp://farm:hush@broker"))
    assert "hush" not in str(refused.value)


def test_a_prefix_that_no_topic_may_have(tmp_path: Path) -> None:
    """Those who listen use some characters for patterns."""
    with pytest.raises(ConfigError, match=r"mqtt\.client\.topic_prefix: 'farm/#' has a \+ or #"):
        sinks_of(configured(tmp_path, topic_prefix="farm/#"))


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager that should send and cannot says what to install; one that need not send does not need it."""
    monkeypatch.setitem(sys.modules, "paho", None)
    assert sinks_of(configured(tmp_path, enabled=False)) == {}
    with pytest.raises(ConfigError, match=r"pip install 'flamenco-farm\[mqtt\]'"):
        sinks_of(configured(tmp_path))
