"""Whose unfinished work a file or folder is, and whether it is abandoned: told across hosts and containers.

Process ids say nothing on another host, and nothing in another container of this one; nor do two hosts' clocks agree.
Work that lies on a disk which several share therefore carries its `Owner` in its name. Where process ids mean the same
as here, it is abandoned when its process is gone; everywhere else when nobody has renewed it for `LEASE_S`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LEASE_S = 15 * 60.0
"""A host may be as long out of reach, or asleep, before others take its work for abandoned."""
RENEW_S = 60.0
"""NFS shows others a file's time up to a minute late (acregmax): many renewals fit into a lease."""
PROBE = "now"
"""Name, as of what is being written, of the file that asks a disk for its time."""
TEMPORARY = ".tmp"
"""Ending of what is being written."""
MAX_HOST = 32


@dataclass(frozen=True, slots=True)
class Owner:
    """A piece of work of a process, as it stands in file names: `HOST_PLACE_PID_STARTED_TOKEN`.

    Attributes:
        host: for people, see `host_name`.
        place: hash of host, boot and pid namespace: processes of one place know each other by their ids.
        pid, started: the process's id and start, in ticks since boot: ids are given again, both together are not.
        token: random, another one for each piece of work.
    """

    host: str
    place: str
    pid: int
    started: int
    token: str

    @classmethod
    def of_this_process(cls) -> Owner:
        """The owner of a new piece of work."""
        return _this_process.owner()

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """The owner that stands in a name; None: none does."""
        found = OWNER.fullmatch(text)
        return None if found is None else cls(found[1], found[2], int(found[3]), int(found[4]), found[5])

    def __str__(self) -> str:
        return f"{self.host}_{self.place}_{self.pid}_{self.started}_{self.token}"

    @property
    def title(self) -> str:
        """For people: `process 4711 on web-1`."""
        return f"process {self.pid} on {self.host}"

    @property
    def is_this_process(self) -> bool:
        """False also in a fork of the process: what is unfinished there is its parent's."""
        return (self.place, self.pid) == (_this_process.place(), os.getpid())


OWNER = re.compile(r"([A-Za-z0-9-]{1,32})_([0-9a-f]{12})_([0-9]{1,9})_([0-9]{1,20})_([0-9a-f]{8})")


def host_name() -> str:
    """This host's name in letters that fit into file names, at most `MAX_HOST`: other names stay other ones."""
    name = socket.gethostname()
    plain = re.sub(r"[^A-Za-z0-9-]", "-", name) or "unnamed"
    if plain == name and len(plain) <= MAX_HOST:
        return plain
    digest = hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
    return f"{plain[: MAX_HOST - len(digest) - 1]}-{digest}"


def is_abandoned(work: Path, owner: Owner) -> bool:
    """Whether nobody works any more on what `owner` began, or it is gone already."""
    if owner.place == _this_process.place():
        return not (is_running(owner.pid) and _is_the_same(owner.pid, owner.started))
    try:
        return _time_of_disk(work.parent) - work.lstat().st_mtime > LEASE_S
    except FileNotFoundError:
        return True
    except OSError:
        # where no file can be made for a moment, none could be removed either
        return False


@contextmanager
def renewed(work: Path) -> Iterator[None]:
    """Renew the lease on a file or folder, also one that is yet to appear, as long as the block lasts."""
    _renewal.add(work)
    try:
        yield
    finally:
        _renewal.drop(work)


def _time_of_disk(folder: Path) -> float:
    """The time of the host that has the disk, by which it dates what is written there."""
    probe = folder / f".{PROBE}.{Owner.of_this_process()}{TEMPORARY}"
    try:
        with probe.open("wb") as file:
            return os.fstat(file.fileno()).st_mtime
    finally:
        probe.unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Whether a process has this id here."""
    try:
        # the signal 0 only asks
        os.kill(pid, 0)
    except OSError as error:
        # one of somebody else's runs, but may not be asked
        return not isinstance(error, ProcessLookupError)
    return True


def _is_the_same(pid: int, started: int) -> bool:
    """Whether the process of this id, which runs, is the one that was started then."""
    try:
        stat = _stat_of(str(pid))
    except OSError:
        # /proc may hide other users' processes
        return True
    # what was killed and is not waited for by its parent has ended all the same
    return stat[0] not in "ZX" and int(stat[19]) == started


def _stat_of(process: str) -> list[str]:
    """What /proc/PROCESS/stat says from the third field, the state, on; the 22nd is the start (proc(5))."""
    text = Path("/proc", process, "stat").read_text(encoding="utf-8", errors="replace")
    # the second is the program's name, in which anything may stand
    return text.rpartition(")")[2].split()


class _ThisProcess:
    """Who this process is; looked up once, and anew in a fork."""

    def __init__(self) -> None:
        self._owner: Owner | None = None

    def place(self) -> str:
        return self._known().place

    def owner(self) -> Owner:
        known = self._known()
        return Owner(known.host, known.place, known.pid, known.started, secrets.token_hex(4))

    def forget(self) -> None:
        self._owner = None

    def _known(self) -> Owner:
        if self._owner is None:
            host, pid = host_name(), os.getpid()
            try:
                boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
                if os.readlink("/proc/self") != str(pid):
                    raise OSError("this /proc is of another pid namespace")
                names = f"{socket.gethostname()}\n{boot}\n{os.readlink('/proc/self/ns/pid')}"
                place, started = (
                    hashlib.blake2b(os.fsencode(names), digest_size=6).hexdigest(),
                    int(_stat_of("self")[19]),
                )
            except OSError:
                # a place of its own: nobody there takes this process for gone, nor this one any of theirs
                place, started = secrets.token_hex(6), 0
            self._owner = Owner(host, place, pid, started, "0" * 8)
        return self._owner


class _Renewal:
    """What this process has begun, touched every `RENEW_S` by one thread, which ends when there is nothing left."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """In a fork: neither the work nor the thread is its own, and the lock may be held by nobody."""
        self._lock, self._works, self._runs = threading.Lock(), set[Path](), False

    def add(self, work: Path) -> None:
        with self._lock:
            self._works.add(work)
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._renew, name="leases", daemon=True).start()

    def drop(self, work: Path) -> None:
        with self._lock:
            self._works.discard(work)

    def _renew(self) -> None:
        while True:
            time.sleep(RENEW_S)
            with self._lock:
                works = list(self._works)
                self._runs = bool(works)
            if not works:
                return
            for work in works:
                # not there yet, or in its place already
                with contextlib.suppress(OSError):
                    os.utime(work, follow_symlinks=False)


_this_process, _renewal = _ThisProcess(), _Renewal()


def _be_another_process() -> None:
    _this_process.forget()
    _renewal.forget()


os.register_at_fork(after_in_child=_be_another_process)
