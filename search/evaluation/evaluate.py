"""`rayonnage search evaluate` as a call: queries of a catalogue, an index, and a CSV of true matches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import positions_of
from catalog.files.progress import Progress
from search.contract import VectorIndex
from search.evaluation.evaluation import SearchEvaluation
from search.evaluation.measures import DEPTHS
from search.evaluation.rank import PhotoSearch, rank
from search.evaluation.truth import TruthFile, read_truth


@dataclass(frozen=True)
class MeasuredSearch:
    """A search that was measured: its figures, and the file that they go by."""

    evaluation: SearchEvaluation
    truth_file: TruthFile

    @property
    def text(self) -> str:
        """The figures as a table, and what of the file does not count."""
        return "\n".join([self.evaluation.text, *self.truth_file.remarks])


def evaluate(
    search: PhotoSearch, index: VectorIndex, queries: Catalog, truth: Path, *,
    seen: NDArray[np.int64] | None = None, progress: Progress | None = None,
) -> MeasuredSearch:  # fmt: skip
    """Ask a search for every query that a CSV names and compare what it finds with the true matches.

    Args:
        search, index: that which answers, and what it searches.
        truth: a CSV, see `search.evaluation.truth`.
        seen: `(C,)` numbers of the categories that the network has learnt; None: not known.

    Raises:
        FileNotFoundError, ValueError: as `read_truth`.
    """
    file = read_truth(truth, queries.product_ids, lambda number: len(index.rows_of(number)) > 0)
    ranking = rank(search, queries, file.truth, max(DEPTHS), progress)
    labels = queries.category_ids[positions_of(queries.product_ids, file.truth.query_ids)]
    return MeasuredSearch(SearchEvaluation(file.truth, ranking, labels, seen), file)
