"""Runs of the `tesseract` program, each in an environment and a process group of its own."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ocr.engines.slots import Slots

PROGRAM = "tesseract"
ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}
"""Programs share the cores; their own threads would only fight."""


class ProgramMissing(OSError):
    """There is no such program, or it may not be run."""


class RunsEnded(Exception):
    """Who wanted to know no longer does."""


class TesseractRuns:
    """Runs of the program for one question, from any number of threads.

    Args:
        slots: how many programs run at a time, whoever asks for them.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def table(self, listing: Path, options: Sequence[str], time_limit_s: float) -> str:
        """What the program reads on the photos of a list file, as TSV; it writes a file beside the list.

        Raises:
            ProgramMissing: it vanished. TimeoutError: it took too long. RunsEnded: see `end`.
            pytesseract.TesseractError: it failed, or died of a signal (a negative status).
        """
        from pytesseract import TesseractError

        output = listing.with_suffix("")
        command = [PROGRAM, str(listing), str(output), *options, "-c", "tessedit_create_tsv=1"]
        with self._slots:
            if self._ended:
                raise RunsEnded
            # a mapping of the child's own: this process's environment belongs to all its threads
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    env={**os.environ, **ONE_THREAD}, start_new_session=True,
                )  # fmt: skip
            except (FileNotFoundError, PermissionError) as error:
                raise ProgramMissing(str(error)) from None
            self._running.add(process)
            try:
                # `end` may not have seen it
                if self._ended:
                    raise RunsEnded
                _, complaint = process.communicate(timeout=time_limit_s)
            except subprocess.TimeoutExpired:
                raise TimeoutError("Tesseract process timeout") from None
            finally:
                self._running.discard(process)
                _end_group(process)
        if process.returncode:
            complaints = " ".join(complaint.decode("utf-8", "replace").splitlines())
            raise TesseractError(process.returncode, complaints.strip())
        return output.with_suffix(".tsv").read_bytes().decode("utf-8")

    def end(self) -> None:
        """End the programs that run and start no more: in groups of their own, Ctrl-C does not reach them."""
        self._ended = True
        for process in tuple(self._running):
            _kill_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started, unless it has ended by itself; let go of its pipe."""
    if process.returncode is None:
        _kill_group(process)
        process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # one that was waited for has given its number back, which may be another program's by now
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
