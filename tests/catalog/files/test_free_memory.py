"""Memory that is free: of the machine, and of a container that is given less."""

from __future__ import annotations

import pytest

from catalog.files import cores, free_memory

GIB = 2**30
MEMINFO = f"MemTotal: 16777216 kB\nMemFree: 100 kB\nMemAvailable: {8 * GIB // 1024} kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8 * GIB),
        ({"memory.max": "max\n", "memory.current": f"{GIB}\n"}, 8 * GIB),
        ({"memory.max": f"{4 * GIB}\n", "memory.current": f"{GIB}\n"}, 3 * GIB),
        # what is cached of files is given up
        ({"memory.max": f"{4 * GIB}\n", "memory.current": f"{3 * GIB}\n",
          "memory.stat": f"anon 5\ninactive_file {2 * GIB}\n"}, 3 * GIB),
        ({"memory.max": f"{GIB}\n", "memory.current": f"{2 * GIB}\n"}, 0),
        ({"memory.max": f"{64 * GIB}\n", "memory.current": "0\n"}, 8 * GIB),
        ({"memory/memory.limit_in_bytes": f"{2 * GIB}\n", "memory/memory.usage_in_bytes": f"{GIB}\n",
          "memory/memory.stat": f"inactive_file 7\ntotal_inactive_file {GIB // 2}\n"}, GIB + GIB // 2),
    ],
)  # fmt: skip
def test_no_more_than_the_container_is_given(monkeypatch, tmp_path, files, expected):
    (tmp_path / "memory").mkdir()
    for name, text in {**files, "meminfo": MEMINFO}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cores, "CPU_LIMITS", tmp_path)
    monkeypatch.setattr(free_memory, "MEMINFO", tmp_path / "meminfo")
    assert free_memory.free_memory() == expected


def test_a_system_that_tells_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(cores, "CPU_LIMITS", tmp_path)
    monkeypatch.setattr(free_memory, "MEMINFO", tmp_path / "meminfo")
    assert free_memory.free_memory() == free_memory.UNKNOWN_BYTES
    (tmp_path / "meminfo").write_text("MemTotal: nonsense")
    assert free_memory.free_memory() == free_memory.UNKNOWN_BYTES
