"""Paths of the tree as users give them: `LIBRAIRIE`, `LIBRAIRIE > ROMAN`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.taxonomy import LEVELS, SEPARATOR, Taxonomy, path_text


def leaves_of_shelves(tree: Taxonomy, shelves: Sequence[str], option: str) -> NDArray[np.bool_]:
    """`(n_leaves,)` bool: leaves below any of the exact paths.

    Raises:
        ValueError: the tree lacks one; `option` and the nearest paths are named.
    """
    below = np.zeros(len(tree), bool)
    for shelf in shelves:
        try:
            below[tree.leaves_below(shelf)] = True
        except KeyError:
            raise ValueError(
                f"{option}: the tree has no shelf {shelf!r}; the nearest are {_near(tree, shelf)}"
            ) from None
    return below


def _near(tree: Taxonomy, shelf: str) -> str:
    """Whole paths like it, or paths whose last name is like its last: people forget the parent."""
    paths = sorted({path_text(path[:level]) for path in tree.paths for level in LEVELS})
    folded = {path.casefold(): path for path in paths}
    last = shelf.rpartition(SEPARATOR.strip())[2].strip().casefold()
    ends = [path for path in paths if path.rpartition(SEPARATOR)[2].strip().casefold() == last][:3]
    near = [folded[name] for name in difflib.get_close_matches(shelf.casefold(), folded, n=3, cutoff=0.5)]
    return ", ".join(repr(path) for path in dict.fromkeys([*ends, *near] or paths[:5]))
