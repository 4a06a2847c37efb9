"""Where a broken photo lies: experts know a product's photos by position, people by their files."""

from dataclasses import replace

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.ids.shop_id import id_number
from catalog.product import ProblemLog


def name_files(catalog: Catalog, problems: ProblemLog) -> None:
    """Let the problems of single photos name the photo's file, where the catalogue's photos are files."""
    ids = [0 if problem.product_id is None else id_number(problem.product_id) for problem in problems.named]
    rows_in_catalog = positions_of(catalog.product_ids, np.array(ids, np.int64)).tolist()
    for number, (problem, row) in enumerate(zip(problems.named, rows_in_catalog, strict=True)):
        if problem.photo is not None and not problem.where and problem.product_id is not None and row != UNKNOWN:
            file = catalog.photo_file(row, problem.photo + 1)
            problems.named[number] = replace(problem, where=file or "")
