"""What a title model says of products, as the branches' probabilities have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import in_batches
from catalog.probabilities import Probabilities, Silence, concatenate
from text.titles import TitleWords

if TYPE_CHECKING:
    from text.title_model import TitleModel

EXPERT = "title"
K = 50
"""Leaves kept per product."""
ROWS_AT_ONCE = 512
"""Titles whose probabilities of all leaves are held at once."""


def title_probabilities(
    model: TitleModel, product_ids: NDArray[np.int64], titles: Sequence[str], *, taxonomy: str, plan: str = ""
) -> Probabilities:
    """What is said of `(N,)` products by their titles, see `Product.text`; silent where one has no word.

    `taxonomy`: fingerprint of the tree; `plan`: of the split that the model was fitted under.
    """

    def said(rows: NDArray[np.int64]) -> Probabilities:
        words = [TitleWords.of(titles[row]) for row in rows.tolist()]
        speaking = np.array([each.any for each in words], bool)
        dense = np.full((len(rows), len(model.classes)), np.nan, np.float32)
        if speaking.any():
            dense[speaking] = model.predict_proba([each for each in words if each.any])
        silence = np.where(speaking, Silence.SPEAKS, Silence.NO_TITLE).astype(np.uint8)
        return Probabilities.from_dense(
            EXPERT, product_ids[rows], np.zeros(len(rows), np.int8), dense, silence,
            support=model.classes.astype(np.int32), frequency=model.frequency, k=K, taxonomy=taxonomy, plan=plan,
        )  # fmt: skip

    everything = np.arange(len(titles))
    return concatenate([said(rows) for rows in in_batches(everything, ROWS_AT_ONCE)] or [said(everything)])
