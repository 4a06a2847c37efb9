"""`fusion predict` of two checkouts on the same catalogues, whole processes taken in turns.

    python bench/predict_checkouts.py OLD_CHECKOUT RUN CATALOG [CATALOG ...] [--repeats 5]

RUN is a fusion run that both can read. Medians of wall time and CPU time, and the products whose leaf is the same.
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

import pyarrow.parquet as pq

HERE = Path(__file__).parents[1]
COMMAND = "import sys; from fusion.cli import main; sys.exit(main())"


def predicted(checkout: Path, run: Path, catalog: Path, output: Path) -> tuple[float, float]:
    """Seconds of wall and CPU time of one whole process, its children included."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", COMMAND, "predict", str(catalog), "--run", str(run), "--output", str(output)],
        env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=output.parent,
    )  # fmt: skip
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def leaves(output: Path) -> dict[int, object]:
    table = pq.read_table(output / "predictions.parquet").to_pydict()
    return dict(zip(table["product_id"], table["category_id"], strict=True))


def compare(catalog: Path, checkouts: dict[str, Path], run: Path, repeats: int) -> None:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in checkouts}
    found: dict[str, dict[int, object]] = {}
    for repeat in range(repeats + 1):
        for name, checkout in checkouts.items():
            with tempfile.TemporaryDirectory() as folder:
                took = predicted(checkout, run, catalog, Path(folder, "out"))
                found[name] = leaves(Path(folder, "out"))
            # the first look at a catalogue writes its index
            if repeat:
                times[name].append(took)
    same = sum(found["new"][product] == leaf for product, leaf in found["old"].items())
    print(f"\n{catalog.name}: {len(found['old'])} products, {same} of them given the same leaf")
    middle = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    for name, (wall, cpu) in middle.items():
        print(f"  {name:<5}{wall:8.2f} s   {cpu:8.2f} CPU s")
    in_time, in_cpu = (old / new for old, new in zip(middle["old"], middle["new"], strict=True))
    print(f"  old / new: {in_time:.2f} in time, {in_cpu:.2f} in CPU time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("catalogs", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.repeats} repeats of whole processes in turns, after one that is not counted; medians")
    for catalog in options.catalogs:
        compare(catalog.resolve(), {"old": options.old.resolve(), "new": HERE}, options.run.resolve(), options.repeats)


if __name__ == "__main__":
    main()
