"""The settings one by one: what each is, where it comes from and what the file says of it by now; and changing some.

What is changed goes into the file, which the manager then reads anew; what may not be changed this way, and why, is
said with each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from flamenco.config import changing
from flamenco.config.changing import VARIABLE
from flamenco.config.declared import settings_of, shown
from flamenco.config.layers import COMMAND_LINE, DEFAULT
from flamenco.config.loading import check, values_of
from flamenco.config.manager_settings import Config
from flamenco.config.plugins import PREFIX, full_settings
from flamenco.domain.errors import ConfigError, Refused
from flamenco.farm import configuration_file
from flamenco.farm.context import Farm
from flamenco.hooks.setting import Setting

_OF_THE_CORE: Final = {setting.key: setting for setting in settings_of(Config)}

_ONLY_AT_THE_START: Final = frozenset({"listen", "data_dir", "server"})
"""A manager that reads its file anew goes on with those that it was started with."""

_TOPICS: Final = {
    "farm": "manager_name autodiscoverable task_timeout worker_timeout timeout_check_interval timeout_check_delay "
    "put_workers_away_after blocklist_threshold task_fail_after_softfail_count automatic_time_limit policies "
    "registrations_per_hour",
    "storage": "data_dir local_manager_storage_path shared_storage_path job_types_dir archives_dir plugins_dir "
    "addon_file blender_folders database database_check_period task_log_mb max_events retention",
    "server": "listen allowed_hosts public_url server processes threads connections connections_per_address "
    "max_body_mb log_level log_format",
    "job types": "compile_timeout compile_memory_mb max_tasks_per_job max_commands_per_task max_text_kb",
}
_TOPIC_OF: Final = {key: topic for topic, keys in _TOPICS.items() for key in keys.split()} | {"tls": "server"}
"""What a setting is about that has no group of its own; of the others, it is the name of the group."""

_ELSEWHERE: Final = ("environment ", COMMAND_LINE)


class State(Struct, frozen=True, kw_only=True):
    """A setting, or a variable, of a manager that runs. Secrets are stars.

    `value` is as it runs; None where it is only in the file. `in_file` is what it is going to be, where the file was
    changed since. `fixed` says why it cannot be changed here; empty when it can.
    """

    key: str
    setting: Setting
    value: Any
    source: str
    in_file: Any | UnsetType = UNSET
    fixed: str = ""
    waits_for_start: bool = False


class Settings(Struct, frozen=True):
    """All of them, and what is wrong with the file by now; empty when nothing is."""

    settings: list[State]
    problem: str


def listed(farm: Farm) -> Settings:
    """Every setting in the order of the declarations, those of enabled plugins last. Reads the file anew."""
    problem, following = "", None
    try:
        content = configuration_file.content_of(farm)
        following = check(content, f"file {farm.config_file}", farm.config_file, farm.config.data_dir)
    except ConfigError as error:
        problem = str(error)
    return Settings(list(_states(farm, following)), problem)


def _states(farm: Farm, following: Config | None) -> Iterator[State]:
    """Of those that run, and of variables that are only in the file; `following` is what the file says, if anything."""
    in_file = {} if following is None else {key: value for key, _, value in values_of(following, _OF_THE_CORE)}
    here = {key: (setting, value) for key, setting, value in values_of(farm.config, declared(farm))}
    for key, (setting, value) in here.items():
        source = farm.sources.get(key, DEFAULT)
        after: Any = UNSET
        is_read = following is not None and not source.startswith(_ELSEWHERE) and not key.startswith("plugins")
        if is_read and in_file.get(key) != value:
            after = _shown(setting, in_file.get(key))
        yield _state(farm, key, setting, source=source, value=_shown(setting, value), in_file=after)
    for key in (each for each in in_file if each not in here and each.startswith(VARIABLE)):
        setting = _OF_THE_CORE["variables"]
        yield _state(farm, key, setting, source=DEFAULT, value=None, in_file=_shown(setting, in_file[key]))


def _state(farm: Farm, key: str, setting: Setting, *, source: str, value: Any, in_file: Any) -> State:
    return State(
        key=key,
        setting=setting,
        value=value,
        source=source,
        in_file=in_file,
        fixed=_why_fixed(farm, key, setting, source),
        waits_for_start=key in _ONLY_AT_THE_START,
    )


def _shown(setting: Setting, value: Any) -> Any:
    return None if value is None else shown(setting, value)


def _why_fixed(farm: Farm, key: str, setting: Setting, source: str) -> str:
    if setting.only_in_file or key.startswith(PREFIX):
        return f"It is changed in {farm.config_file.name} on the manager's machine, and only there."
    if source.startswith(_ELSEWHERE):
        return f"It is said by the {source}, which wins over the file; change it there."
    return ""


def topic_of(key: str) -> str:
    """What a setting is about, in a word: settings of one are shown together. Those of a plugin have its name."""
    first, _, rest = key.partition(".")
    if first == "plugins" and rest:
        return f"plugin {rest.partition('.')[0]}"
    return _TOPIC_OF.get(first, first)


def declared(farm: Farm) -> dict[str, Setting]:
    """All declarations by key, those of enabled plugins included."""
    return _OF_THE_CORE | full_settings(farm.hooks.settings(), farm.hooks.plugins())


def change(farm: Farm, values: Mapping[str, Any]) -> None:
    """Let the file say other values for these settings, by key, and the manager start anew; None takes one out.

    A secret that is sent as it is shown stays. Raises `Refused` for what cannot be, or not here, `Failed` when the
    file cannot be written.
    """
    settings = declared(farm)
    before = configuration_file.content_of(farm)
    try:
        meant = {key: value for key, value in values.items() if not _is_as_shown(farm, settings, key, value)}
        _check_free(farm, settings, meant)
        after = changing.changed(before, settings, meant)
    except ConfigError as error:
        raise Refused(str(error)) from error
    if after != before:
        configuration_file.replace(farm, before, after)


def _is_as_shown(farm: Farm, settings: Mapping[str, Setting], key: str, value: Any) -> bool:
    setting = changing.setting_of(key, settings)
    if not (setting.secret or setting.url):
        return False
    present = next(each for name, _, each in values_of(farm.config, {key: setting}) if name == key)
    return bool(present) and value == shown(setting, present)


def _check_free(farm: Farm, settings: Mapping[str, Setting], keys: Iterable[str]) -> None:
    for key in keys:
        setting = changing.setting_of(key, settings)
        if why := _why_fixed(farm, key, setting, farm.sources.get(key, DEFAULT)):
            raise Refused(f"{key}: {why}")
