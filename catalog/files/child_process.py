"""Child processes that answer questions: what hangs, dies or takes too much in one costs one answer, never the job."""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from catalog.files.parent_process import READY

START_LIMIT_S = 120.0
MAX_LINE_BYTES = 16 * 2**20
PIPE_BYTES = 2**19
"""A photo of 180 pixels, enlarged to be read, has 390 kB; Linux gives a user that much for 128 children."""
MAX_COMPLAINT_BYTES = 16 * 2**20
"""Of what a child's libraries may have said before it is forgotten."""
# These packages need not be installed, a checkout is enough; last on the path, where they hide nothing.
_RUN_MODULE = (
    "import runpy, sys; _, root, module, argument = sys.argv; sys.path.append(root); "
    "sys.argv = [module, argument]; runpy.run_module(module, run_name='__main__')"
)


class ChildLost(Exception):
    """The process ended (`signal_number` is what ended it, 0 if none) or ran past its time."""

    def __init__(self, message: str, signal_number: int = 0, late: bool = False) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.late = late


class ChildNotStarted(OSError):
    """The process does not start; the message ends with the last line that it wrote to its standard error."""


class ChildProcess:
    """A process that runs a module, is sent bytes and answers with bytes; deadlines are times of `time.monotonic`.

    Whatever raises `ChildLost` has ended the process. One thread at a time may use it.

    Args:
        module: run as if by `python -m module ARGUMENT`; it makes a `ParentProcess` and says when it is ready.
        environment: variables that the child has beside, or instead of, those of this process.
        start_limit_s: seconds it may take until it is ready.

    Raises:
        ChildNotStarted: it cannot be run, or is not ready in time.
    """

    def __init__(
        self,
        module: str,
        argument: str = "",
        environment: Mapping[str, str] | None = None,
        start_limit_s: float = START_LIMIT_S,
    ) -> None:
        self._owner = os.getpid()
        self._unread = bytearray()
        try:
            self._complaints = _nameless_file()
            self._process = self._started(module, argument, {**os.environ, **(environment or {})})
        except OSError as error:
            raise ChildNotStarted(f"{module} does not start: {error}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        # a pipe holds less than a picture: sending one to a child that hangs must not block
        os.set_blocking(self._requests, False)
        _widen(self._requests)
        try:
            first_line = self.line(time.monotonic() + start_limit_s) + b"\n"
        except ChildLost as error:
            raise ChildNotStarted(f"{module} does not start: {error}") from None
        except BaseException:
            self.close()
            raise
        if first_line != READY:
            self.close()
            raise ChildNotStarted(f"{module} does not start: it said {first_line[:80]!r}")

    @property
    def lives(self) -> bool:
        """Whether this very process started the child, and it has not ended since."""
        return self._owner == os.getpid() and self._process.poll() is None

    @property
    def awaits_question(self) -> bool:
        """Whether it lives and has said nothing that was not read: what comes next answers the next question."""
        return self.lives and not self._unread and not self._can(selectors.EVENT_READ, time.monotonic())

    def send(self, *parts: bytes | bytearray | memoryview, deadline: float) -> None:
        """Send bytes, one part after the other; the parts are not joined.

        Raises:
            ChildLost: it did not take them in time, or died.
        """
        if self._owner != os.getpid():
            self.close()
            raise ChildLost("it belongs to the process that this one was forked from")
        self._forget_complaints()
        for part in parts:
            rest = memoryview(part).cast("B")
            while rest:
                self._wait(selectors.EVENT_WRITE, deadline)
                try:
                    rest = rest[os.write(self._requests, rest) :]
                except OSError:
                    raise self._lost() from None

    def receive(self, n_bytes: int, deadline: float) -> bytes:
        """The next `n_bytes` of the answer, exactly.

        Raises:
            ChildLost: they did not come in time, or it died.
        """
        answer = bytearray(n_bytes)
        self.receive_into(answer, deadline)
        return bytes(answer)

    def receive_into(self, buffer: bytearray | memoryview, deadline: float) -> None:
        """Fill a writable buffer with the next bytes of the answer; a picture needs no second copy.

        Raises:
            ChildLost: they did not come in time, or it died.
        """
        rest = memoryview(buffer).cast("B")
        n_here = min(len(rest), len(self._unread))
        rest[:n_here] = self._unread[:n_here]
        del self._unread[:n_here]
        rest = rest[n_here:]
        while rest:
            self._wait(selectors.EVENT_READ, deadline)
            n_read = os.readv(self._answers, [rest])
            if not n_read:
                raise self._lost()
            rest = rest[n_read:]

    def line(self, deadline: float, max_bytes: int = MAX_LINE_BYTES) -> bytes:
        """The next line of the answer, without its end.

        Raises:
            ChildLost: it did not come in time, is longer than `max_bytes`, or the child died.
        """
        while (length := self._unread.find(b"\n")) < 0 and len(self._unread) <= max_bytes:
            self._wait(selectors.EVENT_READ, deadline)
            part = os.read(self._answers, 2**16)
            if not part:
                raise self._lost()
            self._unread += part
        if not 0 <= length <= max_bytes:
            self.close()
            raise ChildLost(f"an answer of more than {max_bytes} bytes")
        line = bytes(self._unread[:length])
        del self._unread[: length + 1]
        return line

    def close(self) -> None:
        """End the child; in a fork of the process that started it, only let go of it."""
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        else:
            # learns that it is no child of this process, and so says nothing of one that still runs
            self._process.poll()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            if pipe is not None:
                pipe.close()

    def _started(self, module: str, argument: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                # -P: a json.py in the user's folder is not ours
                [sys.executable, "-P", "-c", _RUN_MODULE, str(Path(__file__).parents[2]), module, argument],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=environment,
                # Ctrl-C is for the command, which then ends its children
                start_new_session=True,
                # what lies in a buffer of Python's, a selector does not see
                bufsize=0,
            )
        except OSError:
            self._complaints.close()
            raise

    def _can(self, event: int, deadline: float) -> bool:
        # unlike the default one it needs no file of its own, where a process may have no more of them
        with selectors.PollSelector() as selector:
            selector.register(self._answers if event == selectors.EVENT_READ else self._requests, event)
            return bool(selector.select(max(0.0, deadline - time.monotonic())))

    def _wait(self, event: int, deadline: float) -> None:
        # a fork made at the moment when it started holds its end of the pipe open, so that its death is not seen there
        while not self._can(event, min(deadline, time.monotonic() + 1)):
            if not self.lives:
                raise self._lost()
            if time.monotonic() >= deadline:
                self.close()
                raise ChildLost("no answer in time", late=True)

    def _forget_complaints(self) -> None:
        """Whatever libraries say stays bounded; the child writes on from the new end."""
        if os.fstat(self._complaints.fileno()).st_size > MAX_COMPLAINT_BYTES:
            self._complaints.seek(0)
            self._complaints.truncate()

    def _lost(self) -> ChildLost:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            code = 0
        self._complaints.seek(max(0, self._complaints.seek(0, os.SEEK_END) - 1000))
        complaint = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        # real-time signals have no name
        names = {number.value: number.name for number in signal.Signals}
        how = f"killed by {names.get(-code, -code)}" if code < 0 else f"ended with status {code}"
        return ChildLost(": ".join([how, *complaint[-1:]]), max(0, -code))


def _widen(pipe: int) -> None:
    """Let a picture lie in a pipe whole: through 64 KiB at a time its sender wakes up dozens of times.

    In a program of several threads each time may be a wait for the interpreter's lock.
    """
    # other systems lack it, and Linux refuses where one user's pipes take too much: then it goes the long way
    with suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _nameless_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except FileNotFoundError:
        # a container that is read-only throughout has no folder for it; in memory it is bounded all the same
        return os.fdopen(os.memfd_create("complaints"), "w+b")
