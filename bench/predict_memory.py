"""Anonymous memory of `fusion predict` on 20,000 and 200,000 products, summed over its processes.

Real photos are repeated; network and OCR are at their cheapest (configs/debug.yaml), so that the streaming itself
is measured. Usage: python bench/predict_memory.py PHOTOS.bson TREE.csv [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import bson
import numpy as np
from process_memory import memory_kib

from catalog.catalog import Catalog
from catalog.tree.taxonomy import Taxonomy

SIZES = (20_000, 200_000)
COUNTS = (4_369_441, 1_128_588, 542_792, 1_029_075)


def write_repeated(photos: list[bytes], leaves: np.ndarray, path: Path, n: int, labelled: bool) -> None:
    """A BSON of `n` products with Cdiscount's image counts, photos drawn from `photos`."""
    rng = np.random.default_rng(0)
    counts = rng.choice(4, size=n, p=np.array(COUNTS) / sum(COUNTS)) + 1
    with path.open("wb") as file:
        for i in range(n):
            imgs = [{"picture": photos[j]} for j in rng.integers(0, len(photos), counts[i])]
            label = {"category_id": int(leaves[i % len(leaves)])} if labelled else {}
            file.write(bson.encode({"_id": i, **label, "imgs": imgs}))


def run(command: list[str]) -> tuple[float, float]:
    """(seconds, peak anonymous MiB) of a command."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, memory_kib(process.pid)[0])
        time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, peak / 1024


def main(source: Path, tree: Path, folder: Path) -> None:
    """Train the cheapest run, then predict both sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = [photo for product in Catalog(source) for photo in product.images]
    leaves = Taxonomy.from_csv(tree).leaf_ids[:50]
    room = ["--workspace", str(folder / "runs")]
    debug = ["--config", "debug", *room]
    train = folder / "train.bson"
    write_repeated(photos, leaves, train, 1000, labelled=True)
    for command in (
        ["catalog", "split", str(train), "--tree", str(tree), "--max-copies", "1", *room],
        ["mosaic", "train", "--n-images", "any", *debug],
        ["fusion", "train", *debug],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    peaks = []
    for n in SIZES:
        path = folder / f"test-{n}.bson"
        write_repeated(photos, leaves, path, n, labelled=False)
        seconds, peak = run(["fusion", "predict", str(path), "--overwrite", *room])
        peaks.append(peak)
        size, rate = path.stat().st_size / 2**20, n / seconds
        print(f"{n:>8} products  {size:7.0f} MiB  {rate:7.0f} products/s  peak {peak:6.0f} MiB anonymous")
        path.unlink()
    print(f"growth from {SIZES[0]} to {SIZES[1]} products: {peaks[1] / peaks[0] - 1:+.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3] if len(sys.argv) > 3 else "build/memory"))
