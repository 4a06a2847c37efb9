"""A home folder that cannot be written is told of once: not by every library, and not for every file."""

import logging
import os

from catalog.files.user_cache import cache_folder

log = logging.getLogger(__name__)
TOLD = "RAYONNAGE_HOME_TOLD"
"""A variable of the environment: processes that are started from here need not tell it again."""
OF_MATPLOTLIB = ("mkdir -p failed for path", "Matplotlib created a temporary cache directory")


def tell_once() -> None:
    """Say that the user's cache folder keeps nothing, unless it was said."""
    if os.environ.get(TOLD) != str(cache_folder()):
        os.environ[TOLD] = str(cache_folder())
        log.warning(
            "%s cannot be written: what would be kept there is made anew by every command (XDG_CACHE_HOME names "
            "another folder)", cache_folder(),
        )  # fmt: skip


def instead_of_matplotlib(record: logging.LogRecord) -> bool:
    """A filter of its messages: two of them are about this, and are told in our words."""
    if not record.getMessage().startswith(OF_MATPLOTLIB):
        return True
    tell_once()
    return False
