"""Two processes that train together, as torchrun makes them: forks, which have the libraries loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.support.processes import Running


def join(folder: Path, rank: int) -> None:
    """Become one of them; they find each other in the folder."""
    import torch.distributed as dist

    environment = {
        "WORLD_SIZE": 2, "RANK": rank, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2, "GROUP_RANK": 0,
        "TORCHELASTIC_RUN_ID": "test",
    }  # fmt: skip
    os.environ |= {key: str(value) for key, value in environment.items()}
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)


def both(function: Callable[..., object], folder: Path, *arguments: object) -> list[str]:
    """Run a function in two processes, which it knows by their rank; what each has written."""
    running = [Running(function, folder, rank, *arguments) for rank in range(2)]
    return [process.finish() for process in running]
