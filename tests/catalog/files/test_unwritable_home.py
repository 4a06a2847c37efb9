"""A home folder that cannot be written costs one sentence, whatever would have been kept there."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from catalog.files.sidecar import keep_sidecar
from catalog.files.unwritable_home import TOLD
from tests.support.products import make_product

# a folder in which nobody may make anything, root included
NOWHERE = "/proc/self"


@pytest.fixture
def read_only_home(monkeypatch) -> None:
    monkeypatch.setenv("HOME", NOWHERE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # where it names a folder that can be written, matplotlib has nothing to tell
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    # remembered, so that what is set here is gone again
    monkeypatch.setenv(TOLD, "")


@pytest.mark.slow
def test_a_command_tells_it_once_and_in_no_module_s_name(read_only_home, write_bson, tmp_path):
    shop = write_bson(*[make_product(i, 11) for i in range(4)])
    command = [sys.executable, "-m", "rayonnage", "catalog", "explore", shop, "--output", tmp_path / "page"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stderr
    warnings = [line for line in said.splitlines() if "WARNING" in line]
    what = f"WARNING: {NOWHERE}/.cache/rayonnage cannot be written: what would be kept there is made anew by every "
    assert warnings == [f"{what}command (XDG_CACHE_HOME names another folder)"]
    assert "matplotlib" not in said.lower()


def test_files_that_would_be_kept_there_are_not_told_one_by_one(read_only_home, tmp_path, caplog):
    folder = tmp_path / "shop"
    folder.mkdir()
    folder.chmod(0o555)
    for name in (".a.index", ".a.md5", ".b.index"):
        keep_sidecar(folder / name, {}, np.zeros(3))
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        f"{NOWHERE}/.cache/rayonnage cannot be written"
    ]
