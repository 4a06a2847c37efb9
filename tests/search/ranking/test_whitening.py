"""Whitening against scikit-learn and against its own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from sklearn.covariance import OAS
from sklearn.decomposition import PCA

from search.ranking import whitening as whitening_module
from search.ranking.whitening import Whitening, _shrinkage, _within
from tests.support.embeddings import unit


def drawn(seed, n, size):
    """Vectors with few directions that vary much."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, size)) * np.linspace(3, 0.2, size) + rng.normal(size=size)).astype(np.float32)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(30, 300), st.integers(3, 8), st.integers(1, 8))
def test_with_many_vectors_it_is_whitened_pca(seed, n, size, width):
    width = min(width, size)
    vectors = drawn(seed, n, size)
    share = _shrinkage(np.cov(vectors, rowvar=False, bias=True), n)
    assert share == pytest.approx(OAS().fit(vectors).shrinkage_, abs=1e-3)
    fitted = Whitening.fit(vectors, width)
    pca = PCA(width, svd_solver="full").fit(vectors)
    # eigenvalues shrunk, directions the same
    spread = (1 - share) * pca.explained_variance_ * (n - 1) / n + share * vectors.var(axis=0).mean()
    slow = unit((vectors - vectors.mean(axis=0)) @ pca.components_.T / np.sqrt(spread))
    fast = fitted.apply(vectors)
    # an axis has no sign
    assert fast @ fast.T == pytest.approx(slow @ slow.T, abs=2e-3)
    assert fitted.width == width


def test_blocks_make_no_difference(monkeypatch):
    vectors, groups = drawn(1, 100, 6), np.arange(100) // 2
    whole = Whitening.fit(vectors, 6), Whitening.fit(vectors, 6, groups)
    monkeypatch.setattr(whitening_module, "ROWS_AT_ONCE", 7)
    parts = Whitening.fit(vectors, 6), Whitening.fit(vectors, 6, groups)
    for one, other in zip(whole, parts, strict=True):
        first, second = one.apply(vectors), other.apply(vectors)
        assert first @ first.T == pytest.approx(second @ second.T, abs=1e-4)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 30))
def test_covariance_within_groups(seed, sizes, rows_at_once):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(rng.permutation(len(sizes)) * 5, sizes))
    vectors = rng.normal(size=(len(groups), 3)) + groups[:, None]
    several = [vectors[groups == one] for one in set(groups.tolist()) if (groups == one).sum() > 1]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(whitening_module, "ROWS_AT_ONCE", rows_at_once)
        if not several:
            with pytest.raises(ValueError, match="groups of two"):
                _within(vectors, np.arange(len(groups)), groups, vectors.mean(axis=0))
            return
        covariance, freedom = _within(vectors, np.arange(len(groups)), groups, vectors.mean(axis=0))
    assert freedom == sum(len(one) - 1 for one in several)
    slow = sum((one - one.mean(axis=0)).T @ (one - one.mean(axis=0)) for one in several) / freedom
    assert covariance == pytest.approx(slow, abs=1e-6)


def test_what_differs_within_groups_counts_for_less():
    rng = np.random.default_rng(0)
    # a product is told by the last six numbers; its photos differ wildly in the first two
    product = np.repeat(rng.normal(size=(200, 6)), 2, axis=0)
    vectors = np.concatenate([5 * rng.normal(size=(400, 2)), product], axis=1) + 0.2 * rng.normal(size=(400, 8))
    groups = np.repeat(np.arange(200), 2)

    def found(rows):
        cosines = rows[0::2] @ rows[1::2].T
        return (cosines.argmax(axis=1) == np.arange(200)).mean()

    plain = found(unit(vectors - vectors.mean(axis=0)))
    learnt = Whitening.fit(vectors, 8, groups)
    assert found(learnt.apply(vectors)) > plain + 0.5


def test_fewer_vectors_than_numbers_span_fewer_directions():
    fitted = Whitening.fit(drawn(0, 5, 40), 16)
    assert fitted.width == 4
    assert np.isfinite(fitted.apply(drawn(1, 9, 40))).all()
    grouped = Whitening.fit(drawn(0, 5, 40), 16, np.array([0, 0, 1, 1, 2]))
    assert 0 < grouped.width <= 4
    assert np.isfinite(grouped.apply(drawn(1, 9, 40))).all()


@pytest.mark.parametrize("vectors", [np.zeros((0, 3)), np.zeros((4, 3)), np.ones((1, 3)), np.ones((5, 3))])
def test_vectors_that_do_not_differ_are_refused(vectors):
    with pytest.raises(ValueError, match="do not differ"):
        Whitening.fit(vectors, 2)


@pytest.mark.parametrize("groups", [[0, 1, 2, 3], [0, 0, 1, 2]])
def test_groups_that_do_not_differ_within_are_refused(groups):
    vectors = drawn(0, 4, 3)
    vectors[1] = vectors[0]
    with pytest.raises(ValueError, match="groups of two"):
        Whitening.fit(vectors, 2, np.array(groups))


def test_zeros_are_passed_over_and_stay_zeros():
    vectors = drawn(0, 20, 4)
    with_zeros = np.concatenate([vectors, np.zeros((7, 4), np.float32)])
    fitted = Whitening.fit(with_zeros, 4)
    assert fitted.mean == pytest.approx(vectors.mean(axis=0), abs=1e-5)
    whitened = fitted.apply(with_zeros)
    assert not whitened[20:].any()
    assert np.linalg.norm(whitened[:20], axis=1) == pytest.approx(1, abs=1e-5)
    assert fitted.apply(np.zeros((0, 4))).shape == (0, 4)


def test_another_width_is_refused():
    with pytest.raises(ValueError, match="fitted on 4"):
        Whitening.fit(drawn(0, 20, 4), 4).apply(drawn(0, 3, 5))


def test_saved_and_loaded_it_is_the_same(tmp_path):
    fitted = Whitening.fit(drawn(0, 20, 4), 3, digest="network 1")
    fitted.save(tmp_path / "whitening.safetensors")
    loaded = Whitening.load(tmp_path / "whitening.safetensors")
    assert loaded.apply(drawn(1, 5, 4)).tolist() == fitted.apply(drawn(1, 5, 4)).tolist()
    assert (loaded.digest, loaded.digest_after) == ("network 1", fitted.digest_after)
    assert Whitening.fit(drawn(0, 20, 4), 2, digest="network 1").digest_after != fitted.digest_after


def test_files_of_something_else_are_named(tmp_path):
    path = tmp_path / "whitening.safetensors"
    with pytest.raises(ValueError, match=r"whitening\.safetensors"):
        Whitening.load(path)
    arrays = {"mean": np.zeros(3, np.float32), "basis": np.zeros((3, 2), np.float32)}
    save_file(arrays, path)
    with pytest.raises(ValueError, match="expected 'rayonnage whitening 1'"):
        Whitening.load(path)
    save_file({**arrays, "basis": np.zeros((4, 2), np.float32)}, path)
    with pytest.raises(ValueError, match="basis is F32"):
        Whitening.load(path)
    Whitening.fit(drawn(0, 20, 4), 3).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="damaged"):
        Whitening.load(path)
    path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    with pytest.raises(ValueError, match=r"whitening\.safetensors is damaged: its content is not what was written"):
        Whitening.load(path)
