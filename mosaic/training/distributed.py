"""Several processes that train one network: started by torchrun, or by `--devices`.

All run the same command. The main process (rank 0) alone makes folders and writes files; the others only take part in
the fits. World size and rank are read from torchrun's environment, so that they are known before `join`.
"""

import os
import select
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import torch
import torch.distributed as dist
from torch import Tensor

from mosaic.networks.device import best_device

PATIENCE = timedelta(days=1)
"""The others wait while the main process predicts the held-out products, for hours: torch gives up after minutes."""


def world_size() -> int:
    """Processes that train together; 1 outside torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number among them, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Whether this process makes folders and writes files."""
    return rank() == 0


def join() -> None:
    """Connect the processes; nothing to do for one alone."""
    if world_size() == 1 or dist.is_initialized():
        return
    _end_with_parent()
    if torch.cuda.is_available():
        # before anything is computed there: each process would take memory of the first GPU, too
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if best_device().type == "cuda" else "gloo", timeout=PATIENCE)


def _end_with_parent() -> None:
    """Have this process sent SIGTERM when torchrun, which has started it in a session of its own, is no more.

    Else the processes of a torchrun that was killed would train to the end, unseen.
    """
    if not hasattr(os, "pidfd_open"):
        return
    parent = os.pidfd_open(os.getppid())

    def wait() -> None:
        select.select([parent], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="torchrun watch", daemon=True).start()


def leave() -> None:
    """Disconnect, so that the processes end without complaint."""
    if dist.is_initialized():
        dist.destroy_process_group()


def broadcast(text: str) -> str:
    """The main process's `text`, on every process."""
    if world_size() == 1:
        return text
    texts = [text]
    dist.broadcast_object_list(texts, src=0)
    return texts[0]


def finds(path: Path) -> bool:
    """Whether the main process finds this file, on every process: others might look when it has just come or gone."""
    return broadcast(str(is_main() and path.is_file())) == "True"


def summed(tensor: Tensor) -> Tensor:
    """A tensor `(...)` on the network's device, made the sum over all processes in place."""
    if world_size() > 1:
        dist.all_reduce(tensor)
    return tensor


def barrier() -> None:
    """Wait until every process has come here."""
    if world_size() == 1:
        return
    is_nccl = dist.get_backend() == "nccl"
    dist.barrier(device_ids=[torch.cuda.current_device()] if is_nccl else None)


def launch(n_devices: int) -> NoReturn:
    """Become torchrun, which runs this very command in `n_devices` processes and passes signals on to them.

    Raises:
        ValueError: there are GPUs, but not so many.
    """
    available = torch.cuda.device_count()
    if 0 < available < n_devices:
        raise ValueError(f"--devices {n_devices}: this machine has {available} GPUs")
    command = [sys.executable, "-m", "mosaic.training.launcher", "--standalone", "--nproc-per-node", str(n_devices)]
    os.execv(sys.executable, [*command, "--no-python", *sys.argv])
