"""How many cores there are for this process, and how threads wait for each other where other work has cores too."""

import os
from pathlib import Path

CPU_LIMITS = Path("/sys/fs/cgroup")

WAITING = {
    # Threads of OpenMP (PyTorch, scikit-learn) burn their core while they wait for one that another program has
    # displaced: of two trainings on two cores a step took 36 s instead of 0.5 s (`bench/side_by_side.py`).
    "OMP_WAIT_POLICY": "PASSIVE",
    # the same for builds with Intel's OpenMP, in milliseconds
    "KMP_BLOCKTIME": "0",
    # NumPy's OpenBLAS: its threads spin for 2**26 cycles after each product of matrices, however small, else; a
    # server that encodes one title at a time spent a third of its CPU time so (`bench/serve.py`)
    "OPENBLAS_THREAD_TIMEOUT": "4",
}
"""Variables that OpenMP and OpenBLAS read when a library that uses them is loaded."""


def share_cores() -> None:
    """Let threads that are started from now on, here and in child processes, sleep while they wait.

    Variables that the user has set stay. In a container that may use fewer cores than the machine has, OpenMP is told
    how many; by itself it starts a thread for each of the machine's.
    """
    for name, value in WAITING.items():
        os.environ.setdefault(name, value)
    if n_cores() < _n_visible():
        os.environ.setdefault("OMP_NUM_THREADS", str(n_cores()))


def n_cores() -> int:
    """Cores that this process may use: those that it is bound to, and no more than its container is given time for."""
    limit = _time_limit()
    return _n_visible() if limit is None else max(1, min(_n_visible(), int(limit)))


def _n_visible() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _time_limit() -> float | None:
    """Cores' worth of time that Linux gives this container (`docker run --cpus`), None without a limit."""
    try:
        if (CPU_LIMITS / "cpu.max").exists():
            quota, period = (CPU_LIMITS / "cpu.max").read_text().split()
        else:
            quota, period = ((CPU_LIMITS / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        # no limit is the word max, or -1
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None
