"""Truncated probabilities stay probabilities; silence has a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.probabilities import MIN_FREQUENCY, Probabilities, Silence, choose_k, concatenate, silent_everywhere

L = 9


def case(seed: int, k: int, n: int = 5, s: int = 6) -> tuple[Probabilities, np.ndarray]:
    rng = np.random.default_rng(seed)
    support = np.sort(rng.permutation(L)[:s]).astype(np.int32)
    dense = rng.dirichlet(np.ones(s), size=n)
    silence = np.zeros(n, np.uint8)
    silence[1] = Silence.NOTHING_READ
    made = Probabilities.from_dense(
        "text", np.arange(100, 100 + n), np.ones(n, np.int8), dense, silence,
        support=support, frequency=rng.dirichlet(np.ones(s)), k=k, taxonomy="tree", plan="plan",
    )  # fmt: skip
    return made, dense


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_dense_equals_the_obvious_version(seed, k):
    made, dense = case(seed, k)
    rows = np.array([0, 2, 4])
    found = made.dense(rows, L)
    for out, full in zip(found, dense[rows], strict=True):
        top = np.argsort(-full, kind="stable")[:k]
        expected = np.zeros(L)
        others = [i for i in range(6) if i not in top]
        weight = np.maximum(made.frequency, MIN_FREQUENCY)
        for i in range(6):
            leaf = made.support[i]
            rest = 1 - full[top].sum()
            expected[leaf] = full[i] if i in top else rest * weight[i] / weight[others].sum()
        np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    outside = np.setdiff1d(np.arange(L), made.support)
    assert not found[:, outside].any()
    if k >= 6:
        np.testing.assert_allclose(found[:, made.support], dense[rows], atol=1e-6)
    assert (np.diff(made.values[[0, 2, 3, 4]], axis=1) <= 0).all()


def test_reading_a_silent_row_raises_and_says_why():
    made, _ = case(0, 3)
    assert made.speaks.tolist() == [True, False, True, True, True]
    with pytest.raises(ValueError, match="text is silent on the product of row 1: nothing read"):
        made.dense(np.array([0, 1]), L)
    assert np.isnan(made.values[1]).all()


def test_save_and_load(tmp_path):
    made, _ = case(1, 3)
    made.save(tmp_path / "p.safetensors")
    again = Probabilities.load(tmp_path / "p.safetensors")
    np.testing.assert_array_equal(again.leaves, made.leaves)
    np.testing.assert_array_equal(again.values, made.values)
    assert (again.expert, again.taxonomy, again.plan) == ("text", "tree", "plan")
    with pytest.raises(FileNotFoundError):
        Probabilities.load(tmp_path / "none.safetensors")
    (tmp_path / "p.safetensors").write_bytes((tmp_path / "p.safetensors").read_bytes()[:-20])
    with pytest.raises(ValueError, match="holds no probabilities"):
        Probabilities.load(tmp_path / "p.safetensors")
    (tmp_path / "q").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ValueError, match="holds no probabilities"):
        Probabilities.load(tmp_path / "q")


def test_concatenate_keeps_rows_of_different_k():
    a, dense_a = case(2, 6)
    b, _ = case(2, 2)
    both = concatenate([b, a])
    assert both.leaves.shape == (10, 6)
    rows = np.array([0, 2, 3, 4])
    np.testing.assert_allclose(both.dense(rows, L), b.dense(rows, L), atol=1e-6)
    np.testing.assert_allclose(both.dense(rows + 5, L)[:, a.support], dense_a[rows], atol=1e-6)
    with pytest.raises(ValueError, match="different trees or plans"):
        concatenate([a, Probabilities(**{**vars(b), "plan": "other"})])


def test_aligned_reorders_and_is_silent_on_strangers():
    made, _ = case(3, 3)
    found = made.aligned(np.array([104, 7, 100, 101]))
    np.testing.assert_array_equal(found.leaves[0], made.leaves[4])
    assert found.silence.tolist() == [0, Silence.NOT_ROUTED, 0, Silence.NOTHING_READ]
    assert made.silence.tolist() == [0, Silence.NOTHING_READ, 0, 0, 0]
    empty = silent_everywhere(made, np.zeros(0, np.int64))
    assert empty.aligned(np.array([1, 2])).silence.tolist() == [Silence.NOT_ROUTED] * 2


@given(st.integers(0, 10**6), st.floats(0.1, 1))
def test_choose_k_equals_the_obvious_version(seed, coverage):
    dense = np.random.default_rng(seed).dirichlet(np.ones(7) * 0.5, size=11)
    slow = next((k for k in range(1, 8) if np.sort(dense, axis=1)[:, -k:].sum(axis=1).mean() >= coverage), 7)
    # a mean that equals the coverage to the last bit may fall on either side
    assert abs(choose_k(dense, coverage, 100) - slow) <= (coverage == 1)
    assert choose_k(dense, coverage, 2) == min(2, choose_k(dense, coverage, 100))


def test_a_narrow_list_is_padded_without_saying_anything_new():
    """Three leaves of the first part's support, two of the second's, one of them shared."""

    def part(support: list[int], dense: list[float], k: int, weight: list[float]) -> Probabilities:
        return Probabilities.from_dense(
            "mosaic", np.array([sum(support)]), np.ones(1, np.int8), np.array([dense]), np.zeros(1, np.uint8),
            support=np.array(support, np.int32), frequency=np.array(weight), k=k, taxonomy="tree",
        )  # fmt: skip

    both = concatenate([part([0, 2, 5], [0.2, 0.5, 0.3], 3, [0.2, 0.2, 0.6]), part([2, 7], [0.9, 0.1], 1, [0.5, 0.5])])
    assert both.support.tolist() == [0, 2, 5, 7]
    np.testing.assert_allclose(both.frequency, [0.1, 0.35, 0.3, 0.25])
    dense = both.dense(np.array([0, 1]), L)
    np.testing.assert_allclose(dense[0, [2, 5, 0]], [0.5, 0.3, 0.2], atol=1e-6)
    # the rest of the second part now falls on whatever the whole expert can name, by training frequency
    np.testing.assert_allclose(dense[1, [2, 0, 5, 7]], [0.9, *(0.1 * np.array([0.1, 0.3, 0.25]) / 0.65)], atol=1e-6)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 8)), min_size=1, max_size=4))
def test_concatenated_rows_remain_distributions(parts):
    both = concatenate([case(seed, k, s=3 + seed % 5)[0] for seed, k in parts])
    rows = np.flatnonzero(both.speaks)
    dense = both.dense(rows, L)
    np.testing.assert_allclose(dense.sum(axis=1), 1, atol=1e-5)
    assert (dense >= 0).all()
    assert both.frequency.sum() == pytest.approx(1)
    for row, full in zip(rows, dense, strict=True):
        np.testing.assert_allclose(full[both.leaves[row]], both.values[row], atol=1e-5)


def test_no_rows_at_all():
    made, _ = case(0, 3)
    none = made.select(np.zeros(0, np.int64))
    assert len(none) == 0
    assert none.dense(np.zeros(0, np.int64), L).shape == (0, L)
    assert len(concatenate([none, made])) == 5
    with pytest.raises(ValueError, match="nothing to concatenate"):
        concatenate([])


def test_arrays_that_do_not_fit_together_are_refused(tmp_path):
    made, _ = case(0, 3)
    path = tmp_path / "p.safetensors"

    def refuses(**changes: object) -> None:
        Probabilities(**{**vars(made), **changes}).save(path)
        with pytest.raises(ValueError, match="damaged"):
            Probabilities.load(path)

    refuses(rest=made.rest[:-1])
    refuses(frequency=made.frequency[:-1])
    refuses(values=made.values[:, :-1])
    refuses(leaves=np.full_like(made.leaves, L + 5))


def test_safetensors_of_something_else_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(3)}, tmp_path / "a")
    with pytest.raises(ValueError, match="holds no probabilities"):
        Probabilities.load(tmp_path / "a")
    for texts in ("[1]", '{"surprise": "x"}', "{}"):
        made, _ = case(0, 3)
        arrays = {name: getattr(made, name) for name in vars(made) if isinstance(getattr(made, name), np.ndarray)}
        save_file(arrays, tmp_path / "b", metadata={"probabilities": texts})
        with pytest.raises(ValueError, match="holds no probabilities"):
            Probabilities.load(tmp_path / "b")
