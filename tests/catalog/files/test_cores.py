"""Threads by the cores that there are, which sleep while they wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from catalog.files import cores
from catalog.files.cores import n_cores, share_cores
from tests.test_architecture import ROOMS


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "250000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "6400000 100000\n"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ],
)
def test_a_container_has_the_cores_that_it_is_given_time_for(monkeypatch, tmp_path, files, expected):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cores, "CPU_LIMITS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert n_cores() == expected
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    # what is set here, goes with the patch
    monkeypatch.setattr(os, "environ", dict(os.environ))
    share_cores()
    assert os.environ.get("OMP_NUM_THREADS") == (None if expected == 8 else str(expected))


def what_openmp_goes_by(program: str, **variables: str) -> str:
    usual = {name: value for name, value in os.environ.items() if name not in cores.WAITING}
    environment = usual | {"OMP_DISPLAY_ENV": "true"} | variables
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_threads_sleep_while_they_wait(room):
    """The library itself says so, as scikit-learn loads it."""
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in what_openmp_goes_by(f"import {room}; import sklearn.ensemble")


@pytest.mark.slow
def test_threads_of_trainings_sleep_while_they_wait():
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in what_openmp_goes_by("import mosaic.training.fit")


def test_another_policy_is_the_users_to_choose():
    said = what_openmp_goes_by("import fusion; import sklearn.ensemble", OMP_WAIT_POLICY="ACTIVE")
    assert "OMP_WAIT_POLICY = 'ACTIVE'" in said
