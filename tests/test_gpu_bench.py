"""`bench/gpu.py` at toy size: whoever has a GPU finds a script that runs."""

import subprocess
import sys
from pathlib import Path

import bson
import pytest

from tests.support.products import make_product

SECTIONS = ("training", "prediction", "optimizer", "copies", "decode", "resume")
"""Without `switches`, which compiles for minutes, and what has scripts and tests of its own."""


@pytest.mark.slow
def test_every_section_prints_its_figures(tmp_path):
    catalog = tmp_path / "products.bson"
    catalog.write_bytes(b"".join(bson.encode(make_product(i, 11, 1 + i % 4)) for i in range(8)))
    bench = Path(__file__).parents[1] / "bench" / "gpu.py"
    command = [sys.executable, str(bench), str(catalog), *SECTIONS, "--toy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    parts = dict(part.split("\n", 1) for part in done.stdout.split("\n\n")[1:])
    assert list(parts) == list(SECTIONS)
    assert parts["training"].count("photos/s") == parts["prediction"].count("decoding ahead") == 4
    # on a CPU nothing is allowed to change
    assert [line.rsplit(" ", 1)[1] for line in parts["resume"].splitlines() if "weight" in line] == ["0"] * 4
    assert "of the worst 0.00" in parts["decode"]
