"""Configuration: one declaration per setting (`settings`), read in layers (`loading`), from default paths (`paths`)."""

from flamenco.config.loading import Loaded, load
from flamenco.config.settings import Config, MqttClientConfig, MqttConfig, ShamanConfig, ShamanGarbageCollectConfig
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
