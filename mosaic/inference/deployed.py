"""A trained network as prediction uses it: what it names, and what runs it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mosaic.inference.outputs import Backend


@dataclass(frozen=True)
class DeployedNetwork:
    """A network that is ready to predict, whatever program runs it.

    Attributes:
        support: `(S,)` int32 leaves that the network names, ascending; they are the columns of its logits.
        frequency: `(S,)` float64 training share of each.
        width: D, numbers in an embedding.
        backend: runs it; safe in threads.
        weights_digest: gives the SHA-256 of the weights, wherever their file lies; it reads them.
    """

    support: NDArray[np.int32]
    frequency: NDArray[np.float64]
    width: int
    backend: Backend
    weights_digest: Callable[[], str] | None = None
