"""Products that were found, as people are shown them: photos, title, category path."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.ids.shop_id import ShopId, id_number
from catalog.product import Product
from catalog.runs.workspace import Workspace
from catalog.tree.label_leaves import label_leaf
from catalog.tree.taxonomy import Taxonomy, path_text
from search.indexing.record import OUTSIDE, IndexedProducts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _OpenCatalog:
    """A catalogue, and what finds its products."""

    catalog: Catalog
    order: NDArray[np.int64]

    def position(self, number: int) -> int:
        """Where the product with this number stands; -1 where it does not."""
        return int(positions_of(self.catalog.product_ids, np.array([number]), self.order)[0])


class Showcase:
    """Looks products up in the catalogues that an index was made of, which are opened when they are first asked."""

    def __init__(self, workspace: Workspace, known: IndexedProducts, tree: Taxonomy | None) -> None:
        """`tree`: gives labels their paths; without one they are shown as they are."""
        self._known, self._tree = known, tree
        self._opened = cache(lambda address: _open(workspace, address))

    def product(self, product_id: ShopId) -> Product | None:
        """The product as its catalogue has it now; None where the catalogue is gone, or the product is."""
        number = id_number(product_id)
        source = int(self._known.source_of(np.array([number]))[0])
        opened = None if source == OUTSIDE else self._opened(self._known.addresses[source])
        position = UNKNOWN if opened is None else opened.position(number)
        return None if opened is None or position == UNKNOWN else opened.catalog[position]

    def catalogs(self) -> list[Catalog]:
        """All of them but those that are gone."""
        opened = map(self._opened, self._known.addresses)
        return [one.catalog for one in opened if one is not None]

    def category(self, category_id: ShopId | None) -> str:
        """A label's path; the label itself where no tree has it, "" where there is none."""
        if category_id is None:
            return ""
        leaf = UNKNOWN if self._tree is None else label_leaf(self._tree, category_id)
        return str(category_id) if self._tree is None or leaf == UNKNOWN else path_text(self._tree.shown[leaf])


def _open(workspace: Workspace, address: str) -> _OpenCatalog | None:
    try:
        catalog = workspace.open(address)
    except (OSError, ValueError) as error:
        log.warning("products of %s are shown without photos: %s", address, error)
        return None
    return _OpenCatalog(catalog, np.argsort(catalog.product_ids, kind="stable"))
