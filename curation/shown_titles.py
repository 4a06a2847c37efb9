"""What a shop calls its products, as pages, sheets and terminal lines show it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.product_text import parted
from catalog.texts import Texts

MAX_SHOWN = 100
"""Characters of a title on a page or in a line; sheets hold all of it."""
LOOKED_AT = 1000
"""Products among which an example is looked for."""


def title_of(text: str) -> str:
    """The title in a product's text, see `catalog.product_text.joined`; the description where there is no title."""
    return next(filter(None, parted(text)), "")


def titles_at(texts: Texts, positions: Sequence[int] | NDArray[np.integer]) -> list[str]:
    """The titles of the products at `(n,)` positions, "" where there is none."""
    return list(map(title_of, texts.take(positions))) if texts.any else [""] * len(positions)


def shortened(title: str, at_most: int = MAX_SHOWN) -> str:
    """A title as it stands among others."""
    return title if len(title) <= at_most else title[: at_most - 1] + "…"


def title_line(title: str, at_most: int = MAX_SHOWN) -> list[str]:
    """The line in which a page shows a product's title; none where it has none."""
    return [f"“{shortened(title, at_most)}”"] if title else []


def first_titled(catalog: Catalog, texts: Texts) -> str:
    """A product's id and title as an example of both, of a shop that has text ids or titles; else empty."""
    titles = titles_at(texts, range(min(len(catalog), LOOKED_AT)))
    row = next((row for row, title in enumerate(titles) if title), 0)
    if not titles[row] and not len(catalog.ids):
        return ""
    return ": ".join(filter(None, (str(catalog.shop_ids([row])[0]), shortened(titles[row]))))
