"""A folder for results is looked at before the work that fills it."""

import os
from collections.abc import Iterable
from pathlib import Path


def check_output(folder: Path, names: Iterable[str]) -> None:
    """Make sure that files of these names can be written into a folder, which need not exist; nothing is made.

    Raises:
        ValueError: it, or a part of its path, is a file, or one of the names is taken by a folder.
        PermissionError: it cannot be written.
    """
    nearest = folder
    # a link that leads nowhere is no place for a folder, either
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise ValueError(f"{nearest} is no folder: give another one for the results (--output)")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(None, "cannot be written", str(nearest))
    for name in names:
        if (folder / name).is_dir():
            raise ValueError(f"{folder / name} is a folder, in the place of a result: give another --output")
