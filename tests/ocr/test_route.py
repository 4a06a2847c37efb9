"""Routing: exact shelves, mass from truncated probabilities, silence."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.probabilities import Probabilities, Silence
from catalog.taxonomy import Taxonomy
from ocr.route import routed, shelf_leaves, shelf_mass

TREE = Taxonomy(
    [
        (1, ("INSTRUMENTS DE MUSIQUE", "GUITARES", "BASSE")),
        (2, ("LIBRAIRIE", "LITTERATURE", "ROMAN")),
        (3, ("LIBRAIRIE", "TOURISME", "GUIDE")),
        (4, ("MUSIQUE", "CD", "JAZZ")),
        (5, ("MUSIQUE", "VINYLE", "JAZZ")),
    ]
)


def test_shelves_are_exact_paths():
    assert shelf_leaves(TREE, ["MUSIQUE"]).tolist() == [3, 4]
    assert shelf_leaves(TREE, ["MUSIQUE > CD", "LIBRAIRIE"]).tolist() == [1, 2, 3]
    assert shelf_leaves(TREE, ["MUSIQUE", "BOOKS"]).tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"none of MUSIC.*MUSIQUE"):
        shelf_leaves(TREE, ["MUSIC"])
    with pytest.raises(ValueError, match="none of"):
        shelf_leaves(TREE, ["MUSIQUE > JAZZ"])


def test_mass_counts_the_unlisted_share_and_silent_rows_are_not_routed():
    dense = np.array([[0.1, 0.2, 0.3, 0.25, 0.15], [0.9, 0.04, 0.03, 0.02, 0.01], [0.2] * 5])
    photo = Probabilities.from_dense(
        "mosaic", np.arange(3), np.ones(3, np.int8), dense, np.array([0, 0, Silence.UNREADABLE], np.uint8),
        support=np.arange(5, dtype=np.int32), frequency=np.full(5, 0.2), k=2, taxonomy=TREE.fingerprint,
    )  # fmt: skip
    leaves = shelf_leaves(TREE, ["LIBRAIRIE", "MUSIQUE"])
    mass = shelf_mass(photo, leaves, TREE)
    # row 0 lists leaves 2 and 3 (0.55); the rest 0.45 lies evenly on leaves 0, 1, 4, of which two are on the shelves;
    # row 1 lists leaves 0 and 1, and the rest 0.06 lies on three leaves of the shelves
    np.testing.assert_allclose(mass, [0.55 + 0.45 * 2 / 3, 0.04 + 0.06, 0], rtol=1e-5)
    assert routed(photo, leaves, TREE, 0.5).tolist() == [True, False, False]
