"""The plan: which products are held out when, written once per training catalogue and taken by every training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
from catalog.split.linking import LinkedBy, Together
from catalog.tree.label_leaves import why_unknown
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
        positions: `(N,)` int64 rising positions in the catalogue of the products that can be trained on.
        parts: `(N,)` int16 part of each, in 0..n_parts-1.
        max_copies: a photo with more copies than this links nothing.
        n_unlinked: products that carry such a photo, and may share it across parts.
        largest_component: share of products in the largest linked group.
        seen: of a plan whose `data` is of an earlier version, which only sampled the labels: the fingerprint that the
            catalogue had when this version met it first; empty for others. It is no part of the plan's identity.
        linked_by: what links products beside exact copies, None where nothing else does.
        groups: `(N,)` int64 linked group of each product, 0..G-1, where something else does.
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
    linked_by: LinkedBy | None = None
    groups: NDArray[np.int64] | None = None

    @property
    def held_out_parts(self) -> range:
        """The parts that are held out, one after the other."""
        return range(self.n_parts if self.mode == "kfold" else 1)

    @property
    def plan_id(self) -> str:
        """Identity of the plan: every run names the plan it was trained under."""
        digest = hashlib.blake2b(json.dumps(self._header()).encode(), digest_size=8)
        digest.update(self.positions.tobytes() + self.parts.tobytes())
        if self.groups is not None:
            digest.update(self.groups.tobytes())
        return digest.hexdigest()

    def training_positions(self, held_out: int | None) -> NDArray[np.int64]:
        """`(n,)` int64 catalogue positions to train on while `held_out` is held out (None: all)."""
        return self.positions if held_out is None else self.positions[self.parts != held_out]

    def held_out_positions(self, held_out: int) -> NDArray[np.int64]:
        """`(n,)` int64 catalogue positions of one held-out part."""
        return self.positions[self.parts == held_out]

    def linked(self, catalog: Catalog, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 group of each product of the plan at `positions`, `(n,)`: what must not be on both sides.

        Of a plan by exact copies alone those are the groups among these products.
        """
        if self.groups is None:
            return linked_by_copies(catalog, positions, self.max_copies)[0]
        _, group = np.unique(self.groups[np.searchsorted(self.positions, positions)], return_inverse=True)
        return group

    def n_never_held_out(self, leaf: NDArray[np.int64]) -> int:
        """Of the categories with products in the plan, those without a held-out one; `leaf`: `(P,)` of the catalogue's.

        In mode `heldout` a category's only product is always learnt from.
        """
        held_out = [leaf[self.held_out_positions(part)] for part in self.held_out_parts]
        return len(np.setdiff1d(leaf[self.positions], np.concatenate(held_out)))

    def _header(self) -> dict[str, Any]:
        names = ("data", "taxonomy", "mode", "n_parts", "max_copies", "seed", "n_unlinked", "largest_component")
        linked = {} if self.linked_by is None else {"linked_by": self.linked_by.to_json()}
        return {**{name: getattr(self, name) for name in names}, **linked}

    def save(self, folder: Path) -> None:
        """Write `plan.json` and `parts.safetensors`."""
        folder.mkdir(parents=True, exist_ok=True)
        groups = {} if self.groups is None else {"groups": self.groups}
        save_arrays(folder / "parts.safetensors", {"positions": self.positions, "parts": self.parts, **groups})
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
            linked_by = LinkedBy.from_json(header.pop("linked_by", None))
            expected = _ARRAYS if linked_by is None else {**_ARRAYS, **_LINKED_ARRAYS}
            arrays = load_arrays(folder / "parts.safetensors", expected, what="parts of a plan")
            return cls(**header, linked_by=linked_by, **arrays)
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
_LINKED_ARRAYS = {"groups": ArraySpec(np.int64, ("N",))}


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
    together: Together | None = None,
    progress: Progress | None = None,
) -> tuple[Plan, ProblemLog]:
    """Split the labelled products into parts: stratified by leaf and image count, copies together.

    Products without a photo, without a category or with one the tree does not know are left out and logged.

    Args:
        together: what else belongs on one side.

    Raises:
        ValueError: fewer than two products per part, `n_parts` below 2, or a tree that knows less than half of the
            labelled products: a plan without the others would be taken for one of the catalogue; also see
            `Together.link`.
    """
    if n_parts < 2:
        raise ValueError(f"a plan needs at least 2 parts, got {n_parts}")
    leaf = catalog.leaves(taxonomy)
    log = _unusable(catalog, taxonomy, leaf)
    match = TreeMatch.of(catalog, taxonomy)
    if match.doubtful:
        raise ValueError(
            f"{catalog}: only {match}: is it the right one (--tree)? If so, "
            f"`catalog subset {catalog.source.title} NEW.bson --tree TREE.csv --labelled` keeps those, "
            f"and NEW.bson can be split\n{log.summary()}"
        )
    positions = np.flatnonzero(trainable(catalog, taxonomy))
    if len(positions) < 2 * n_parts:
        raise ValueError(
            f"{catalog}: {len(positions)} products have a photo and a category of this tree, "
            f"at least {2 * n_parts} are needed\n{log.summary()}"
        )
    component, n_unlinked = linked_by_copies(catalog, positions, max_copies, progress)
    linked_by = None
    if together is not None:
        component, linked_by = together.link(component, positions)
    rng = np.random.default_rng(seed)
    deal = _stratify if linked_by is None else _deal_groups
    parts = deal(component, leaf[positions], catalog.n_images[positions], n_parts, rng, keep_first=mode == "heldout")
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
        linked_by=linked_by,
        groups=None if linked_by is None else component,
    )
    return plan, log


