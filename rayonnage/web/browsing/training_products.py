"""The training catalogue's products, for a look at the ones that others are copies of."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.ids.shop_id import ShopId, id_number
from catalog.product import Product
from catalog.runs.workspace import Workspace


class TrainingProducts:
    """The catalogue that was split, opened when it is first asked for; safe in threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._opened: tuple[float, Catalog, NDArray[np.int64]] | None = None
        self._lock = Lock()

    def get(self, product_id: ShopId) -> Product | None:
        """A product, None where the catalogue has none of that id.

        Raises:
            OSError, ValueError: there is no plan, or its catalogue cannot be opened or has changed.
        """
        catalog, order = self._catalog()
        place = int(positions_of(catalog.product_ids, np.array([id_number(product_id)], np.int64), order)[0])
        return None if place == UNKNOWN else catalog[place]

    def _catalog(self) -> tuple[Catalog, NDArray[np.int64]]:
        with self._lock:
            split = (self._workspace.folder / "plan" / "plan.json").stat().st_mtime
            if self._opened is None or self._opened[0] != split:
                catalog = self._workspace.training_catalog()
                self._opened = split, catalog, np.argsort(catalog.product_ids, kind="stable")
            return self._opened[1:]
