"""How much memory this process may still take: what the machine has free, and no more than its container is given."""

from __future__ import annotations

from pathlib import Path

from catalog.files import cores

MEMINFO = Path("/proc/meminfo")
UNKNOWN_BYTES = 2 * 2**30
"""Where the system tells nothing: what the shipped recipes need, and every machine of this decade has."""


def free_memory() -> int:
    """Bytes."""
    found = [n for n in (_of_machine(), _of_container()) if n is not None]
    return max(0, min(found)) if found else UNKNOWN_BYTES


def _of_machine() -> int | None:
    """What Linux holds available: free, or taken by caches that it gives up."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _of_container() -> int | None:
    """What is left of the container's limit (`docker run --memory`), in either version of cgroups; None without one."""
    version_2 = _left(cores.CPU_LIMITS, "memory.max", "memory.current")
    if version_2 is not None:
        return version_2
    return _left(cores.CPU_LIMITS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes")


def _left(folder: Path, limit: str, usage: str) -> int | None:
    try:
        at_most, used = (int((folder / name).read_text()) for name in (limit, usage))
    except (OSError, ValueError):
        # no such file, or the word max
        return None
    return at_most - used + _caches(folder)


def _caches(folder: Path) -> int:
    """Files that are cached count as used, and are given up when memory is wanted."""
    try:
        lines = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int(lines.get("total_inactive_file") or lines.get("inactive_file") or 0)
    except (OSError, ValueError):
        return 0
