"""A process that changes an index for ever, step by step, as anybody can say what it holds after each."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np

from search.index import LocalIndex
from tests.support.vectors import entries_of, unit_vectors

N_PRODUCTS = 7


def products_after(n_steps: int, first: frozenset[int]) -> frozenset[int]:
    """Products that are there after so many steps."""
    there = first
    for step in range(n_steps):
        there = (there | {_product(step)}) if step % 3 else (there - {_product(step)})
    return there


def write_for_ever(folder: Path) -> None:
    """Say how many steps are done, after each."""
    index = LocalIndex.open(folder)
    vectors = unit_vectors(N_PRODUCTS)
    for step in count():
        product = _product(step)
        if step % 3:
            index.add(vectors[product : product + 1], entries_of([product]))
        else:
            index.remove(np.array([product]))
        if step % 5 == 4:
            index.compact()
        print(step + 1, flush=True)


def _product(step: int) -> int:
    return 3 * step % N_PRODUCTS
