"""Paths as a tree has them: spelt in one way, numbered by the nodes that they go through, and found by their text."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Path = tuple[str, ...]
SEPARATOR = " > "


def path_text(path: Sequence[str]) -> str:
    """A path as people read it: `LIBRAIRIE > LITTERATURE > ROMAN`."""
    return SEPARATOR.join(path)


def one_spelling(paths: Sequence[Path]) -> list[Path]:
    """The same paths; where a node is written in two Unicode forms, both become the composed one (NFC)."""
    composed = [tuple(unicodedata.normalize("NFC", name) for name in path) for path in paths]
    spelling: dict[Path, str] = {}
    for path, whole in zip(paths, composed, strict=True):
        for level, name in enumerate(path, start=1):
            node = whole[:level]
            spelling[node] = name if spelling.get(node, name) == name else node[-1]
    return [tuple(spelling[whole[:level]] for level in range(1, len(whole) + 1)) for whole in composed]


def node_numbers(level: int, paths: Sequence[Path]) -> NDArray[np.int64]:
    """`(n,)` number, from 0, of each leaf's node at a level, of paths in order; a leaf further up is one of its own."""
    nodes = [path[:level] if len(path) >= level else (*path, place) for place, path in enumerate(paths)]
    starts = [i > 0 and nodes[i] != nodes[i - 1] for i in range(len(nodes))]
    return np.cumsum(starts, dtype=np.int64)


def levels_called(category: str, paths: Sequence[Path]) -> NDArray[np.int64]:
    """`(n,)` level of the node on each path that reads like a text, 0 where there is none."""
    wanted = _plain(category)
    level = np.zeros(len(paths), np.int64)
    for leaf, path in enumerate(paths):
        # names are compared as they read together: one of them may have the separator in it
        level[leaf] = next((n for n in range(1, len(path) + 1) if _plain(path_text(path[:n])) == wanted), 0)
    return level


def _plain(path: str) -> str:
    """The text of a path as it is compared with what people type: composed, without blanks around the names."""
    return path_text([name.strip() for name in unicodedata.normalize("NFC", path).split(SEPARATOR)])
