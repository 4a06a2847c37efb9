"""Titles that hold the name of their category."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.products import TAXONOMY
from text.title_naming import CategoryNaming

LEAVES = np.arange(len(TAXONOMY)).repeat(10)
NAMES = [TAXONOMY.paths[leaf][-1] for leaf in LEAVES]


@pytest.mark.parametrize(
    ("titles", "own", "is_told"),
    [
        ([f"{name.lower()} n\u00b0 {i}" for i, name in enumerate(NAMES)], 1.0, True),
        ([f"article {i}" for i in range(len(NAMES))], 0.0, False),
        # every title names all categories: that of another product as often
        ([" ".join(sorted(set(NAMES)))] * len(NAMES), 1.0, False),
        # empty ones are aside
        ([name if i % 2 else "" for i, name in enumerate(NAMES)], 1.0, True),
        ([""] * len(NAMES), 0.0, False),
    ],
)
def test_own_names_against_those_of_others(titles, own, is_told):
    naming = CategoryNaming.of(titles, LEAVES, TAXONOMY, np.random.default_rng(0))
    assert naming.own == own
    assert bool(naming.sentence) is is_told
