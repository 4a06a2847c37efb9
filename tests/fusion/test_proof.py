"""What is said of held-out products that prove little is what the proof itself says of more, or of less strict ones."""

from __future__ import annotations

import re

import numpy as np
import pytest

from catalog.metrics.product_scores import ProductScores
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main as catalog
from fusion.decide import Thresholds, given_by_scores
from fusion.proof import Proof
from tests.fusion.test_decide import scores
from tests.support.command_line import call

TREE = Taxonomy([(1, ("A", "X", "P")), (2, ("A", "X", "Q")), (3, ("A", "Y", "R")), (4, ("B", "Z", "S"))])


def small_shop() -> ProductScores:
    """206 held-out products; of the 100 surest 98 are right at Cat I, of the rest two in three."""
    n = 206
    rng = np.random.default_rng(0)
    right = np.concatenate([np.ones(100, bool), rng.random(n - 100) < 0.65])
    right[[40, 80]] = False
    # what lies below is right by chance, however sure it looks
    below = np.where(rng.random(n) < 0.7, np.where(rng.random(n) < 0.5, 0, 1), 2)
    return scores(np.linspace(1, 0.3, n), right, np.where(right, below, 3))


def proof_at(target: float, found: ProductScores, n_labelled: int = 841) -> Proof:
    return Proof(found, TREE, target, 0.9, len(found), n_labelled)


def levels_given(found: ProductScores, target: float) -> np.ndarray:
    return given_by_scores(found, Thresholds.fit(found, TREE, target, 0.9), TREE)[:, 0]


@pytest.mark.slow
def test_a_small_shop_is_given_a_cat1_at_90_and_told_what_95_would_take():
    asked, strict = proof_at(0.9, small_shop()), proof_at(0.95, small_shop())
    assert asked.levels[-1].share == (levels_given(small_shop(), 0.9) == 1).mean() > 0.4
    assert not levels_given(small_shop(), 0.95).any()
    assert strict.levels[-1].share == 0
    wanted = strict.levels[-1].wanted
    assert wanted is not None
    assert 250 <= wanted <= 841
    assert f"For a Cat I it would take about {wanted} held-out products" in strict.advice
    assert "95 % right is not proved by 206 held-out products, so nothing is given unseen" in strict.advice
    assert "`catalog split FILE --tree TREE --folds 5`" in strict.advice
    assert "841 held-out products instead of 206" in strict.advice
    assert "`--precision 0.9` gives" in strict.advice
    # other catalogues of so many such products do prove it, most of the time
    rng = np.random.default_rng(7)
    others = [small_shop().select(rng.integers(0, 206, wanted)) for _ in range(20)]
    assert sum((levels_given(other, 0.95) >= 1).any() for other in others) >= 14


def test_what_can_be_shown_is_what_the_same_thresholds_give():
    proof = proof_at(0.95, small_shop())
    for level in proof.levels:
        if level.shown:
            given = levels_given(small_shop(), level.shown)
            assert level.n_shown == (given >= level.level).sum() > 0
            assert level.shown < 0.95
    for target, shares in proof.shares.items():
        given = levels_given(small_shop(), target)
        assert shares.tolist() == [(given == level).mean() for level in range(4)]
    rows = [line for line in proof.text.splitlines() if re.match(r"\d+ %", line)]
    assert len(rows) == len(proof.shares)
    assert "95 % (asked for)" in proof.text
    for row in rows:
        assert sum(map(float, row.split("  ", 1)[1].split())) == pytest.approx(100, abs=0.2)


@pytest.mark.slow
def test_where_even_the_surest_are_wrong_more_products_are_not_promised():
    coin = scores(np.linspace(1, 0.5, 400), np.arange(400) % 2 == 0)
    proof = proof_at(0.95, coin, n_labelled=2000)
    assert {level.wanted for level in proof.levels} == {None}
    assert "more products like these would not prove it" in proof.advice


def test_a_handful_without_a_mistake_is_told_to_be_too_few():
    proof = proof_at(0.95, scores(np.linspace(1, 0.9, 12), np.ones(12, bool)), n_labelled=60)
    for level in proof.levels:
        # 72 products without a mistake are the fewest that prove 95 % with this confidence
        assert level.wanted is not None
        assert 72 <= level.wanted <= 90


@pytest.mark.slow
def test_the_way_out_is_a_command_that_can_be_given(tmp_path, tree_csv, tiny_catalog):
    command = re.findall(r"`catalog ([^`]+)`", proof_at(0.95, small_shop()).advice)[0]
    files = {"FILE": tiny_catalog.address, "TREE": tree_csv}
    words = [str(files.get(word, word)) for word in command.split()]
    said = call(catalog, *words, "--workspace", tmp_path / "runs")
    assert re.search(r"60 products, held out \d+, \d+, \d+, \d+, \d+\n", said)


@pytest.mark.slow
def test_whoever_has_held_out_everything_is_not_told_to_do_so():
    found = small_shop()
    assert "--folds" not in proof_at(0.95, found, n_labelled=len(found)).advice
    assert "label more products" in proof_at(0.95, found, n_labelled=len(found)).advice


def test_where_all_is_proved_nothing_is_advised():
    proof = proof_at(0.9, scores(np.linspace(1, 0.9, 400), np.ones(400, bool)))
    assert proof.advice == ""
    assert all(level.share == 1 for level in proof.levels)
    assert "proved, 100.0 % of the products" in proof.text
    assert "way out" not in proof.text
    assert "Of products that are put where this one is" in proof.sentence


def test_where_a_parent_is_proved_the_advice_is_about_the_leaf():
    found = scores(np.linspace(1, 0.9, 400), np.ones(400, bool), np.arange(400) % 2)
    proof = proof_at(0.9, found)
    assert [level.share for level in proof.levels] == [0, 1, 1]
    assert "nothing deeper than a Cat II is given unseen. For a Cat III" in proof.advice
