"""Every head by name, from the simplest to the least simple; all of a run's heads on disk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.runs.run import Run
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.details import FusionDetails
from fusion.heads.base import Head
from fusion.heads.leaf_pool import LeafPool
from fusion.heads.means import BestSingle, Mean
from fusion.heads.stacker import Stacker
from fusion.heads.tree_pool import TreePool

Maker = Callable[[Taxonomy, Sequence[str], FusionConfig], Head]
SUFFIX = ".safetensors"
TREE = "tree"
"""The head whose weights the evaluation's page shows, whichever head decides."""


@dataclass(frozen=True)
class HeadKind:
    """What a head does, for people, and how it is made."""

    what: str
    make: Maker


HEADS: dict[str, HeadKind] = {
    "best-single": HeadKind("the best expert that speaks", lambda tree, names, _: BestSingle(tree, names)),
    "arithmetic": HeadKind("arithmetic mean", lambda tree, names, _: Mean(tree, names, geometric=False)),
    "geometric": HeadKind("geometric mean", lambda tree, names, _: Mean(tree, names, geometric=True)),
    "flat": HeadKind("log-linear pool over all leaves",
                     lambda tree, names, c: LeafPool(tree, names, shrinkage=c.shrinkage)),
    TREE: HeadKind("pooled node by node down the tree",
                   lambda tree, names, c: TreePool(tree, names, shrinkage=c.shrinkage)),
    "tree-global": HeadKind("weights by level, normalised over all leaves",
                            lambda tree, names, c: LeafPool(tree, names, shrinkage=c.shrinkage, by_level=True)),
    "tree-cat1": HeadKind("down the tree, weights by Cat I too",
                          lambda tree, names, c: TreePool(tree, names, shrinkage=c.shrinkage, by_cat1=True)),
    "stacker": HeadKind("gradient boosting over the tree pool's candidates",
                        lambda tree, names, c: Stacker(tree, names, shrinkage=c.shrinkage, seed=c.seed)),
}  # fmt: skip


def make_head(name: str, tree: Taxonomy, expert_names: Sequence[str], config: FusionConfig) -> Head:
    """A head without weights yet."""
    return HEADS[name].make(tree, expert_names, config)


def save_heads(run: Run, heads: Mapping[str, Head]) -> None:
    """Write every head into the run's folder `heads`."""
    folder = run.folder / "heads"
    folder.mkdir(exist_ok=True)
    for name, head in heads.items():
        head.save(folder / f"{name}{SUFFIX}")


class StoredHeads(Mapping[str, Head]):
    """The heads of a run by name; each is loaded when it is first asked for, as prediction needs one of them."""

    def __init__(self, run: Run, tree: Taxonomy) -> None:
        """Raises ValueError when the run names no head of this version."""
        details = run.details_as(FusionDetails)
        if details.head not in details.heads or not set(details.heads) <= set(HEADS):
            raise ValueError(f"{run.folder} names no head of this version: run `fusion train` again")
        self._run, self._tree, self._names, self._experts = run, tree, details.heads, details.experts
        self._loaded: dict[str, Head] = {}

    def __getitem__(self, name: str) -> Head:
        """Raises ValueError when the head's file is missing, damaged, or of another tree."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._loaded:
            head = make_head(name, self._tree, self._experts, self._run.config(FusionConfig))
            self._loaded[name] = head.load(self._run.folder / "heads" / f"{name}{SUFFIX}")
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
