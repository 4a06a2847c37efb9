"""Every head by name, from the simplest to the least simple; all of a run's heads on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from catalog.run import Run
from catalog.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.heads.base import Head
from fusion.heads.leaf_pool import LeafPool
from fusion.heads.means import BestSingle, Mean
from fusion.heads.stacker import Stacker
from fusion.heads.tree_pool import TreePool

Maker = Callable[[Taxonomy, Sequence[str], FusionConfig], Head]
TREE = "tree"
"""The head whose weights are shown and explained, whichever head decides."""


@dataclass(frozen=True)
class HeadKind:
    """What a head does, for people, how it is made, and what its file is called."""

    what: str
    make: Maker
    suffix: str = ".safetensors"


HEADS: dict[str, HeadKind] = {
    "best-single": HeadKind("the best expert that speaks", lambda tree, names, _: BestSingle(tree, names)),
    "arithmetic": HeadKind("arithmetic mean", lambda tree, names, _: Mean(tree, names, geometric=False)),
    "geometric": HeadKind("geometric mean", lambda tree, names, _: Mean(tree, names, geometric=True)),
    "flat": HeadKind(
        "log-linear pool over all leaves", lambda tree, names, c: LeafPool(tree, names, shrinkage=c.shrinkage)
    ),
    TREE: HeadKind(
        "pooled node by node down the tree", lambda tree, names, c: TreePool(tree, names, shrinkage=c.shrinkage)
    ),
    "tree-global": HeadKind(
        "weights by level, normalised over all leaves",
        lambda tree, names, c: LeafPool(tree, names, shrinkage=c.shrinkage, by_level=True),
    ),
    "tree-cat1": HeadKind(
        "down the tree, weights by Cat I too",
        lambda tree, names, c: TreePool(tree, names, shrinkage=c.shrinkage, by_cat1=True),
    ),
    "stacker": HeadKind(
        "gradient boosting over candidates", lambda tree, names, c: Stacker(tree, names, seed=c.seed), ".skops"
    ),
}


def make_head(name: str, tree: Taxonomy, expert_names: Sequence[str], config: FusionConfig) -> Head:
    """A head without weights yet."""
    return HEADS[name].make(tree, expert_names, config)


def save_heads(run: Run, heads: Mapping[str, Head]) -> None:
    """Write every head into the run's folder `heads`; the experts' names go into its details."""
    folder = run.folder / "heads"
    folder.mkdir(exist_ok=True)
    for name, head in heads.items():
        head.save(folder / f"{name}{HEADS[name].suffix}")
    run.details["heads"] = list(heads)
    run.details["experts"] = next(iter(heads.values())).expert_names


def load_heads(run: Run, tree: Taxonomy) -> dict[str, Head]:
    """Inverse of `save_heads`.

    Raises:
        ValueError: a head is missing, damaged, or of another tree.
    """
    names, experts = run.details.get("heads", []), run.details.get("experts", [])
    if not names or run.details.get("head") not in names or not set(names) <= set(HEADS):
        raise ValueError(f"{run.folder} names no head of this version: run `fusion train` again")
    config = run.config(FusionConfig)
    return {
        name: make_head(name, tree, experts, config).load(run.folder / "heads" / f"{name}{HEADS[name].suffix}")
        for name in names
    }
