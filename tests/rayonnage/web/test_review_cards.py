"""What a card offers in the place of the suggestion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.prediction.predicted_product import PredictedProduct
from rayonnage.web.api.review_cards import parent_level

TREE = Taxonomy([(1, ("A", "B", "C")), (2, ("A", "D")), (3, ("E",))])
PRODUCT = PredictedProduct(
    0, 17, 0, (0.9, 0.8, 0.7), Decision.REVIEW, 0, (), (), 0.5, n_images=1, n_readable=1, reason="", text_read="",
    title="", photos_md5=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("leaf", "decision", "given", "level"),
    [
        (0, Decision.REVIEW, 0, 2),
        (0, Decision.PARENT, 1, 1),
        (0, Decision.ACCEPT, 3, 2),
        (1, Decision.REVIEW, 0, 1),
        # the path ends at Cat II, which was given
        (1, Decision.PARENT, 2, 1),
        (2, Decision.REVIEW, 0, 0),
    ],
)
def test_the_parent_is_what_was_sure_enough_else_the_one_above(leaf, decision, given, level):
    assert parent_level(replace(PRODUCT, leaf=leaf, decision=decision, given_level=given), TREE) == level
