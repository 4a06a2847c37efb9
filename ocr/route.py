"""Which products are worth reading: those that the photo branch puts on the books and CD shelves."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities
from catalog.taxonomy import SEPARATOR, Taxonomy

log = logging.getLogger(__name__)
CHUNK = 1024


def shelf_leaves(tree: Taxonomy, shelves: Sequence[str]) -> NDArray[np.int64]:
    """Sorted leaf indices below the configured shelves, each an exact path (`MUSIQUE`, `MUSIQUE > CD`).

    Shelves that this tree lacks are passed over, so that one configuration serves several trees.

    Raises:
        ValueError: the tree has none of them; the nearest paths are named.
    """
    leaves = []
    for shelf in shelves:
        try:
            leaves.append(tree.leaves_below(shelf))
        except KeyError:
            log.info("the tree has no shelf %r", shelf)
    if not leaves:
        paths = sorted({SEPARATOR.join(p[:n]) for p in tree.paths for n in (1, 2)})
        near = [n for s in shelves for n in difflib.get_close_matches(s, paths, n=2, cutoff=0.3)] or paths[:5]
        raise ValueError(
            f"ocr.shelves: the tree has none of {', '.join(shelves)}; "
            f"it has for instance {', '.join(dict.fromkeys(near))}. Name its books and music: --set 'shelves=[...]'"
        )
    return np.unique(np.concatenate(leaves))


def shelf_mass(photo: Probabilities, leaves: NDArray[np.int64], tree: Taxonomy) -> NDArray[np.float32]:
    """`(N,)` float32 probability that each product stands on the shelves; 0 where the photo branch is silent."""
    mass = np.zeros(len(photo), np.float32)
    rows = np.flatnonzero(photo.speaks)
    for chunk in np.split(rows, range(CHUNK, len(rows), CHUNK)):
        mass[chunk] = photo.dense(chunk, len(tree))[:, leaves].sum(axis=1)
    return mass


def routed(photo: Probabilities, leaves: NDArray[np.int64], tree: Taxonomy, threshold: float) -> NDArray[np.bool_]:
    """`(N,)` bool: products to read. The photo probabilities are held-out ones when something is fitted on them."""
    return shelf_mass(photo, leaves, tree) >= threshold
