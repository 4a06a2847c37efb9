"""Room for the batches that worker processes hand over: its want is told of, rather than felt as a slow training."""

import logging
import os
import shutil
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)
SHARED_MEMORY = Path("/dev/shm")
AHEAD = 2
"""Batches that each worker has prepared, or is preparing: torch's `prefetch_factor` where nothing else is asked for."""
LEARNT_FROM = 2
"""Batches that have left the workers: the one that is learnt from, and the next."""


def bytes_in_flight(n_workers: int, photos_per_batch: int, size: int) -> int:
    """Shared memory that the batches of one loader fill, of photos of `size` x `size` pixels."""
    return (AHEAD * n_workers + LEARNT_FROM) * photos_per_batch * size * size * 3


def warn_if_short(n_workers: int, photos_per_batch: int, size: int) -> None:
    """Log, once, that the batches of a loader about to start find no room: the first process of a machine does."""
    if not SHARED_MEMORY.is_dir() or int(os.environ.get("LOCAL_RANK", "0")):
        return
    n_processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    free = shutil.disk_usage(SHARED_MEMORY).free
    n_fitting = n_workers
    while n_fitting and n_processes * bytes_in_flight(n_fitting, photos_per_batch, size) > free:
        n_fitting -= 1
    if n_fitting < n_workers:
        needed = n_processes * bytes_in_flight(n_workers, photos_per_batch, size)
        _warn(n_processes * n_workers, needed, free, n_fitting)


@cache
def _warn(n_processes: int, needed: int, free: int, n_fitting: int) -> None:
    fewer = f", or take fewer processes (--set workers={n_fitting})" if n_fitting else ""
    log.warning(
        "%s has %s MiB free, and %d processes that prepare photos may fill %s MiB of it: what finds no room goes "
        "another, slower way; in a container give more (docker run --shm-size=%dg ...)%s",
        SHARED_MEMORY, f"{free / 2**20:,.0f}", n_processes, f"{needed / 2**20:,.0f}", -(-needed // 2**30) + 1, fewer,
    )  # fmt: skip
