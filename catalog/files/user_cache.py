"""Where the user's cache lies; this module loads nothing, so that it can be asked before any library."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder: for what lies in no folder that can be written.

    Raises:
        RuntimeError: neither `XDG_CACHE_HOME` nor a home folder is known.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rayonnage"
