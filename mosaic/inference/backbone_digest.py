"""Identity of a backbone: of all that an embedding depends on, whatever head was fitted to it."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

_PREFIX = "backbone."


def backbone_digest(tensors: Iterable[tuple[str, NDArray[np.generic]]]) -> str:
    """SHA-256, in hexadecimal, of a backbone's arrays (any shapes, `(...)` each) and their names within it."""
    whole = hashlib.sha256()
    for name, tensor in tensors:
        whole.update(f"{name}\0".encode())
        whole.update(np.ascontiguousarray(tensor).tobytes())
    return whole.hexdigest()


def saved_backbone_digest(path: Path) -> str:
    """`backbone_digest` of the network in a file of weights; PyTorch is not asked.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it holds no network.
    """
    try:
        with safe_open(path, "numpy") as weights:
            return backbone_digest(_of_backbone(weights))
    except (SafetensorError, TypeError) as error:
        raise ValueError(f"{path} does not hold a network: {error}") from None


def _of_backbone(weights: Any) -> Iterator[tuple[str, NDArray[np.generic]]]:
    # one at a time: memory holds a single array of them
    for name in sorted(weights.keys()):
        if name.startswith(_PREFIX):
            yield name.removeprefix(_PREFIX), weights.get_tensor(name)
