"""What is said of a process that prepares batches and is no more."""

import signal

WAY_OUT = (
    "in a container give more (docker run --shm-size=2g ...), or train without such processes (--set workers=0); "
    "--resume goes on from the last checkpoint"
)


class WorkersDied(OSError):
    """A process that prepares batches is no more."""


def died(worker: str) -> WorkersDied:
    """The error of a worker, which is named as far as it is known."""
    reasons = "perhaps for want of memory, or of shared memory"
    return WorkersDied(f"a process that prepares photos has died ({worker}), {reasons}: {WAY_OUT}")


def died_with(pid: int | None, exit_code: int) -> WorkersDied:
    """The error of the worker of this process id; `exit_code`: minus the number of the signal that ended it, if any."""
    names = {number.value: number.name for number in signal.Signals}
    how = f"killed by {names.get(-exit_code, -exit_code)}" if exit_code < 0 else f"ended with status {exit_code}"
    return died(f"process {pid}, {how}")
