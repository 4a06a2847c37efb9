"""Steps that can be repeated to the last bit on a GPU, too: slower ones, and not every operation has one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_NONE = "does not have a deterministic implementation"
"""How torch says that an operation has none."""


@contextmanager
def deterministic_algorithms(wanted: bool) -> Iterator[None]:
    """Within, torch computes the same in the same way each time, where that is wanted; afterwards as before.

    Raises:
        ValueError: an operation of the network can only be computed in another way each time.
    """
    if not wanted:
        yield
        return
    # cuBLAS looks for it when it first multiplies matrices: nothing has been computed with by then
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    # it would choose the fastest algorithm of the moment
    torch.backends.cudnn.benchmark = False
    try:
        yield
    except RuntimeError as error:
        operation, is_none, _ = str(error).partition(_NONE)
        if not is_none:
            raise
        raise ValueError(
            f"{operation.split()[-1] if operation.split() else 'an operation'} of this network cannot be computed the "
            "same way each time on this device: train without deterministic=true, or with another backbone.name"
        ) from None
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
