"""What a process and its descendants take together: peak memory and CPU seconds, looked at every few milliseconds."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_S = 0.005
PATIENCE = 5
"""Wall time for CPU time, on a machine that others use as well."""
TICKS = os.sysconf("SC_CLK_TCK")


class ProcessTree:
    """A process and its descendants. Memory is what is resident: anonymous, of files, shared.

    One process's own peak is the kernel's, so that it is never missed; the sum over several, in which pages that they
    share count once, is the largest that was seen.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self._peak_kib = 0
        self._cpu_s: dict[int, float] = {}
        self._cpu_s_before = 0.0
        self._shared_kib: dict[int, int] = {}
        """By the number of processes: what they share, when it was last asked for."""

    @property
    def peak_mib(self) -> float:
        return self._peak_kib / 1024

    @property
    def cpu_s(self) -> float:
        """Of all that were ever seen, in steps of 10 ms."""
        return sum(self._cpu_s.values()) - self._cpu_s_before

    def look(self) -> None:
        """See what they take now."""
        family = self._family()
        resident = 0
        for pid in family:
            # a process may end between two looks at it
            with contextlib.suppress(OSError, IndexError, ValueError):
                now, most = _kib(f"/proc/{pid}/status", "VmRSS:", "VmHWM:")
                self._peak_kib = max(self._peak_kib, most)
                resident += now
                # the name, in brackets, may hold blanks; user and system time are the 14th and 15th field
                numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._cpu_s[pid] = (int(numbers[11]) + int(numbers[12])) / TICKS
        if len(family) > 1:
            self._look_at_several(family, resident)

    def _look_at_several(self, family: list[int], resident_kib: int) -> None:
        """The kernel takes milliseconds to say what is shared: it is asked where that may make a new peak."""
        shared = self._shared_kib.get(len(family), 0)
        if resident_kib - shared <= self._peak_kib:
            return
        together = 0
        for pid in family:
            with contextlib.suppress(OSError, IndexError, ValueError):
                together += sum(_kib(f"/proc/{pid}/smaps_rollup", "Pss:"))
        self._shared_kib[len(family)] = max(0, resident_kib - together)
        self._peak_kib = max(self._peak_kib, together)

    def forget(self) -> None:
        """Count from now on; memory that is taken now counts still."""
        for pid in self._family():
            with contextlib.suppress(OSError):
                # the kernel's peak becomes what is taken now (man 5 proc)
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        self.look()
        self._peak_kib, self._cpu_s_before = 0, sum(self._cpu_s.values())
        self.look()

    def kill(self) -> None:
        """SIGKILL for all that are there."""
        for pid in self._family():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _family(self) -> list[int]:
        family = [self.root]
        for pid in family:
            # every thread has the children that it started
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    family += map(int, children.read_text().split())
        return family


def _kib(place: str, *fields: str) -> list[int]:
    """Fields of memory, in the order of the arguments; 0 where a process has none left."""
    lines = [line.split() for line in Path(place).read_text().splitlines()]
    numbers = {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[0] in fields}
    return [numbers.get(field, 0) for field in fields]


@dataclass(frozen=True)
class Cost:
    """Of a command: peak memory and CPU seconds with all its descendants, how it ended, what it wrote last."""

    peak_mib: float
    cpu_s: float
    end: str
    last_line: str


def cost_of(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, limit_s: int, limit_bytes: int
) -> Cost:
    """Run it in `folder` to its end; each of its processes may have `limit_bytes` and `limit_s` of CPU time.

    What waits for ever is killed after `PATIENCE` times as long.
    """

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))

    said = folder / "said.txt"
    started = time.monotonic()
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environment), cwd=folder,
            preexec_fn=limited,
        )  # fmt: skip
    tree = ProcessTree(process.pid)
    late = False
    while True:
        tree.look()
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if not late and time.monotonic() - started > PATIENCE * limit_s:
            late = True
            tree.kill()
        time.sleep(LOOK_EVERY_S)
    process.returncode = os.waitstatus_to_exitcode(status)
    lines = said.read_text(errors="replace").split("\n")
    last_line = next((line for line in reversed(lines) if line.strip()), "").strip()
    # that of children which the process has waited for is in its own
    cpu_s = max(tree.cpu_s, usage.ru_utime + usage.ru_stime)
    return Cost(tree.peak_mib, cpu_s, _end(process.returncode, late), last_line)


def _end(returncode: int, late: bool) -> str:
    if late:
        return "stopped: it waits"
    if returncode < 0:
        return signal.Signals(-returncode).name
    return "" if returncode == 0 else f"exit {returncode}"
