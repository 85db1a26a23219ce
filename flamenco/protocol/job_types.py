"""What the settings of a job type are, in the original protocol and in today's alike."""

from __future__ import annotations

from enum import StrEnum


class AvailableJobSettingType(StrEnum):
    """What kind of value a setting takes."""

    STRING = "string"
    INT32 = "int32"
    FLOAT = "float"
    BOOL = "bool"


class AvailableJobSettingSubtype(StrEnum):
    """What a text setting stands for."""

    FILE_PATH = "file_path"
    DIR_PATH = "dir_path"
    FILE_NAME = "file_name"
    HASHED_FILE_PATH = "hashed_file_path"
