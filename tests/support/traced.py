"""What programs ask the network and which files they write, as the kernel sees it; they have no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

CALLS = "trace=connect,sendto,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
# name servers are on the internet too; nss-resolve asks one of this machine instead
LOOK_UP = re.compile(r'sa_family=AF_INET6?|sun_path="[^"]*/systemd/resolve/')
OPENED = re.compile(r"O_(?:WRONLY|RDWR|CREAT).* = \d+<([^>]*)>$")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Trace:
    """What the programs said, and the calls of the kernel that count."""

    output: str
    look_ups: list[str]
    written: list[Path]

    def written_outside(self, *folders: Path) -> list[Path]:
        """Files and folders made or written elsewhere; shared memory and devices are none."""
        allowed = (*folders, Path("/dev"), Path("/proc"))
        return [path for path in self.written if not any(path.is_relative_to(folder) for folder in allowed)]


def traced(program: str, room: Path, variables: Mapping[str, str] | None = None) -> Trace:
    """Run a program of the shell in `room/job`, with `room/home` and `room/tmp`, and nothing else of this environment.

    Skips the test where programs cannot be watched.
    """
    if shutil.which("strace") is None or shutil.which("unshare") is None:
        pytest.skip("strace and unshare are not on this machine")
    for name in ("job", "home", "tmp", "trace"):
        (room / name).mkdir(exist_ok=True)
    watch = ["strace", "-ff", "-y", "-qq", "-s", "4096", "-e", CALLS, "-o", str(room / "trace" / "calls")]
    # in a network of its own, that leads nowhere
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*watch, *alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no program be watched, or has no network namespaces")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(room / "home"),
        "TMPDIR": str(room / "tmp"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        **(variables or {}),
    }
    done = subprocess.run(
        [*watch, *alone, "sh", "-ec", program], cwd=room / "job", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    calls = [line for path in sorted((room / "trace").iterdir()) for line in path.read_text("utf-8").splitlines()]
    look_ups = [line for line in calls if LOOK_UP.search(line)]
    return Trace(done.stdout, look_ups, [path for line in calls for path in _written(line, room / "job")])


def _written(call: str, folder: Path) -> list[Path]:
    """What a call has made or opened for writing; names relative to a folder are taken to be meant in the job's."""
    if call.startswith("openat("):
        return [Path(match[1]) for match in [OPENED.search(call)] if match]
    if call.startswith(("connect(", "sendto(")) or not call.endswith(" = 0"):
        return []
    return [Path(os.path.normpath(folder / QUOTED.findall(call)[-1]))]
