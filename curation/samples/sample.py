"""A smaller catalogue drawn from a big one."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.files.wording import plural
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.taxonomy import Taxonomy
from curation.samples.clipping import clip
from curation.samples.copies import CopyGroups
from curation.samples.diverse_choice import DiverseChoice
from curation.samples.drawing import Population, draw
from curation.samples.record import LeftOut, Record
from curation.samples.title_vectors import title_vectors
from curation.samples.vectors import Vectors
from curation.samples.writing import check_free, copy_products, record_path, write_record

TITLES = "titles"
"""Instead of a folder of vectors: products are spread by what they are called."""


@dataclass(frozen=True)
class Draw:
    """What to draw.

    Attributes:
        products: how many, to within a group of copies; None: all that `clip` leaves.
        level: each node of that level has its quota; None: one quota for all.
        power: quotas follow (size of the node) ** power: 0 equal numbers, 1 as in the catalogue.
        min_per_leaf: every leaf keeps this many, or all it has.
        max_copies: a photo with more copies than this does not keep its products together; 1: none does.
        spread: folder of the products' vectors, or `TITLES`: those that lie far from each other are drawn.
        clip: at most so many of each leaf are there to draw from.
    """

    products: int | None = None
    level: int | None = None
    power: float = 0.0
    min_per_leaf: int = 0
    max_copies: int = 20
    seed: int = 0
    spread: str | None = None
    clip: int | None = None

    def __post_init__(self) -> None:
        if self.products is None and self.clip is None:
            raise ValueError("how many? give --products, --clip, or both")
        if self.products is None and (self.level is not None or self.min_per_leaf):
            raise ValueError("--balanced, --power, --level and --min-per-leaf share out --products: give that, too")
        counts = (self.max_copies, *(n for n in (self.products, self.clip) if n is not None))
        if min(counts) < 1 or self.min_per_leaf < 0 or self.level not in (None, *LEVEL_NAMES):
            raise ValueError(f"out of range: {self}")
        if not 0 <= self.power <= 1:
            raise ValueError(f"--power {self.power}: expected 0 (equal numbers) to 1 (as in the catalogue)")


def quota_level(*, balanced: bool, power: float | None, level: int | None, lowest: int) -> tuple[int | None, float]:
    """`level` and `power` of a `Draw` from the flags; raises ValueError where they contradict each other.

    `lowest`: the level of the leaves, which have the quotas where none is given.
    """
    if balanced and power:
        raise ValueError(f"--balanced asks for equal numbers, --power {power} for other ones: give one of them")
    if not balanced and power is None:
        if level is not None:
            raise ValueError(f"--level {level} says for which categories: it needs --balanced or --power")
        return None, 0.0
    return level or lowest, power or 0.0


def sample(
    catalog: Catalog,
    destination: Path,
    wanted: Draw,
    tree: Taxonomy | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Record:
    """Draw products and write them in the catalogue's order, with a record beside them.

    With a tree, only products with a category of it are drawn.

    Raises:
        FileExistsError: the destination exists.
        ValueError: not as many products, no tree where quotas need one or a level that it lacks, vectors of other
            products.
    """
    if tree is not None and wanted.level is not None and wanted.level > tree.depth:
        raise ValueError(f"--level {wanted.level}: the tree has {plural(tree.depth, 'level')}: give 1 to {tree.depth}")
    check_free(catalog, [destination, record_path(destination)], overwrite)
    leaf = None if tree is None else catalog.leaves(tree)
    left_out = _candidates(catalog, leaf, wanted)
    positions = left_out.positions
    rng = np.random.default_rng(wanted.seed)
    copies = CopyGroups.among(catalog, positions, wanted.max_copies, progress)
    population = _population(copies.group, None if leaf is None else leaf[positions], tree, wanted.level)
    options = asdict(wanted)
    with _vectors(wanted.spread, catalog, positions, destination, progress) as vectors:
        diverse = None
        if vectors is not None:
            diverse = DiverseChoice(vectors, copies.group, rng, progress, _n_picks(wanted, population.leaf))
            options["without_a_vector"] = diverse.n_absent
        clipped, drawn = _drawn(wanted, population, diverse, rng)
    if wanted.clip is not None:
        left_out.keep(_chosen(catalog, positions[clipped]), f"beyond {wanted.clip:,} of a category")
    left_out.keep(_chosen(catalog, positions[drawn]), "not drawn")
    copy_products(catalog, left_out.positions, destination, progress)
    record = Record("catalog sample", options, destination, left_out, copies.to_json(drawn), tree, leaf)
    write_record(record.path, record.to_json())
    return record


def _vectors(
    spread: str | None, catalog: Catalog, positions: NDArray[np.int64], destination: Path, progress: Progress | None
) -> AbstractContextManager[Vectors | None]:
    """What products lie far from each other by, for as long as it is needed."""
    if spread == TITLES:
        # of a name that nobody has given: it is removed
        return title_vectors(catalog, positions, destination.with_name(f".{destination.name}.titles"), progress)
    return nullcontext(None if spread is None else Vectors.of(Path(spread), catalog, positions))


def _n_picks(wanted: Draw, leaf: NDArray[np.int64]) -> int:
    """Products that are picked one after the other, in clipping and in drawing."""
    n_large = 0 if wanted.clip is None else int((np.bincount(leaf) > wanted.clip).sum())
    return n_large * (wanted.clip or 0) + (wanted.products or 0)


def _drawn(
    wanted: Draw, population: Population, diverse: DiverseChoice | None, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """`(n,)` bool each: what clipping leaves, and what of it is drawn."""
    clipped = np.ones(len(population.group), bool)
    if wanted.clip is not None:
        clipped = clip(population.group, population.leaf, wanted.clip, rng, diverse)
        if diverse is not None:
            diverse = diverse.among(clipped)
        population = population.among(clipped)
    drawn = clipped.copy()
    if wanted.products is not None:
        drawn[clipped] = draw(population, wanted.products, wanted.power, wanted.min_per_leaf, rng, diverse)
    return clipped, drawn


def _chosen(catalog: Catalog, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(catalog), bool)
    chosen[positions] = True
    return chosen


def _candidates(catalog: Catalog, leaf: NDArray[np.int64] | None, wanted: Draw) -> LeftOut:
    """The products that may be drawn: all, or those with a leaf of the tree; `leaf`: `(N,)`."""
    left_out = LeftOut(catalog)
    if leaf is not None:
        left_out.keep(leaf != UNKNOWN, "without a category of the tree")
    elif wanted.level is not None or wanted.min_per_leaf or wanted.clip is not None:
        raise ValueError("quotas per category need the category tree: give --tree TREE.csv")
    n_candidates = int(left_out.kept.sum())
    if wanted.products is not None and wanted.products > n_candidates:
        raise ValueError(
            f"--products {wanted.products}: {catalog} has {len(catalog)} products, {n_candidates} to draw from"
            + ("" if leaf is None else " (those with a category of the tree)")
        )
    return left_out


def _population(
    group: NDArray[np.int64], leaf: NDArray[np.int64] | None, tree: Taxonomy | None, level: int | None
) -> Population:
    """What is drawn from; `group`, `leaf`: `(n,)` of the products that may be drawn."""
    same = np.zeros(len(group), np.int64)
    leaf = same if leaf is None else leaf
    return Population(group, same if tree is None or level is None else tree.ancestor(level)[leaf], leaf)
