"""How a shop writes titles, where it makes figures look better than they will be: repeated, or naming the category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent
from catalog.product_text import parted
from catalog.runs.training_data import TrainingData
from catalog.texts import Texts
from text.title_naming import CategoryNaming

MAX_LOOKED_AT = 20_000
"""Held-out products, and labelled ones, that are looked at."""
MANY_REPEATED = 0.05
"""Told where so many held-out titles stand in training too."""


@dataclass(frozen=True)
class TitleHabits:
    """Shares of titles in [0, 1].

    Attributes:
        repeated: of held-out products with a title, those with the very title of a product learnt from.
        naming: of labelled products with a title, those that name their category.
    """

    repeated: float
    naming: CategoryNaming

    @classmethod
    def of(cls, data: TrainingData, texts: Texts, positions: NDArray[np.int64], seed: int = 0) -> TitleHabits:
        """`positions`: `(n,)` of the held-out products in the catalogue."""
        rng = np.random.default_rng(seed)
        looked_at = rng.permutation(positions)[:MAX_LOOKED_AT]
        titles = [parted(text)[0] for text in texts.take(looked_at)]
        part_of = np.full(len(data.catalog), -1, np.int16)
        part_of[data.plan.positions] = data.plan.parts
        # where a title stands among the products learnt from: in which parts
        parts_with: dict[str, set[int]] = {title: set() for title in titles if title}
        for start in range(0, len(data.plan.positions), 2048):
            some = data.plan.positions[start : start + 2048]
            for text, part in zip(texts.take(some), part_of[some].tolist(), strict=True):
                if (known := parts_with.get(parted(text)[0])) is not None:
                    known.add(part)
        repeated = [
            bool(parts_with[title] - {part})
            for title, part in zip(titles, part_of[looked_at].tolist(), strict=True)
            if title
        ]
        # of all labelled products: those held out may be of few leaves, and then another's name is often their own
        looked_at = rng.permutation(data.plan.positions)[:MAX_LOOKED_AT]
        titles, leaf = [parted(text)[0] for text in texts.take(looked_at)], data.leaf[looked_at]
        naming = CategoryNaming.of(titles, leaf, data.tree, rng)
        return cls(float(np.mean(repeated)) if repeated else 0.0, naming)

    @property
    def sentences(self) -> list[str]:
        """What a person should know of it before believing the figures; none where there is nothing to tell."""
        told = []
        if self.repeated >= MANY_REPEATED:
            told.append(
                f"title: {percent(self.repeated)} of the held-out titles stand letter for letter in training as well: "
                "what the title says is measured on new products as far as new ones repeat titles as often"
            )
        if self.naming.sentence:
            told.append(f"title: {self.naming.sentence}")
        return told
