"""Stackers of runs of earlier versions: scikit-learn's own trees, in skops' format."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.heads.boosted_trees import BoostedTrees

SUFFIX = ".skops"
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""What a stored stacker may hold beside scikit-learn's public types and numpy's arrays."""
MAX_BYTES = 256 * 2**20


def load_earlier(path: Path, n_features: int) -> tuple[BoostedTrees, float, dict[str, NDArray[Any]]]:
    """The trees, the temperature and the pool's arrays, of any shape `(...)`, that a stacker wrote.

    Nothing but the types of a gradient boosting model is accepted. Loading scikit-learn takes seconds: training again
    spares them.

    Raises:
        ValueError: damaged, hostile, or of other experts.
    """
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier

    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")
        state = skops.io.load(path, trusted=list(TRUSTED))
        model, temperature, tensors = state["model"], float(state["temperature"]), dict(state["pool"])
        if not isinstance(model, HistGradientBoostingClassifier):
            raise ValueError(f"it holds a {type(model).__name__}")
        trees = BoostedTrees.of_arrays(BoostedTrees.of(model).arrays(), n_features)
    # skops reports a damaged or hostile file in many ways
    except Exception as error:
        raise ValueError(f"{path} does not hold a stacker ({error}): run `fusion train` again") from None
    return trees, temperature, {name: np.asarray(values) for name, values in tensors.items()}
