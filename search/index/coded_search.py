"""Near vectors of an index, found by their codes: some of the nearest may be missed."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.index.codec import Codec
from search.index.coded_file import CodedFile

PROBED = 288
"""Cells that are looked into: of 4,096, where there are a million vectors."""
RERANKED = 200
"""Vectors whose scores are computed from themselves, not from their codes."""
RERANKED_PER_HIT = 3
"""At least so many for each that is wanted."""


class CodedPart(NamedTuple):
    """A segment's codes, the selector of its rows, and the number of its first row."""

    file: CodedFile
    passing: Any
    start: int


def near_rows(
    codec: Codec, parts: Sequence[CodedPart], query: NDArray[np.float32], k: int, n_passing: int, n_rows: int
) -> NDArray[np.int64]:
    """Rows, in no order, among which are the k nearest of `(D,)`, or most of them.

    Args:
        n_passing: rows that the selectors let pass, of `n_rows` in all: the fewer, the more cells are looked into.
    """
    wanted = max(RERANKED, RERANKED_PER_HIT * k)
    projected = codec.projected(query[None])
    n_probed = min(codec.n_cells, ceil(PROBED * n_rows / n_passing))
    rows = _best(codec, parts, projected, wanted, n_probed)
    if len(rows) < min(k, n_passing) and n_probed < codec.n_cells:
        rows = _best(codec, parts, projected, wanted, codec.n_cells)
    return rows


def _best(
    codec: Codec, parts: Sequence[CodedPart], projected: NDArray[np.float32], wanted: int, n_probed: int
) -> NDArray[np.int64]:
    probes = codec.probes(projected, n_probed)
    found = [part.file.search(projected, wanted, probes, part.passing) for part in parts]
    scores = np.concatenate([one.scores for one in found])
    rows = np.concatenate([one.rows + part.start for one, part in zip(found, parts, strict=True)])
    # equals in the order of their rows, however many segments there are
    return rows[np.lexsort((rows, -scores))[:wanted]]
