"""Memory of a process and its descendants, told apart into anonymous pages and pages of mapped files."""

from __future__ import annotations

from pathlib import Path


def memory_kib(root: int) -> tuple[int, int]:
    """RssAnon and RssFile of a process and its descendants, in KiB."""
    parents, anon, mapped = {}, {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        pid = int(status.parent.name)
        parents[pid] = int(fields["PPid"])
        anon[pid], mapped[pid] = (int(fields.get(name, "0 kB").split()[0]) for name in ("RssAnon", "RssFile"))
    family = {root}
    while grown := {p for p, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(anon.get(pid, 0) for pid in family), sum(mapped.get(pid, 0) for pid in family)
