"""The commands that a recipe amounts to, one after the other."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rayonnage.fitting.recipe import Recipe

GENERAL, PHOTOS = "any", "photos"
SPLIT, OCR, FUSION = "split", "ocr", "fusion"
"""Keys of the stages that deal out the products, that read, and that weigh what all others have made."""
_WHAT_IS_SHOWN = {
    GENERAL: "the photos",
    "1": "products of one photo",
    "2": "products of two photos",
    "3": "products of three photos",
    "4": "products of four photos",
    PHOTOS: "single photos, with a second network",
}


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

    @property
    def room(self) -> str:
        """Whose command it is, which names the section of a recipe that it reads: `mosaic`."""
        return self.command[0]

    def __str__(self) -> str:
        """The command as it is typed: each room's group is a command of its own."""
        return shlex.join(self.command)


def is_stage(key: str) -> bool:
    """Whether a key is that of some stage, not of another decision."""
    return key in (SPLIT, OCR, FUSION) or key.startswith("mosaic-")


def stages_of(recipe: Recipe, recipe_path: Path, workspace: Path) -> list[Stage]:
    """What `rayonnage fit` runs for a recipe that lies at `recipe_path`; estimates are those of its choices."""
    return [
        Stage(key, title, command, choice.seconds if (choice := recipe.fit.choices.get(key)) else 0.0, optional)
        for key, title, command, optional in _commands(recipe, recipe_path, workspace)
    ]


def by_hand(stages: Sequence[Stage]) -> str:
    """The same by single commands, a line each."""
    return "\n".join(map(str, stages))


def _commands(recipe: Recipe, path: Path, workspace: Path) -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
    fit, room = recipe.fit, ("--workspace", str(workspace))
    obeying = ("--config", str(path))
    asked = {
        "--tree": fit.tree, "--names": fit.names, "--folds": fit.folds, "--held-out": fit.held_out,
        "--group": fit.group, "--min-leaf": fit.min_leaf,
    }  # fmt: skip
    options = [part for option, value in asked.items() if value is not None for part in (option, f"{value}")]
    options += ["--no-titles"] * fit.titles_apart
    yield SPLIT, "set products aside to be tested on", ("catalog", "split", fit.catalog, *options, *room), False
    for number, network in enumerate(fit.networks):
        title = f"learn from {_WHAT_IS_SHOWN[network]}"
        which: tuple[str, ...] = ("--n-images", network)
        if network == PHOTOS:
            second = str(recipe.mosaic.get("second_backbone"))
            # what `mosaic train` alone does with a second backbone
            which = ("--rank", "any", "--init-from", "none", "--set", f"backbone.name={second}")
        command = ("mosaic", "train", *which, *obeying, "--resume", *room)
        yield f"mosaic-{network}", title, command, number > 0
    if fit.read:
        yield OCR, "read the photos, and learn from their words", ("ocr", "train", *obeying, *room), True
    yield (
        FUSION,
        "learn from titles where there are any, and weigh all opinions",
        ("fusion", "train", *obeying, *room),
        False,
    )
