"""What `rayonnage fit` is asked for."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from catalog.runs.shipped_configs import shipped_configs
from catalog.runs.workspace import RECIPE
from catalog.sources.address import Address, shown
from rayonnage.fitting.amounts import typed_bytes, typed_time
from rayonnage.fitting.progress.journal import Asked
from rayonnage.fitting.recipe import Quality


@dataclass(frozen=True)
class FitRequest:
    """The options of a fit.

    Attributes:
        catalog, tree, names: of the labelled catalogue.
        group: column that names what must stay together, None: whatever seems to.
        time_s: seconds that may be used, None for as long as it takes.
        memory_bytes: memory that may be used, None for what is free.
        recipe: a file, or the name of a shipped configuration, that is obeyed.
        overwrite: whatever plan the workspace has gives way.
    """

    catalog: Address
    tree: Path | None = None
    names: Path | None = None
    group: str | None = None
    time_s: float | None = None
    quality: Quality = "balanced"
    memory_bytes: int | None = None
    recipe: str | None = None
    workspace: Path = Path("runs")
    overwrite: bool = False

    @property
    def command(self) -> str:
        """What asks for it on a command line."""
        given = {
            "--tree": self.tree, "--names": self.names, "--group": self.group,
            "--time": None if self.time_s is None else typed_time(self.time_s),
            "--quality": None if self.quality == "balanced" else self.quality,
            "--memory": None if self.memory_bytes is None else typed_bytes(self.memory_bytes),
            "--recipe": self.recipe,
            "--workspace": None if self.workspace == Path("runs") else self.workspace,
        }  # fmt: skip
        options = [part for option, value in given.items() if value is not None for part in (option, str(value))]
        return shlex.join(["rayonnage", "fit", shown(self.catalog), *options])

    @property
    def recipe_path(self) -> Path:
        """Where the recipe of the workspace lies."""
        return self.workspace / RECIPE

    @property
    def asked(self) -> Asked:
        """What makes it the same fit as an earlier one, from whichever folder it is called."""
        recipe = self.recipe
        if recipe is not None and Path(recipe).resolve() == self.recipe_path.resolve():
            # it is written anew, with what is known of it by then
            recipe = RECIPE
        elif recipe is not None and recipe not in shipped_configs():
            recipe = hashlib.blake2b(Path(recipe).read_bytes(), digest_size=8).hexdigest()
        tree, names = (None if path is None else str(path.resolve()) for path in (self.tree, self.names))
        return Asked(
            catalog=str(self.catalog.resolve()) if isinstance(self.catalog, Path) else shown(self.catalog),
            tree=tree, names=names, group=self.group, time_s=self.time_s, quality=self.quality,
            memory_bytes=self.memory_bytes, recipe=recipe,
        )  # fmt: skip
