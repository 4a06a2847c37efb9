"""What texts weigh beside photos, learnt from products of several photos, and whether that finds more of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catalog.files.progress import Progress
from catalog.files.wording import percent, plural
from catalog.metrics.intervals import MetricValue
from search.ranking.photo_sample import FOLDS, PhotoSample
from search.ranking.text_channel import TextWeights
from search.ranking.text_fitting import SelfAsked
from search.ranking.text_store import TextStore
from search.ranking.whitening_trial import DEPTH, MIN_PRODUCTS, paired_figures


@dataclass(frozen=True)
class TextTrial:
    """What texts are worth, measured out of fold: a product asks by its first photo, what stands on it
    and half of its title.

    Attributes:
        n_products: of several photos and with a text, which asked.
        plain, told, gain: share in [0, 1] that is among the best `DEPTH` by photo, with words, and their paired
            difference; NaN where nothing was tried.
        weights: learnt from all that asked, where the gain's interval lies above 0; else None.
        why: nothing could be tried; "" where it was.
    """

    n_products: int
    plain: MetricValue
    told: MetricValue
    gain: MetricValue
    weights: TextWeights | None
    why: str = ""

    @classmethod
    def of(
        cls, sample: PhotoSample, store: TextStore, read: Mapping[int, str], width: int | None = None,
        progress: Progress | None = None,
    ) -> TextTrial:  # fmt: skip
        """Try the texts of a store on a sample of photos; `read`, `width`: see `SelfAsked.of`."""
        asked = SelfAsked.of(sample, store, read, width, progress)
        if len(asked) < MIN_PRODUCTS:
            several = plural(len(asked), "product of several photos has", "products of several photos have")
            return cls._untried(len(asked), f"{several} some, what they weigh is learnt from {MIN_PRODUCTS} on")
        found = np.zeros((len(asked), 2))
        try:
            for number in range(FOLDS):
                weights = asked.weights(np.flatnonzero(asked.fold != number))
                for row in np.flatnonzero(asked.fold == number).tolist():
                    found[row] = asked.is_found(row, DEPTH, None), asked.is_found(row, DEPTH, weights)
            plain, told, gain = paired_figures(found, asked.group)
            chosen = asked.weights(np.arange(len(asked))) if gain.low > 0 else None
        except ValueError as error:
            return cls._untried(len(asked), str(error))
        return cls(len(asked), plain, told, gain, chosen)

    @classmethod
    def _untried(cls, n_products: int, why: str) -> TextTrial:
        undefined = MetricValue(float("nan"), float("nan"), float("nan"))
        return cls(n_products, undefined, undefined, undefined, None, why)

    def text(self, what: str) -> str:
        """What was found, in a sentence; `what`: the texts were, in the plural."""
        if self.why:
            return f"{what} are not compared: {self.why}"
        decision = "they are compared where a query has some" if self.weights else "they are not compared"
        return (
            f"{what}, tried on {plural(self.n_products, 'product')} of several photos: one photo and a part of the "
            f"words find the product among the best {DEPTH} in {percent(self.told.value)} of them, the photo alone in "
            f"{percent(self.plain.value)}: {decision}"
        )
