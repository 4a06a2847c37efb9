"""The plan: which products are held out when, written once per training catalogue and taken by every training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.atomic import write_text
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.source import NO_CATEGORY
from catalog.split.copies import linked_by_copies
from catalog.split.labels import TreeMatch
from catalog.tree.taxonomy import Taxonomy

Mode = Literal["heldout", "kfold"]
HELD_OUT_SHARE = 0.2
"""Share that is held out where nothing is said of it."""


@dataclass(frozen=True)
class Plan:
    """Parts of the labelled products of one catalogue.

    In mode `heldout` part 0 is held out once, in mode `kfold` every part in turn. What is deployed in the end has
    learnt from all of them.

    Attributes:
        catalog: path of the catalogue; data: its fingerprint; taxonomy: fingerprint of the tree.
        positions: `(N,)` int64 positions in the catalogue of the products that can be trained on.
        parts: `(N,)` int16 part of each, in 0..n_parts-1.
        max_copies: a photo with more copies than this links nothing.
        n_unlinked: products that carry such a photo, and may share it across parts.
        largest_component: share of products in the largest linked group.
        seen: of a plan whose `data` is of an earlier version, which only sampled the labels: the fingerprint that the
            catalogue had when this version met it first; empty for others. It is no part of the plan's identity.
    """

    catalog: str
    data: str
    taxonomy: str
    mode: Mode
    n_parts: int
    max_copies: int
    seed: int
    n_unlinked: int
    largest_component: float
    positions: NDArray[np.int64]
    parts: NDArray[np.int16]
    seen: str = ""

    @property
    def held_out_parts(self) -> range:
        """The parts that are held out, one after the other."""
        return range(self.n_parts if self.mode == "kfold" else 1)

    @property
    def plan_id(self) -> str:
        """Identity of the plan: every run names the plan it was trained under."""
        digest = hashlib.blake2b(json.dumps(self._header()).encode(), digest_size=8)
        digest.update(self.positions.tobytes() + self.parts.tobytes())
        return digest.hexdigest()

    def training_positions(self, held_out: int | None) -> NDArray[np.int64]:
        """`(n,)` int64 catalogue positions to train on while `held_out` is held out (None: all)."""
        return self.positions if held_out is None else self.positions[self.parts != held_out]

    def held_out_positions(self, held_out: int) -> NDArray[np.int64]:
        """`(n,)` int64 catalogue positions of one held-out part."""
        return self.positions[self.parts == held_out]

    def n_never_held_out(self, leaf: NDArray[np.int64]) -> int:
        """Of the categories with products in the plan, those without a held-out one; `leaf`: `(P,)` of the catalogue's.

        In mode `heldout` a category's only product is always learnt from.
        """
        held_out = [leaf[self.held_out_positions(part)] for part in self.held_out_parts]
        return len(np.setdiff1d(leaf[self.positions], np.concatenate(held_out)))

    def _header(self) -> dict[str, str | int | float]:
        names = ("data", "taxonomy", "mode", "n_parts", "max_copies", "seed", "n_unlinked", "largest_component")
        return {name: getattr(self, name) for name in names}

    def save(self, folder: Path) -> None:
        """Write `plan.json` and `parts.safetensors`."""
        folder.mkdir(parents=True, exist_ok=True)
        save_arrays(folder / "parts.safetensors", {"positions": self.positions, "parts": self.parts})
        self.save_header(folder)

    def save_header(self, folder: Path) -> None:
        """Write `plan.json` alone."""
        header = {"catalog": self.catalog, **self._header(), **({"seen": self.seen} if self.seen else {})}
        write_text(folder / "plan.json", json.dumps(header, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Plan:
        """Read a plan.

        Raises:
            FileNotFoundError: no plan there; the message names the command that makes one.
            ValueError: damaged files.
        """
        if not (folder / "plan.json").is_file():
            raise FileNotFoundError(f"{folder} holds no plan: run `catalog split TRAIN.bson --tree TREE.csv`")
        try:
            header = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
            arrays = load_arrays(folder / "parts.safetensors", _ARRAYS, what="parts of a plan")
            return cls(**header, **arrays)
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{folder}: the plan is damaged ({error}); run `catalog split` again") from None

    def is_of(self, catalog: Catalog) -> bool:
        """Whether this is the catalogue that was split."""
        return catalog.fingerprint in (self.data, self.seen) or (not self.seen and catalog.matches(self.data))

    def check_data(self, catalog: Catalog) -> None:
        """Raise ValueError when the catalogue is not the one that was split."""
        if not self.is_of(catalog):
            raise ValueError(f"{catalog} has changed since it was split: run `catalog split {catalog}` again")


_ARRAYS = {"positions": ArraySpec(np.int64, ("N",)), "parts": ArraySpec(np.int16, ("N",))}


def parts_to_make(folds: int | None, held_out: float | None) -> int:
    """How many parts a plan of K folds, or of a held-out share, is made of; ValueError where both are asked for."""
    if folds is not None and held_out is not None:
        raise ValueError(
            f"--folds {folds} holds out every one of {folds} parts in turn, --held-out {held_out:g} one share once: "
            "give one of them"
        )
    return folds or max(2, round(1 / (held_out or HELD_OUT_SHARE)))


def make_plan(
    catalog: Catalog,
    taxonomy: Taxonomy,
    *,
    mode: Mode = "heldout",
    n_parts: int = 5,
    max_copies: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Plan, ProblemLog]:
    """Split the labelled products into parts: stratified by leaf and image count, copies together.

    Products without a photo, without a category or with one the tree does not know are left out and logged.

    Raises:
        ValueError: fewer than two products per part, `n_parts` below 2, or a tree that knows less than half of the
            labelled products: a plan without the others would be taken for one of the catalogue.
    """
    if n_parts < 2:
        raise ValueError(f"a plan needs at least 2 parts, got {n_parts}")
    leaf = taxonomy.leaf_index(catalog.category_ids)
    log = _unusable(catalog, leaf)
    match = TreeMatch.of(catalog, taxonomy)
    if match.doubtful:
        raise ValueError(
            f"{catalog}: only {match}: is it the right one (--tree)? If so, "
            f"`catalog subset {catalog.source.title} NEW.bson --tree TREE.csv --labelled` keeps those, "
            f"and NEW.bson can be split\n{log.summary()}"
        )
    positions = np.flatnonzero((leaf != UNKNOWN) & (catalog.n_images > 0))
    if len(positions) < 2 * n_parts:
        raise ValueError(
            f"{catalog}: {len(positions)} products have a photo and a category of this tree, "
            f"at least {2 * n_parts} are needed\n{log.summary()}"
        )
    component, n_unlinked = linked_by_copies(catalog, positions, max_copies, progress)
    rng = np.random.default_rng(seed)
    parts = _stratify(
        component, leaf[positions], catalog.n_images[positions], n_parts, rng, keep_first=mode == "heldout"
    )
    plan = Plan(
        catalog=catalog.address,
        data=catalog.fingerprint,
        taxonomy=taxonomy.fingerprint,
        mode=mode,
        n_parts=n_parts,
        max_copies=max_copies,
        seed=seed,
        n_unlinked=n_unlinked,
        largest_component=float(np.bincount(component).max() / len(positions)),
        positions=positions,
        parts=parts,
    )
    return plan, log


def _unusable(catalog: Catalog, leaf: NDArray[np.int64]) -> ProblemLog:
    log = ProblemLog()
    ids, categories = catalog.product_ids, catalog.category_ids
    for i in np.flatnonzero(leaf == UNKNOWN):
        if categories[i] == NO_CATEGORY:
            log.add(Problem(ProblemKind.NO_CATEGORY, f"row {i}", int(ids[i])))
        else:
            log.add(Problem(ProblemKind.UNKNOWN_CATEGORY, f"row {i}", int(ids[i]), str(categories[i])))
    return log


def _stratify(
    component: NDArray[np.int64],
    leaf: NDArray[np.int64],
    n_images: NDArray[np.int8],
    n_parts: int,
    rng: np.random.Generator,
    *,
    keep_first: bool,
) -> NDArray[np.int16]:
    """Deal each leaf's components over the parts in turn, ordered by image count, from a random first part.

    `keep_first`: a leaf's first component never goes to part 0, so that every leaf can be learnt. A leaf all of whose
    products share photos with other leaves has no component of its own: one of those then leaves part 0 instead.
    """
    _, first, size = np.unique(component, return_index=True, return_counts=True)
    order = np.lexsort((rng.random(len(first)), n_images[first], leaf[first]))
    sorted_leaf = leaf[first][order]
    new_leaf = np.diff(sorted_leaf, prepend=-1) != 0
    start = rng.integers(1 if keep_first else 0, n_parts, size=int(new_leaf.sum()))
    run = np.cumsum(new_leaf) - 1
    # count products, not components, so that a large group takes as many turns as it has members
    before = np.cumsum(size[order]) - size[order]
    within = before - before[new_leaf][run]
    part = np.empty(len(first), np.int16)
    part[order] = (start[run] + within) % n_parts
    if keep_first:
        for stranded in np.setdiff1d(leaf, leaf[part[component] != 0]):
            of_leaf = component[leaf == stranded]
            if not part[of_leaf].any():
                part[of_leaf[np.argmin(size[of_leaf])]] = 1 + stranded % (n_parts - 1)
    return part[component]
