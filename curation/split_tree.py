"""The tree that a catalogue is split by, where no file has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.sources.source import NO_CATEGORY
from catalog.tree.label_tree import LabelTree
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Names


def tree_of_labels(catalog: Catalog, names: Path | None = None) -> tuple[Taxonomy, str]:
    """The tree that a catalogue's labels make, and what is to be said of it; `names` as `Taxonomy.from_csv` has them.

    Raises:
        FileNotFoundError, ValueError: as `LabelTree.of` and `Names.from_csv` raise them.
    """
    labels, n_products = np.unique(catalog.category_ids[catalog.category_ids != NO_CATEGORY], return_counts=True)
    try:
        made = LabelTree.of(catalog, dict(zip(catalog.ids.take(labels), n_products.tolist(), strict=True)))
    except ValueError as error:
        # labels that could not be read are among these
        raise ValueError("\n".join(filter(None, [str(error), catalog.problems.summary()]))) from None
    taxonomy = made.tree if names is None else made.tree.with_names(Names.from_csv(names))
    return taxonomy, str(made)
