"""Where a broken photo lies: experts know a product's photos by number, people by their files."""

import re
from dataclasses import replace

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.product import ProblemLog

NUMBERED = re.compile(r"photo ([0-9]+)")
"""How a problem names a photo of a product: from 1, in the seller's order."""


def name_files(catalog: Catalog, problems: ProblemLog) -> None:
    """Let the problems of single photos name the photo's file, where the catalogue's photos are files."""
    numbers = [NUMBERED.fullmatch(problem.where) for problem in problems.named]
    ids = [0 if problem.product_id is None else problem.product_id for problem in problems.named]
    positions = positions_of(catalog.product_ids, np.array(ids, np.int64)).tolist()
    for row, (problem, number, position) in enumerate(zip(problems.named, numbers, positions, strict=True)):
        if number is not None and problem.product_id is not None and position != UNKNOWN:
            file = catalog.photo_file(position, int(number[1]))
            problems.named[row] = replace(problem, where=file or problem.where)
