"""Libraries that report to their makers, and leave ids in the home folder, are told not to before they are loaded."""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import cast

from catalog.files.unwritable_home import instead_of_matplotlib
from catalog.files.user_cache import cache_folder

NO_REPORTS = {
    # ONNX Runtime reports every session to Microsoft since 1.29, with an id and a database in ~/.cache/Microsoft
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub comes with timm; where it is asked to download, it says which libraries are installed
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""Variables that switch reports off, in this process and in those that it starts."""
REPORTER = "openvino_telemetry"
"""What tells Google Analytics that OpenVINO was imported; OpenVINO itself does without it where it is not installed."""


def send_no_reports() -> None:
    """Switch off what is known to report, without a file in the user's home folder.

    Every room does this when it is imported, and so does every process: a worker that is started anew imports the room
    that its work lies in.
    """
    os.environ.update(NO_REPORTS)
    # There is no variable for it but those of CI services, and its own opt-out is a file in ~/intel. To Python's import
    # system None says that there is no such package.
    sys.modules.setdefault(REPORTER, cast(ModuleType, None))
    logging.getLogger("matplotlib").addFilter(instead_of_matplotlib)
    # neither variable nor home folder known: matplotlib then works in a temporary folder
    with suppress(RuntimeError):
        _keep_out_of_settings()


def _keep_out_of_settings() -> None:
    """Matplotlib makes an empty `~/.config/matplotlib` where there is none; one that a user has made is honoured."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "matplotlib"
    if not settings.exists():
        os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
