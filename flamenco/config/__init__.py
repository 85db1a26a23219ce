"""Configuration: a declaration per setting (`manager_settings`), read in layers (`loading`), from default `paths`."""

from flamenco.config.loading import Loaded, load
from flamenco.config.manager_settings import (
    Config,
    MqttClientConfig,
    MqttConfig,
    ShamanConfig,
    ShamanGarbageCollectConfig,
)
from flamenco.domain.durations import Duration

__all__ = [
    "Config",
    "Duration",
    "Loaded",
    "MqttClientConfig",
    "MqttConfig",
    "ShamanConfig",
    "ShamanGarbageCollectConfig",
    "load",
]
