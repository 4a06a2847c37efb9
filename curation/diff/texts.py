"""Which products are called or described otherwise than before."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, in_batches
from catalog.product_text import parted
from catalog.texts import Texts

AT_A_TIME = 4096


@dataclass(frozen=True)
class TextChanges:
    """What two catalogues say of the m products that both have.

    Attributes:
        old, new: the texts of both.
        title, description: `(m,)` bool, another one than before; one that came or went is another one.
    """

    old: Texts
    new: Texts
    title: NDArray[np.bool_]
    description: NDArray[np.bool_]

    @classmethod
    def between(
        cls, old: Catalog, new: Catalog, at_old: NDArray[np.int64], at_new: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:  # fmt: skip
        """Compare the texts at `(m,)` positions of both catalogues, to the letter."""
        before, after = old.titles(progress), new.titles(progress)
        title, description = (np.zeros(len(at_old), bool) for _ in range(2))
        if not (before.any or after.any):
            return cls(before, after, title, description)
        for rows in in_batches(np.arange(len(at_old)), AT_A_TIME, progress):
            pairs = zip(before.take(at_old[rows]), after.take(at_new[rows]), strict=True)
            for row, (was, now) in zip(rows.tolist(), pairs, strict=True):
                if was != now:
                    (old_title, old_rest), (new_title, new_rest) = parted(was), parted(now)
                    title[row], description[row] = old_title != new_title, old_rest != new_rest
        return cls(before, after, title, description)

    @property
    def any(self) -> bool:
        """Whether either catalogue has texts."""
        return self.old.any or self.new.any

    def kinds(self) -> dict[str, NDArray[np.bool_]]:
        """By kind of change, `(m,)` bool; none where there are no texts."""
        return {"title changed": self.title, "description changed": self.description} if self.any else {}
