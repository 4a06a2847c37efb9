"""Where a broken photo lies: experts know a product's photos by number, people by their files."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from catalog.catalog import Catalog
from catalog.product import Problem, ProblemLog

NUMBERED = re.compile(r"photo ([0-9]+)")
"""How a problem names a photo of a product: from 1, in the seller's order."""


def name_files(catalog: Catalog, problems: ProblemLog) -> None:
    """Let the problems of single photos name the photo's file, where the catalogue's photos are files."""
    order = np.argsort(catalog.product_ids)
    problems.named = [_placed(catalog, order, problem) for problem in problems.named]


def _placed(catalog: Catalog, order: np.ndarray[tuple[int], np.dtype[np.int64]], problem: Problem) -> Problem:
    number = NUMBERED.fullmatch(problem.where)
    if number is None or problem.product_id is None:
        return problem
    place = order[np.searchsorted(catalog.product_ids, problem.product_id, sorter=order).clip(max=len(order) - 1)]
    if catalog.product_ids[place] != problem.product_id:
        return problem
    return replace(problem, where=catalog.photo_file(int(place), int(number[1])) or problem.where)
