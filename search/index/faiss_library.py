"""The library that searches, loaded when the first index is opened."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def faiss_library() -> Any:
    """The module `faiss`.

    Raises:
        ValueError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise ValueError(
            f"searching among vectors needs faiss ({error}): "
            f"`{Path(sys.executable).name} -m pip install 'rayonnage[search]'`"
        ) from None
