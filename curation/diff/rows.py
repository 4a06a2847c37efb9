"""A difference as a sheet: every change is a row."""

from collections.abc import Iterator

import numpy as np

from catalog.catalog import Catalog
from catalog.files.answer_sheet import plain_cell
from catalog.files.sheet_ids import id_cell
from catalog.ids.shop_id import ShopId
from catalog.product_text import parted
from catalog.sources.source import NO_CATEGORY
from catalog.texts import Texts
from catalog.tree.taxonomy import Taxonomy
from curation.diff.difference import CatalogDifference, paths_of

COLUMNS = (
    "product_id", "change", "level",
    "old_category_id", "old_path", "old_photos", "new_category_id", "new_path", "new_photos",
)  # fmt: skip
TEXT_COLUMNS = ("old_title", "new_title", "old_description", "new_description")
"""Of catalogues with texts; the descriptions stand where they have changed."""


def columns_of(difference: CatalogDifference) -> tuple[str, ...]:
    """The sheet's header."""
    return COLUMNS + TEXT_COLUMNS if difference.texts.any else COLUMNS


def rows_of(difference: CatalogDifference) -> Iterator[tuple[object, ...]]:
    """Added products, removed ones, then every kind of change; a product with two of them has two rows."""
    n_columns = len(columns_of(difference))
    # without texts, what would stand under their columns is cut off
    return (row[:n_columns] for row in _rows(difference))


def _rows(difference: CatalogDifference) -> Iterator[tuple[object, ...]]:
    nothing = ("", "", "")
    before = _Side(difference.old, difference.old_tree, difference.texts.old)
    after = _Side(difference.new, difference.new_tree, difference.texts.new)
    for j in difference.added.tolist():
        yield (after.product(j), "added", "", *nothing, *after.cells(j), "", after.title(j), "", "")
    for i in difference.removed.tolist():
        yield (before.product(i), "removed", "", *before.cells(i), *nothing, before.title(i), "", "", "")
    for kind, where in difference.kinds().items():
        for m in np.flatnonzero(where).tolist():
            i, j = int(difference.at_old[m]), int(difference.at_new[m])
            level = difference.level_texts[int(difference.level[m])] if kind == "moved" else ""
            described = (before.description(i), after.description(j)) if kind == "description changed" else ("", "")
            yield (
                before.product(i), kind, level, *before.cells(i), *after.cells(j),
                before.title(i), after.title(j), *described,
            )  # fmt: skip


class _Side:
    """A catalogue's products as cells, with the paths of its tree as people are shown them."""

    def __init__(self, catalog: Catalog, tree: Taxonomy | None, texts: Texts) -> None:
        self._catalog, self._texts = catalog, texts
        self._paths = {category: plain_cell(path) for category, path in paths_of(tree).items()}

    def product(self, position: int) -> object:
        """The product's id."""
        return self._cell(int(self._catalog.product_ids[position]))

    def cells(self, position: int) -> tuple[object, str, int]:
        """Category id, its path as a spreadsheet may have it, and photos of a product; empty where there is none."""
        category = int(self._catalog.category_ids[position])
        shown_id = "" if category == NO_CATEGORY else self._cell(category)
        return shown_id, self._paths.get(category, ""), int(self._catalog.n_images[position])

    def title(self, position: int) -> str:
        """The product's title."""
        return plain_cell(parted(self._texts[position])[0])

    def description(self, position: int) -> str:
        """What stands below it."""
        return plain_cell(parted(self._texts[position])[1])

    def _cell(self, number: int) -> object:
        shown: ShopId = self._catalog.ids.shown(number)
        return shown if isinstance(shown, int) else id_cell(shown)