def trainable(catalog: Catalog, taxonomy: Taxonomy) -> NDArray[np.bool_]:
    """`(P,)` bool: the product has a photo, and a category of the tree."""
    return (catalog.leaves(taxonomy) != UNKNOWN) & (catalog.n_images > 0)


def _unusable(catalog: Catalog, tree: Taxonomy, leaf: NDArray[np.int64]) -> ProblemLog:
    log = ProblemLog()
    rows = np.flatnonzero(leaf == UNKNOWN)
    numbers = catalog.category_ids[rows]
    distinct = np.unique(numbers)
    why = {
        number: why_unknown(tree, label)
        for number, label in zip(distinct.tolist(), catalog.ids.take(distinct), strict=True)
    }
    for i, product, number in zip(rows.tolist(), catalog.shop_ids(rows), numbers.tolist(), strict=True):
        if number == NO_CATEGORY:
            log.add(Problem(ProblemKind.NO_CATEGORY, f"row {i}", product))
        else:
            log.add(Problem(ProblemKind.UNKNOWN_CATEGORY, f"row {i}", product, why[number]))
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

    Turns are of components, not of their products: of articles in five colours, all would get the same of five parts.

    `keep_first`: a leaf's first component never goes to part 0, so that every leaf can be learnt. A leaf all of whose
    products share photos with other leaves has no component of its own: one of those then leaves part 0 instead.
    """
    _, first, size = np.unique(component, return_index=True, return_counts=True)
    order = np.lexsort((rng.random(len(first)), n_images[first], leaf[first]))
    sorted_leaf = leaf[first][order]
    new_leaf = np.diff(sorted_leaf, prepend=-1) != 0
    start = rng.integers(1 if keep_first else 0, n_parts, size=int(new_leaf.sum()))
    run = np.cumsum(new_leaf) - 1
    within = np.arange(len(order)) - np.flatnonzero(new_leaf)[run]
    part = np.empty(len(first), np.int16)
    part[order] = (start[run] + within) % n_parts
    if keep_first:
        for stranded in np.setdiff1d(leaf, leaf[part[component] != 0]):
            of_leaf = component[leaf == stranded]
            if not part[of_leaf].any():
                part[of_leaf[np.argmin(size[of_leaf])]] = 1 + stranded % (n_parts - 1)
    return part[component]


def _deal_groups(
    component: NDArray[np.int64],
    leaf: NDArray[np.int64],
    n_images: NDArray[np.int8],
    n_parts: int,
    rng: np.random.Generator,
    *,
    keep_first: bool,
) -> NDArray[np.int16]:
    """Deal components over the parts, the largest first: each goes where its leaves have fewest products so far.

    `_stratify` knows one leaf of a component: articles may have products on many.

    `keep_first`: to part 0 goes only what leaves a product of each of its leaves elsewhere.
    """
    members = np.argsort(component, kind="stable")
    size = np.bincount(component)
    start = np.append(0, np.cumsum(size))
    first = members[start[:-1]]
    share = 1 / np.maximum(1, np.bincount(leaf))
    filled = np.zeros((len(share), n_parts))
    total = np.zeros(n_parts, np.int64)
    part = np.empty(len(size), np.int16)
    # of one size by image count, so that products of each count go round the parts
    for group in np.lexsort((rng.random(len(size)), n_images[first], -size)).tolist():
        leaves = leaf[members[start[group] : start[group + 1]]]
        cost = filled[leaves].sum(axis=0)
        order = np.lexsort((total, cost))
        best = int(order[0])
        if best == 0 and keep_first and not filled[leaves, 1:].any(axis=1).all():
            best = int(order[1])
        part[group] = best
        # a product of a leaf of two weighs more than one of a leaf of a thousand
        np.add.at(filled[:, best], leaves, share[leaves])
        total[best] += len(leaves)
    return part[component]
