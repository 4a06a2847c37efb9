"""`catalog index`, `explore` and `duplicates` on synthetic catalogues of up to a million products: time, memory, ratio.

Usage: python bench/catalogue_scale.py PHOTOS.bson [--sizes 250000 500000 1000000] [--folder build/scale] [--near N]

Real photos are encoded anew to Cdiscount's mean size and repeated; products have its image counts. A photo is made
another one by eight bytes of a comment segment. 55 % of photos stand once, the others are drawn so that few are very
common, as in Cdiscount. Each command runs in processes of its own on a file that has just been written (so it lies in
the page cache); memory is the peak of RssAnon summed over the processes, without the pages of mapped files. CPU
seconds hardly depend on what else the machine does. The plain loop is `bson.decode_file_iter` with `hashlib.md5`; it
takes turns with `catalog index`, medians of --repeats.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bson
import numpy as np
from PIL import Image
from process_memory import memory_kib

from catalog.catalog import Catalog

COUNTS = (4_369_441, 1_128_588, 542_792, 1_029_075)
CDISCOUNT_BYTES, CDISCOUNT_PRODUCTS = 58.2e9, 7_069_896
QUALITY = 56
"""JPEG quality that brings the 180 px photos of the shelf benchmark to Cdiscount's 4.7 KB."""
ONCE = 0.55
COPIES = 4
"""Mean copies of a photo that has any."""
BATCH = 10_000
PLAIN = """
import bson, hashlib, sys
digests = []
with open(sys.argv[1], "rb") as file:
    for document in bson.decode_file_iter(file):
        digests += [hashlib.md5(entry["picture"]).digest() for entry in document["imgs"]]
"""
CATALOG = [sys.executable, "-c", "from curation.cli import main; main()"]


def smaller(photo: bytes) -> bytes:
    """Encoded at `QUALITY`."""
    out = io.BytesIO()
    Image.open(io.BytesIO(photo)).convert("RGB").save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def documents(photos: list[bytes], n: int) -> Iterator[bytes]:
    """`n` products as BSON."""
    rng = np.random.default_rng(0)
    n_shared = max(1, round(n * np.dot(COUNTS, range(1, 5)) / sum(COUNTS) * (1 - ONCE) / COPIES))
    fresh = n_shared
    for start in range(0, n, BATCH):
        counts = rng.choice(4, size=min(BATCH, n - start), p=np.array(COUNTS) / sum(COUNTS)) + 1
        # squared, so that the first are drawn far more often than the last
        drawn = (n_shared * rng.random(counts.sum()) ** 2).astype(int)
        once = rng.random(counts.sum()) < ONCE
        drawn[once] = fresh + np.arange(once.sum())
        fresh += int(once.sum())
        for i, own in enumerate(np.split(drawn, np.cumsum(counts)[:-1]), start):
            imgs = [{"picture": marked(photos[k % len(photos)], k)} for k in own.tolist()]
            yield bson.encode({"_id": i, "category_id": 1_000_000_000 + i % 5270, "imgs": imgs})


def marked(photo: bytes, number: int) -> bytes:
    """The photo with a number in a comment segment: the same picture, another MD5."""
    return photo[:2] + b"\xff\xfe\x00\x0a" + number.to_bytes(8, "little") + photo[2:]


def run(command: list[str]) -> tuple[float, float, float, float]:
    """(seconds, CPU seconds, peak anonymous MiB, peak mapped MiB) of a command and its processes."""
    start, cpu, anon, mapped = time.perf_counter(), cpu_seconds(), 0, 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        now = memory_kib(process.pid)
        anon, mapped = max(anon, now[0]), max(mapped, now[1])
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, cpu_seconds() - cpu, anon / 1024, mapped / 1024


def cpu_seconds() -> float:
    """User and system time of all processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def forget(path: Path) -> None:
    """Remove the sidecars."""
    for suffix in (".index", ".md5", ".headers", ".phash"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def line(name: str, n: int, seconds: float, cpu: float, anon: float, mapped: float, extra: str = "") -> None:
    """One row of the table."""
    minutes = CDISCOUNT_PRODUCTS / (n / seconds) / 60
    print(
        f"{name:<26}{n:>10,}{seconds:>9.1f}{cpu:>9.1f}{n / seconds:>12,.0f}{anon:>10,.0f}{mapped:>10,.0f}"
        f"{minutes:>12.1f}  {extra}",
        flush=True,
    )


def measure(path: Path, n: int, n_near: int, repeats: int, photos: list[bytes]) -> None:
    """All commands on one size."""
    plain, index = [], []
    for _ in range(repeats):
        plain.append(run([sys.executable, "-c", PLAIN, str(path)]))
        forget(path)
        index.append(run([*CATALOG, "index", str(path)]))
    loop, own = ([statistics.median(column) for column in zip(*runs, strict=True)] for runs in (plain, index))
    line("plain loop", n, *loop)
    line("catalog index", n, *own, f"{loop[0] / own[0]:.2f} x the plain loop")
    output = str(path.parent / "out")
    line("catalog duplicates", n, *run([*CATALOG, "duplicates", str(path), "--output", output]))
    if "explore" in subprocess.run([*CATALOG, "--help"], capture_output=True, text=True, check=True).stdout:
        line("catalog explore", n, *run([*CATALOG, "explore", str(path), "--output", output]))
    if n_near:
        sample = path.with_name("near.bson")
        write(photos, n_near, sample)
        run([*CATALOG, "index", str(sample)])
        line(
            "catalog duplicates --near",
            n_near,
            *run([*CATALOG, "duplicates", str(sample), "--near", "--output", output]),
        )
        forget(sample)
        sample.unlink()


def write(photos: list[bytes], n: int, path: Path) -> None:
    """A catalogue of `n` products."""
    with path.open("wb") as file:
        for document in documents(photos, n):
            file.write(document)


def main() -> None:
    """One table; files are removed again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[250_000, 500_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path("build/scale"))
    parser.add_argument("--near", type=int, default=50_000, help="products whose photos are hashed, 0 for none")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    photos = [smaller(photo) for product in Catalog(arguments.photos) for photo in product.images]
    print(f"{len(photos)} photos of {np.mean([len(p) for p in photos]):.0f} bytes, median of {arguments.repeats} runs")
    print(
        f"{'':<26}{'products':>10}{'s':>9}{'CPU s':>9}{'products/s':>12}{'anon MiB':>10}{'file MiB':>10}"
        f"{'7.07 M, min':>12}"
    )
    for n in arguments.sizes:
        path = arguments.folder / f"{n}.bson"
        try:
            write(photos, n, path)
            print(f"{n:,} products, {path.stat().st_size / 1e9:.2f} GB", flush=True)
            last = n == max(arguments.sizes)
            measure(path, n, arguments.near if last else 0, arguments.repeats, photos)
        finally:
            forget(path)
            path.unlink(missing_ok=True)
    size = CDISCOUNT_BYTES / 1e9
    print(
        f"7.07 M, min: minutes for Cdiscount's {CDISCOUNT_PRODUCTS:,} products ({size} GB) at that rate, from the cache"
    )


if __name__ == "__main__":
    main()
