"""Seconds that `--help` of each command and `import rayonnage` take (median of nine), beside Python alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = (["rayonnage"], ["catalog"], ["mosaic"], ["ocr"], ["fusion"], ["mosaic", "train"], ["fusion", "predict"])


def median_seconds(command: list[str], repeats: int = 9) -> float:
    """Median wall time of a command."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    print(f"{'python -c pass':<24} {median_seconds([sys.executable, '-c', 'pass']):.3f} s")
    print(f"{'import rayonnage':<24} {median_seconds([sys.executable, '-c', 'import rayonnage']):.3f} s")
    for command in COMMANDS:
        print(f"{' '.join(command) + ' --help':<24} {median_seconds([*command, '--help']):.3f} s")
