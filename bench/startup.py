"""What starting costs: `--help` of each command and `import rayonnage`; and a cold `fusion predict` of two checkouts.

    python bench/startup.py [OLD_CHECKOUT OLD_RUN RUN FILE [FILE ...]] [--repeats 5]

Without arguments: seconds (median of nine) of the commands, beside Python alone. With them: wall time, CPU time and
peak anonymous memory of whole processes that predict each FILE (a photo, or a catalogue), taken in turns; medians.
OLD_RUN is a fusion run of the old checkout, RUN one of this one, of the same workspace. Times are taken in other
processes than memory, which is looked at every 10 ms.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from process_memory import memory_kib

HERE = Path(__file__).parents[1]
COMMANDS = (["rayonnage"], ["catalog"], ["mosaic"], ["ocr"], ["fusion"], ["mosaic", "train"], ["fusion", "predict"])
PREDICT = "import sys; from fusion.cli import main; sys.exit(main())"


def median_seconds(command: list[str], repeats: int = 9) -> float:
    """Median wall time of a command."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def started(checkout: Path, run: Path, file: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A process that predicts one file, in an empty folder."""
    command = [sys.executable, "-c", PREDICT, "predict", str(file), "--run", str(run)]
    if file.suffix == ".bson":
        command += ["--output", str(folder / "out")]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    return subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ended(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        sys.exit(f"{process.args} failed")


def times(checkout: Path, run: Path, file: Path) -> tuple[float, float]:
    """Seconds of wall and CPU time of one process and its children."""
    with tempfile.TemporaryDirectory() as folder:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        ended(started(checkout, run, file, Path(folder)))
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_mib(checkout: Path, run: Path, file: Path) -> float:
    """Largest anonymous memory of one process and its children, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        process, peak = started(checkout, run, file, Path(folder)), 0
        while process.poll() is None:
            peak = max(peak, memory_kib(process.pid)[0])
            time.sleep(0.01)
        ended(process)
    return peak / 1024


def compare(file: Path, sides: dict[str, tuple[Path, Path]], repeats: int) -> None:
    """Print both sides' medians and their quotients."""
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sides}
    for repeat in range(repeats + 1):
        for name, (checkout, run) in sides.items():
            row = (*times(checkout, run, file), peak_mib(checkout, run, file))
            # the first look at a catalogue writes its index
            if repeat:
                rows[name].append(row)
    print(f"\nfusion predict {file.name}")
    middle = {
        name: [statistics.median(column) for column in zip(*of_side, strict=True)] for name, of_side in rows.items()
    }
    for name, (wall, cpu, peak) in middle.items():
        print(f"  {name:<5}{wall:7.2f} s{cpu:9.2f} CPU s{peak:8.0f} MiB anonymous")
    wall, cpu, peak = (old / new for old, new in zip(middle["old"], middle["new"], strict=True))
    print(f"  old / new: {wall:.1f} in time, {cpu:.1f} in CPU time, {peak:.1f} in memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, nargs="?")
    parser.add_argument("old_run", type=Path, nargs="?")
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.old is None:
        print(f"{'python -c pass':<24} {median_seconds([sys.executable, '-c', 'pass']):.3f} s")
        print(f"{'import rayonnage':<24} {median_seconds([sys.executable, '-c', 'import rayonnage']):.3f} s")
        for command in COMMANDS:
            print(f"{' '.join(command) + ' --help':<24} {median_seconds([*command, '--help']):.3f} s")
        return
    if not options.files:
        parser.error("give OLD_CHECKOUT OLD_RUN RUN and at least one FILE, or nothing")
    sides = {"old": (options.old.resolve(), options.old_run.resolve()), "new": (HERE, options.run.resolve())}
    print(f"{options.repeats} repeats of whole processes in turns, after one that is not counted; medians")
    for file in options.files:
        compare(file.resolve(), sides, options.repeats)


if __name__ == "__main__":
    main()
