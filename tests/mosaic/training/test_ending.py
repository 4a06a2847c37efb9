"""A training whose workers die, or that is told to end, ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from mosaic.training.ending import death_in
from mosaic.training.hand_over import PackedLoader
from mosaic.training.worker_death import WorkersDied
from tests.support.doomed_training import as_command
from tests.support.processes import Running

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
SAID = ("a process that prepares photos has died", "--shm-size", "workers=0", "--resume")


def doomed(folder: Path, *events: str) -> tuple[int | None, str]:
    """Exit status and messages of a training, which must not wait for what is dead."""
    training = Running(as_command, folder, list(events))
    workers = training.line().split()
    training.process.join(600)
    # also those that were stopped
    for worker in map(int, workers):
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    status = training.process.exitcode
    messages = "" if status is None else training.output.read().decode()
    training.kill()
    assert len(workers) == 2
    return status, messages


@pytest.mark.parametrize(
    "events",
    [["SIGKILL:first"], ["SIGBUS:first"], ["SIGSTOP:all", "SIGKILL:first"]],
    ids="+".join,
)
def test_a_worker_that_is_killed_ends_the_training_with_a_sentence(tmp_path, events):
    status, messages = doomed(tmp_path, *events)
    assert status == 1
    for words in SAID:
        assert words in messages


def test_sigterm_ends_the_training_though_its_workers_hang(tmp_path):
    status, _ = doomed(tmp_path, "SIGSTOP:all", "SIGTERM:self")
    assert status == 128 + signal.SIGTERM


def _with_shared_memory(size: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = f"mount -t tmpfs -o size={size} tmpfs /dev/shm && exec {sys.executable} -m tests.support.doomed_training"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{script} {folder}"]
    if subprocess.run([*command[:4], "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system of his own")
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_photos_go_another_way_where_shared_memory_is_full(tmp_path):
    trained = _with_shared_memory("300k", tmp_path)
    assert trained.returncode == 0
    assert trained.stdout.splitlines()[-1] == "trained"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="newer Pythons take another folder by themselves")
def test_a_folder_for_sockets_whose_path_is_too_long_is_named(tmp_path):
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    command = [sys.executable, "-m", "tests.support.doomed_training", str(tmp_path)]
    refused = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, timeout=600
    )  # fmt: skip
    assert refused.returncode == 1
    assert f"{folder} is too long for a socket" in refused.stderr
    assert "TMPDIR=/tmp" in refused.stderr


def test_without_any_shared_memory_the_training_says_so(tmp_path):
    refused = _with_shared_memory("4k", tmp_path)
    assert refused.returncode == 1
    assert "/dev/shm is full" in refused.stderr
    assert "--shm-size" in refused.stderr


def _dies_slowly() -> None:
    # as the system does it: files first, and the process a moment later
    os.closerange(3, 256)
    time.sleep(0.5)
    os._exit(1)


# newer Pythons warn of forks beside threads: these two children do nothing that could wait for one
@pytest.mark.filterwarnings("ignore:This process")
def test_a_worker_is_known_to_have_died_though_it_is_not_gone_yet():
    context = multiprocessing.get_context("fork")
    dying, alive = context.Process(target=_dies_slowly), context.Process(target=time.sleep, args=(600,))
    loader = PackedLoader([])
    loader._batches = SimpleNamespace(_workers=[dying, alive])
    for worker in (dying, alive):
        worker.start()
    assert loader.kill_workers(one_is_dying=True) == [dying.pid]
    alive.join(300)
    assert alive.exitcode == -signal.SIGKILL


def test_other_errors_stay_what_they_are():
    assert death_in(RuntimeError("Caught RuntimeError in DataLoader worker process 0.")) is None
    assert death_in(OSError(28, "No space left on device", "/disk/full")) is None
    assert isinstance(death_in(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")), WorkersDied)
