"""The manager's own folders: for its user alone, unless what is shared lies below them."""

from __future__ import annotations

from flamenco.config import Config, private


def make(config: Config) -> None:
    """Make the data directory, and the folder of task logs and images. Raises `OSError`.

    Where nobody names a folder to share, it is in the data directory; workers of other users pass through that.
    """
    for folder in (config.data_dir, config.local_storage_path):
        private.make_folder(folder, passable=config.shared_path.is_relative_to(folder))
