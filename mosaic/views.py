"""What each network of the image branch looks at, and which experts they make up together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from catalog.files.atomic import exclusive
from catalog.probabilities import Probabilities, concatenate
from catalog.product import MAX_IMAGES
from catalog.runs.run import Run
from catalog.runs.saved_probabilities import IMAGE_EXPERT, held_out_file
from catalog.runs.workspace import Workspace

ANY = 0
"""Image count of a network that takes every product."""
RANKS = ("first", "rest", "any", *(str(rank) for rank in range(1, MAX_IMAGES + 1)))


@dataclass(frozen=True, order=True)
class View:
    """What one network sees of a product.

    Attributes:
        n_images: the image count that it serves, `ANY` for all.
        rank: empty: the whole mosaic in one pass; else one photo per pass: `first`, `rest` (all but the first),
            `any`, or the number of one photo from 1.
    """

    n_images: int = ANY
    rank: str = ""

    def __post_init__(self) -> None:
        if self.rank and self.rank not in RANKS:
            raise ValueError(f"rank {self.rank!r}: expected one of {', '.join(RANKS)}")
        if self.rank.isdigit() and not 1 <= int(self.rank) <= (self.n_images or MAX_IMAGES):
            raise ValueError(f"rank {self.rank}: a product with {self.n_images} photos has no such photo")

    @property
    def slot(self) -> str:
        """Name in workspaces and run folders: `any`, `2`, `2-rank-1`, `any-rank-first`."""
        count = str(self.n_images) if self.n_images else "any"
        return f"{count}-rank-{self.rank}" if self.rank else count

    @property
    def title(self) -> str:
        """For people: `2 photos, photo 1`."""
        counts = "any count" if self.n_images == ANY else f"{self.n_images} photo{'s' if self.n_images > 1 else ''}"
        what = {"": "", "first": ", first photo", "rest": ", other photos", "any": ", each photo"}
        return counts + what.get(self.rank, f", photo {self.rank}")

    def shows(self, photo: int) -> bool:
        """Whether a network of one photo per pass is shown the photo of this number (from 0)."""
        return {"first": photo == 0, "rest": photo > 0, "any": True}.get(self.rank, self.rank == str(photo + 1))


Views = Mapping[View, Run]
Pass = tuple[View, tuple[int, ...]]
"""A network and the photos, by number from 0, that it is shown together."""
_ALL_VIEWS = [
    View(n_images, rank)
    for n_images, rank in product(range(MAX_IMAGES + 1), ("", *RANKS))
    if not rank.isdigit() or int(rank) <= (n_images or MAX_IMAGES)
]
FAMILIES = {
    IMAGE_EXPERT: "each image count's own network",
    "general": "one network for any count",
    "photo": "each photo by itself, one network",
    "first-rest": "first and other photos, each by its own network",
    "rank": "each photo by the network of its count and rank",
}
"""The image experts that networks can make up, and what each does."""


def families(views: Mapping[View, object]) -> dict[str, list[View]]:
    """The experts that these networks make up, each with its networks, in the order of `FAMILIES`."""
    whole = sorted(view for view in views if not view.rank)
    found = {
        IMAGE_EXPERT: whole,
        # without specialists both names would stand for the same network
        "general": [View()] if len(whole) > 1 and View() in views else [],
        "photo": [view for view in views if view == View(ANY, "any")],
        "first-rest": [View(ANY, rank) for rank in ("first", "rest") if View(ANY, rank) in views],
        "rank": sorted(view for view in views if view.rank and (view.n_images or view.rank.isdigit())),
    }
    return {name: own for name, own in found.items() if own}


def passes(views: list[View], n_images: int, *, partial: bool = False) -> list[Pass]:
    """How one expert's networks look at a product of so many photos; empty where none can.

    Whole mosaics first: the count's own network, else the general one, else each photo by the network for single
    photos. Networks of one photo per pass: each photo goes to the most special one that is shown it; unless every
    photo has one, the expert does not speak (`partial`: it speaks from those photos that have).
    """
    everything = tuple(range(n_images))
    for view in (View(n_images), View()):
        if view in views and n_images:
            return [(view, everything)]
    if View(1) in views:
        return [(View(1), (photo,)) for photo in everything]
    found: list[Pass] = []
    for photo in everything:
        fitting = [view for view in views if view.rank and view.n_images in (ANY, n_images) and view.shows(photo)]
        if fitting:
            best = max(fitting, key=lambda view: (view.n_images != ANY, view.rank.isdigit(), view.rank != "any"))
            found.append((best, (photo,)))
    return found if partial or len(found) == n_images else []


def latest_runs(workspace: Workspace) -> dict[View, Run]:
    """The workspace's latest run of every view.

    Raises:
        FileNotFoundError: there is none; the message names the next command.
        ValueError: runs of different plans.
    """
    runs = {view: run for view in _ALL_VIEWS if (run := workspace.latest("mosaic", view.slot)) is not None}
    if not runs:
        runs = {View(): workspace.require("mosaic", View().slot)}
    if len({run.plan for run in runs.values()}) > 1:
        raise ValueError(f"{workspace.folder} holds mosaic runs of different plans: run `mosaic train` again")
    return runs


def merge_by_count(name: str, views: Mapping[View, Probabilities]) -> Probabilities:
    """One expert: each product's row from its own count's network, else from the general one."""
    parts = [replace(p, expert=name) for view, p in views.items() if view.n_images != ANY]
    if View() in views:
        # where a specialist is silent (a photo cannot be read), the general network answers, as in prediction
        parts = [p.select(p.speaks) for p in parts]
        special = np.concatenate([p.product_ids for p in parts]) if parts else np.zeros(0, np.int64)
        general = replace(views[View()], expert=name)
        parts.append(general.select(~np.isin(general.product_ids, special)))
    return concatenate(parts)


def save_held_out(workspace: Workspace) -> None:
    """Write the branch's held-out probabilities, merged by count, for the rooms that know no views."""
    # networks may be trained side by side: whoever writes last has read what the others registered
    with exclusive(workspace.folder / ".heldout.lock"):
        whole = {view: run.held_out() for view, run in latest_runs(workspace).items() if not view.rank}
        if whole:
            path = held_out_file(workspace)
            path.parent.mkdir(exist_ok=True)
            merge_by_count(IMAGE_EXPERT, whole).save(path)
