"""The stacker's trees say what scikit-learn's say, from a file that nothing can be hidden in."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from fusion.heads.boosted_trees import ROWS, BoostedTrees
from fusion.heads.stacker import Stacker
from tests.fusion.small import TREE, random_case


def columns(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, 5)).astype(np.float32)
    drawn[rng.random(drawn.shape) < 0.2] = np.nan
    return drawn


@pytest.fixture(scope="module")
def model() -> HistGradientBoostingClassifier:
    features = columns(800, 0)
    right = np.nan_to_num(features[:, 0] * features[:, 1], nan=0.5) > 0.1
    return HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=15).fit(features, right)


@pytest.mark.parametrize("n", [0, 1, ROWS + 3])
def test_every_bit_is_scikit_learns(model, n):
    trees, features = BoostedTrees.of(model), columns(n, 1)
    expected = model.predict_proba(features)[:, 1] if n else np.zeros(0)
    assert np.array_equal(trees.predict_proba(features), expected)
    again = BoostedTrees.of_arrays(trees.arrays(), 5)
    assert np.array_equal(again.predict_proba(features), expected)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [("left", 0, 0), ("right", 0, 10**9), ("feature", 0, 5), ("root", 1, -1), ("root", 1, 0), ("value", 2, np.nan)],
)
def test_trees_that_cannot_be_asked_are_refused(model, name, place, value):
    arrays = {key: values.copy() for key, values in BoostedTrees.of(model).arrays().items()}
    arrays[name][place] = value
    with pytest.raises(ValueError, match=r"no trees over 5 columns|no number"):
        BoostedTrees.of_arrays(arrays, 5)


def test_a_stacker_comes_back_from_its_file_and_from_that_of_an_earlier_version(tmp_path):
    import skops.io

    truth, counts, photo, text = random_case(np.random.default_rng(6), n=100)
    grown = []
    head = Stacker(TREE, ["photo", "text"])
    boosted = head._boosted
    head._boosted = lambda *data: grown.append(boosted(*data)) or grown[-1]
    expected = head.fit([photo, text], truth, counts).predict_proba([photo, text], counts)
    path = tmp_path / "stacker.safetensors"
    state = {"model": grown[-1], "temperature": head.temperature, "pool": head.pool.tensors()}
    skops.io.dump(state, path.with_suffix(".skops"))
    earlier = Stacker(TREE, ["photo", "text"]).load(path)
    head.save(path)
    path.with_suffix(".skops").write_bytes(b"not asked")
    for loaded in (earlier, Stacker(TREE, ["photo", "text"]).load(path)):
        assert np.array_equal(loaded.predict_proba([photo, text], counts), expected)
    with pytest.raises(ValueError, match="run `fusion train` again"):
        Stacker(TREE, ["photo"]).load(path)
    path.unlink()
    with pytest.raises(ValueError, match=r"stacker\.skops does not hold a stacker"):
        Stacker(TREE, ["photo", "text"]).load(path)
