"""`python -m mosaic.training.launcher`: torchrun, with a sentence where its own traceback tells only of itself."""

import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun


def main() -> int:
    """Run torchrun with this process's arguments; returns the exit status."""
    try:
        torchrun()
    except SignalException as ended:
        return 128 + ended.sigval
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        # one that ended by itself has said why
        if failure.exitcode < 0:
            number = signal.Signals(-failure.exitcode)
            sys.stderr.write(
                f"Error: training process {rank} was ended by {number.name}, perhaps for want of memory: "
                "--resume goes on from the last checkpoint\n"
            )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
