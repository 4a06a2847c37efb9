"""What is said of a process that prepares batches and is no more."""

import signal
from multiprocessing.process import BaseProcess

WAY_OUT = (
    "in a container give more (docker run --shm-size=2g ...), or train without such processes (--set workers=0); "
    "--resume goes on from the last checkpoint"
)

MOMENT_S = 5.0


class WorkersDied(OSError):
    """A process that prepares batches is no more."""


def died(worker: str) -> WorkersDied:
    """The error of a worker, which is named as far as it is known."""
    reasons = "perhaps for want of memory, or of shared memory"
    return WorkersDied(f"a process that prepares photos has died ({worker}), {reasons}: {WAY_OUT}")


def died_with(worker: BaseProcess) -> WorkersDied:
    """The error of a worker that is ending or has ended: by which signal, or with which status."""
    # its files are closed a moment before the system knows how it ended
    worker.join(MOMENT_S)
    names = {number.value: number.name for number in signal.Signals}
    code = worker.exitcode
    if code is None:
        how = "how it ended is not known"
    else:
        how = f"killed by {names.get(-code, -code)}" if code < 0 else f"ended with status {code}"
    return died(f"process {worker.pid}, {how}")
