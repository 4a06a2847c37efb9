"""What a fit learns beside the leaves: a loss of embeddings, with weights of its own."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn


class Objective(nn.Module):
    """Adds to the loss of the leaves. Its weights learn at the head's rate; its state is kept in checkpoints."""

    def forward(self, features: Tensor, leaf_loss: Tensor, products: NDArray[np.int64]) -> Tensor:
        """Loss of a batch in nats, `()`.

        `features`: `(B, D)` embeddings; `leaf_loss`: `()`; `products`: `(B,)` positions in the catalogue.
        """
        raise NotImplementedError
