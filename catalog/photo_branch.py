"""The image branch as the other rooms see it: its runs by image count and their saved probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities, concatenate
from catalog.product import MAX_IMAGES
from catalog.run import Run
from catalog.workspace import Workspace

ANY = 0
"""Key of the general network, which takes any image count."""
NAME = "mosaic"
"""The expert that sends each product to its own count's network."""


def latest_runs(workspace: Workspace) -> dict[int, Run]:
    """The workspace's latest run of every image count (`ANY`: general).

    Raises:
        FileNotFoundError: there is none; the message names the next command.
        ValueError: runs of different plans.
    """
    slots = {ANY: "any", **{n: str(n) for n in range(1, MAX_IMAGES + 1)}}
    runs = {n: run for n, slot in slots.items() if (run := workspace.latest("mosaic", slot)) is not None}
    if not runs:
        runs = {ANY: workspace.require("mosaic", "any")}
    if len({run.plan for run in runs.values()}) > 1:
        raise ValueError(f"{workspace.folder} holds mosaic runs of different plans: run `mosaic train` again")
    return runs


def merge_by_count(name: str, by_count: Mapping[int, Probabilities]) -> Probabilities:
    """One expert: each product's row from its own count's network, else from the general one."""
    parts = [replace(p, expert=name) for count, p in by_count.items() if count != ANY]
    if ANY in by_count:
        special = np.concatenate([p.product_ids for p in parts]) if parts else np.zeros(0, np.int64)
        general = replace(by_count[ANY], expert=name)
        parts.append(general.select(~np.isin(general.product_ids, special)))
    return concatenate(parts)


def held_out(workspace: Workspace) -> Probabilities:
    """Held-out probabilities of the whole image branch."""
    return merge_by_count(NAME, {count: run.held_out() for count, run in latest_runs(workspace).items()})


def predictions_folder(workspace: Workspace, catalog: Catalog) -> Path:
    """Where a catalogue's saved probabilities lie in a workspace."""
    return workspace.folder / "predictions" / f"{catalog.path.stem}-{catalog.fingerprint[:8]}"


def saved(workspace: Workspace, catalog: Catalog, path: Path | None = None) -> Probabilities:
    """What `mosaic predict` saved for a catalogue (or the file at `path`).

    Raises:
        FileNotFoundError: nothing saved; the message names the command.
    """
    found = path or predictions_folder(workspace, catalog) / f"{NAME}.safetensors"
    if not found.is_file():
        raise FileNotFoundError(f"{found} does not exist: run `mosaic predict {catalog.path}` first")
    return Probabilities.load(found)
