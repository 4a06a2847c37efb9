"""Tables that a stranger has sent: no file outside their own folder is ever read for them."""

from __future__ import annotations

import os
from pathlib import Path

from catalog.files.atomic import write_text

CONFINED = ".confined"
"""Ending of the file that says so."""


def confine(table: Path) -> None:
    """Keep beside a table that it may name no photo outside its folder.

    It is kept there, not told to one opening: whatever opens the table again, in another process or on another day,
    must know it. The table need not be there yet.
    """
    write_text(table.with_name(table.name + CONFINED), "")


def is_confined(table: Path) -> bool:
    """Whether only photos in the table's own folder may be read."""
    return os.path.lexists(table.with_name(table.name + CONFINED))


def names_other_place(path: str) -> bool:
    """Whether a path begins at the root of a disk, so that not even whether something lies there may be looked up."""
    return path.startswith(("/", "\\"))


def is_inside(folder: bytes, path: bytes) -> bool:
    """Whether a path ends, links followed, in a folder."""
    base = os.path.realpath(folder)
    return os.path.realpath(os.path.join(base, path)).startswith(base.rstrip(b"/") + b"/")
