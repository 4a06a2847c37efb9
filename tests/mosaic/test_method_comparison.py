"""Which method answers where: never by what it is measured on."""

import numpy as np
import pytest

from mosaic.method_comparison import MethodScores


def scores_of(linear: list[int], fine: list[int], parts: list[int], nll=(1.0, 1.0)) -> MethodScores:
    right = {"linear": np.array(linear, bool), "fine-tune": np.array(fine, bool)}
    losses = {"linear": np.full(len(parts), nll[0]), "fine-tune": np.full(len(parts), nll[1])}
    return MethodScores(right, losses, np.array(parts), np.arange(len(parts)))


SECONDS = {"linear": 1.0, "fine-tune": 9.0}


def test_a_part_has_no_say_in_who_answers_on_it():
    # on part 0 fine-tune is right always, elsewhere linear is a little better
    parts = [0] * 4 + [1] * 4 + [2] * 4
    linear = [0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0]
    fine = [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0]
    comparison = scores_of(linear, fine, parts).compared(3, SECONDS, held_out=True)
    assert comparison.deployed == "fine-tune"
    assert comparison.parts == ("linear", "fine-tune", "fine-tune")
    # whatever part 0 shows, it is answered by the one that is better on the others
    for shown in ([0] * 4, [1] * 4):
        assert scores_of(shown + linear[4:], fine, parts).compared(3, SECONDS, held_out=True).parts[0] == "linear"
    assert comparison.gain == pytest.approx(-2 / 12)
    assert comparison.low < comparison.gain < comparison.high
    assert "linear 50.0 %, fine-tune 66.7 % right (linear -16.7 points" in str(comparison)


def test_of_equals_the_surer_one_and_then_the_cheaper_one_is_taken():
    parts = [0, 1]
    assert scores_of([1, 0], [0, 1], parts, (1.0, 0.9)).compared(2, SECONDS, held_out=True).deployed == "fine-tune"
    assert scores_of([1, 0], [0, 1], parts).compared(2, SECONDS, held_out=True).deployed == "linear"


def test_products_set_aside_decide_for_the_one_part():
    comparison = scores_of([1, 1], [0, 1], [0, 0]).compared(1, SECONDS, held_out=False)
    assert comparison.parts == ("linear",)
    assert "products set aside" in str(comparison)


def test_groups_are_drawn_whole():
    grouped = MethodScores(
        {"linear": np.repeat([True, False], 20), "fine-tune": np.repeat([False, False], 20)},
        {"linear": np.ones(40), "fine-tune": np.ones(40)}, np.zeros(40, int), np.repeat([0, 1], 20),
    )  # fmt: skip
    comparison = grouped.compared(1, SECONDS, held_out=True)
    # two groups tell next to nothing
    assert (comparison.low, comparison.high) == (0, 1)
