"""Training on large photos: an epoch of the input pipeline and of `mosaic train`, before and with the cache.

    python bench/large_photos.py train.bson TREE.csv --checkout BEFORE [--photos 200] [--repeats 3]
        [--parts pays pipeline train]

Draws JPEG photos whose longer side has 800 to 4000 pixels from a catalogue of small ones (enlarged, with a camera's
noise; the same ones each time) and measures, each checkout in processes of its own, the repeats interleaved:

    pays          decoding a photo to 180 px against reading the picture that the cache keeps of it, by the longer side
                  of the photo; cold: after the system was told to forget the file
    pipeline      an epoch of mosaic.training.dataset.MosaicDataset in a DataLoader with 0 and 2 workers
    train         epochs of `mosaic train`: of the general network at the shipped configuration (Lite0), as its
                  history.csv tells them

--checkout names a working copy of the version to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import bson
import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog

HERE = Path(__file__).parents[1]
SMALLEST, LARGEST = 800, 4000
N_LEAVES = 4
NOISE = 6
"""Grey levels: photos of 12 megapixels then have some 3 MB, as those of phones do."""
SIZE = 180
PAYS_SIDES = (180, 240, 360, 540, 800, 2000, 4000)
N_EPOCHS = 3
WORKERS = (0, 2)
PARTS = ("pays", "pipeline", "train")
EPOCHS = ("first epoch", "later epochs")
Measure = Callable[[Path, Path], list[float]]
"""Seconds of the epochs of a checkout in a new workspace."""


def camera_photo(small: bytes, longer: int, rng: np.random.Generator) -> bytes:
    """A JPEG with four sides to three, its longer side of so many pixels, as noisy as a camera's."""
    size = (longer, longer * 3 // 4) if rng.random() < 0.5 else (longer * 3 // 4, longer)
    pixels = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR)
    enlarged = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    noise = NOISE * rng.standard_normal(enlarged.shape, np.float32)
    noisy = np.clip(enlarged + noise, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def draw(shelf: Path, n_photos: int, path: Path) -> None:
    """Products of one photo, on the leaves that have most."""
    catalog, rng = Catalog(shelf), np.random.default_rng(14)
    leaves, counts = np.unique(catalog.category_ids, return_counts=True)
    often = leaves[np.argsort(-counts, kind="stable")[:N_LEAVES]]
    positions = np.concatenate([np.flatnonzero(catalog.category_ids == leaf)[: n_photos // N_LEAVES] for leaf in often])
    with path.open("wb") as file:
        for product in catalog.take(positions):
            photo = camera_photo(product.images[0], int(rng.integers(SMALLEST, LARGEST + 1)), rng)
            file.write(
                bson.encode(
                    {"_id": product.product_id, "category_id": product.category_id, "imgs": [{"picture": photo}]}
                )
            )


# -- whether it pays ----------------------------------------------------------------------------------------------


def microseconds(call: Callable[[], object], repeats: int, before: Callable[[], object] = lambda: None) -> float:
    """Median of a call."""
    times = []
    for _ in range(repeats):
        before()
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def forget(path: str) -> None:
    """Let the next reading of a file come from the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def pays(small: bytes, folder: Path) -> Iterator[str]:
    """A row for each size."""
    from catalog.photos.decode import decode_photo
    from mosaic.photos import squared
    from mosaic.training.shrunken_photos import entry_path, keep_entry, read_entry

    md5, rng = bytes(16), np.random.default_rng(0)
    entry = entry_path(folder, md5, SIZE)
    yield "  photo, px      kB   decode us   entry us   cold us   decode / entry   (entry: 97 kB)"
    for side in PAYS_SIDES:
        photo = camera_photo(small, side, rng)
        picture = squared(decode_photo(photo, SIZE).pixels, SIZE)
        keep_entry(folder, md5, picture)

        def read(picture: NDArray[np.uint8] = picture) -> None:
            if not read_entry(folder, md5, picture):
                raise ValueError(f"{entry} cannot be read")

        def decode(photo: bytes = photo) -> None:
            squared(decode_photo(photo, SIZE).pixels, SIZE)

        decoding = microseconds(decode, 31)
        warm, cold = microseconds(read, 101), microseconds(read, 31, lambda: forget(entry))
        numbers = f"{len(photo) / 1000:6.0f}  {decoding:10.0f}  {warm:9.0f}  {cold:8.0f}  {decoding / warm:15.1f}"
        yield f"  {side:9d}  {numbers}"


# -- an epoch of the input pipeline -------------------------------------------------------------------------------


def pipeline(path: Path, workspace: Path, workers: int) -> list[float]:
    """Seconds of two epochs; run in the checkout that is measured, with its cache where it has one."""
    from torch.utils.data import DataLoader

    from catalog.runs.config import load_config
    from mosaic.config import MosaicConfig
    from mosaic.training.batches import CountBatchSampler, Examples
    from mosaic.training.dataset import MosaicDataset
    from mosaic.views import View

    catalog, config = Catalog(path), load_config(MosaicConfig, "mosaic")
    examples = Examples.of(View(), np.arange(len(catalog)), np.zeros(len(catalog), np.int64), catalog.n_images)
    sampler = CountBatchSampler(examples, config.photos_per_batch, config.training, config.seed)
    cache: dict[str, Any] = {}
    if find_spec("mosaic.training.photo_cache"):
        from mosaic.training.photo_cache import open_photo_cache

        shown = [(examples, config.source_size)]
        cache["shrunken"] = open_photo_cache(workspace, config.photo_cache_gib, catalog, shown, makes_room=True)
    dataset = MosaicDataset(catalog, examples, config, config.source_size, **cache)
    seconds = []
    for epoch in range(2):
        start = time.perf_counter()
        for _ in DataLoader(dataset, batch_size=None, sampler=sampler.epoch(epoch), num_workers=workers):
            pass
        seconds.append(time.perf_counter() - start)
    return seconds


# -- both checkouts -----------------------------------------------------------------------------------------------


def run(checkout: Path, *command: object) -> str:
    """The output of Python in a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    # -P: not the folder that this was called from
    ended = subprocess.run([sys.executable, "-P", *map(str, command)], env=environment, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{command} in {checkout}: {ended.stderr[-2000:]}")
    return ended.stdout


def trained(checkout: Path, path: Path, tree: Path, workspace: Path) -> list[float]:
    """Seconds of the epochs of the general network's first fit."""
    from mosaic.training.history import read_history

    in_workspace = ("--workspace", workspace)
    run(checkout, "-c", "from curation.cli import main; main()", "split", path, "--tree", tree, "--held-out", 0.1,
        *in_workspace)  # fmt: skip
    settings = {"training.head_epochs": 0, "training.epochs": N_EPOCHS, "specialist.epochs": 1}
    options = [text for key, value in settings.items() for text in ("--set", f"{key}={value}")]
    run(checkout, "-c", "from mosaic.cli import main; main()", "train", "--n-images", "any", *options, *in_workspace)
    (history,) = workspace.glob("mosaic-any-*/history.csv")
    records = read_history(history)
    return [record.seconds for record in records if record.fit == records[0].fit]


def table(title: str, seconds: dict[str, list[float]]) -> None:
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"\n{title}")
    for name, value in middle.items():
        of_before = middle["before, later epochs" if "later" in name else "before, first epoch"] / value
        print(f"  {name:<22}{value:8.2f} s   {of_before:6.2f} x   {min(seconds[name]):.2f} to {max(seconds[name]):.2f}")


def measured(measure: Measure, checkouts: dict[str, Path], repeats: int) -> dict[str, list[float]]:
    """Seconds of first and of later epochs, of every checkout in turn, each time in a new workspace."""
    seconds: dict[str, list[float]] = {f"{name}, {which}": [] for name in checkouts for which in EPOCHS}
    for _ in range(repeats):
        for name, checkout in checkouts.items():
            with tempfile.TemporaryDirectory() as workspace:
                first, *later = measure(checkout, Path(workspace))
            seconds[f"{name}, first epoch"].append(first)
            seconds[f"{name}, later epochs"] += later
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shelf", type=Path)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    checkouts = {"before": options.checkout.resolve(), "now": HERE}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.bson")
        draw(options.shelf, options.photos, path)
        catalog = Catalog(path)
        catalog.md5s()
        n_bytes = path.stat().st_size
        load = os.getloadavg()[0]
        print(
            f"{len(catalog)} photos of {SMALLEST} to {LARGEST} px, {n_bytes / 1e6:.0f} MB; {options.repeats} repeats, "
            f"interleaved, medians; {os.cpu_count()} cores, load {load:.1f} at the start, "
            f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'unset')}"
        )
        if "pays" in options.parts:
            print(f"\npays, at {SIZE} px")
            for row in pays(Catalog(options.shelf)[0].images[0], Path(folder, "pays")):
                print(row, flush=True)
        for workers in WORKERS if "pipeline" in options.parts else ():

            def epochs(checkout: Path, workspace: Path, workers: int = workers) -> list[float]:
                told = run(checkout, __file__, "--pipeline", path, workspace, workers)
                return [float(value) for value in json.loads(told)]

            table(f"pipeline, {workers} workers", measured(epochs, checkouts, options.repeats))

        def epochs_of_training(checkout: Path, workspace: Path) -> list[float]:
            return trained(checkout, path, options.tree.resolve(), workspace)

        if "train" in options.parts:
            table("mosaic train, an epoch", measured(epochs_of_training, checkouts, options.repeats))
        print(f"\nload {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pipeline"]:
        print(json.dumps(pipeline(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
