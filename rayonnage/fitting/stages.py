"""The commands that a recipe amounts to, one after the other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One command of `rayonnage`.

    Attributes:
        key: names it in files: `split`, `mosaic-any`, `mosaic-2`, `ocr`, `fusion`.
        title: for people: "learn from the photos".
        command: arguments of `rayonnage`, as a person would give them.
        seconds: that it is expected to take here.
        optional: it may be left out where time runs short; the model is whole without it.
    """

    key: str
    title: str
    command: tuple[str, ...]
    seconds: float
    optional: bool = False
