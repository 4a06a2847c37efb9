"""Sentence vectors of titles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from text.encoders import Vectors, make_encoder, width_of
from text.titles import TitleWords

LONGEST = 300
"""Characters of a title that are encoded: what a shop writes behind them says little, and costs as much."""


class TitleEncoder:
    """A sentence encoder of titles, for any number of threads; loaded with the first title.

    Attributes:
        name: see `text.encoders.make_encoder`; width: D, numbers of a vector.

    Raises:
        EncoderMissing: it is not installed.
    """

    def __init__(self, name: str, *, remember: bool = False) -> None:
        """`remember`: vectors are kept, for fits on parts of the same titles: 2 kB for each different one."""
        self.name, self.width = name, width_of(name)
        self._encoder, self._remember = make_encoder(name), remember
        self._known: dict[str, Vectors] = {}

    def vectors(self, titles: Sequence[TitleWords]) -> Vectors:
        """`(N, D)` float32, rows of length one."""
        texts = [title.plain[:LONGEST] for title in titles]
        known = self._known if self._remember else {}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, self._encoder.encode(new), strict=True))
        return np.array([known[text] for text in texts], np.float32).reshape(-1, self.width)
