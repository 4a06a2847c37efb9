"""Photos per second into training batches, against the usual ways, in one run.

    python bench/input_pipeline.py PRODUCTS.bson [--photos 4000] [--repeats 7] [--workers 0 2]

Every way decodes the same 180 px photos; the repeats of all ways are interleaved, medians are printed.

    ceiling      cv2.imdecode in a bare loop over photos that lie in memory; with W workers, W processes of it
    ours         mosaic.training.dataset.MosaicDataset in a DataLoader: mosaics read at random from the memory-mapped
                 BSON, decoded into uint8 batches with the random numbers of their augmentation
    usual        bson.decode_file_iter, Pillow, torchvision's ToTensor, a DataLoader's default batches of photos
    webdataset   the same photos in a tar file, decoded by webdataset ("torchrgb8"), batches of photos
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import bson
import cv2
import numpy as np
import torch
import webdataset
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from torchvision.transforms.functional import to_tensor

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training.batches import CountBatchSampler, Examples
from mosaic.training.dataset import MosaicDataset
from mosaic.views import View

BATCH = 32


class Usual(IterableDataset):
    """What most published solutions do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        with self.path.open("rb") as file:
            for document in islice(bson.decode_file_iter(file), first, None, step):
                for image in document["imgs"]:
                    yield to_tensor(Image.open(io.BytesIO(image["picture"])).convert("RGB")), document["category_id"]


def bare(photos: list[bytes]) -> None:
    for photo in photos:
        cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)


def bare_processes(photos: list[bytes], workers: int) -> float:
    """Seconds of the slowest of `workers` processes that start at the same moment."""
    context = multiprocessing.get_context("fork")
    barrier, times = context.Barrier(workers), context.Queue()

    def work(share: list[bytes]) -> None:
        barrier.wait()
        start = time.perf_counter()
        bare(share)
        times.put(time.perf_counter() - start)

    team = [
        multiprocessing.get_context("fork").Process(target=work, args=(photos[w::workers],)) for w in range(workers)
    ]
    for process in team:
        process.start()
    slowest = max(times.get() for _ in team)
    for process in team:
        process.join()
    return slowest


def timed(loader: DataLoader, n_photos: Callable[[object], int], limit: int) -> float:
    """Photos per second after the first batch of every worker: starting processes is no part of it."""
    batches = iter(loader)
    for _ in range(max(1, loader.num_workers)):
        next(batches)
    start, seen = time.perf_counter(), 0
    for batch in batches:
        seen += n_photos(batch)
        if seen >= limit:
            break
    return seen / (time.perf_counter() - start)


def one_photo_each(batch: object) -> int:
    return len(batch[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--photos", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, os.cpu_count() or 1])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    catalog = Catalog(options.file)
    photos = [image for product in islice(catalog, len(catalog)) for image in product.images][: options.photos]
    config = load_config(MosaicConfig, "mosaic")
    examples = Examples.of(View(), np.arange(len(catalog)), np.zeros(len(catalog), np.int64), catalog.n_images)
    sampler = CountBatchSampler(examples, BATCH, config.training.model_copy(update={"subsets": 0.0}), config.seed)
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder, "photos.tar")
        with tarfile.open(tar, "w") as archive:
            for number, photo in enumerate(photos):
                for suffix, content in (("jpg", photo), ("cls", b"0")):
                    entry = tarfile.TarInfo(f"{number:07d}.{suffix}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        print(f"{len(photos)} photos of {options.file.name}, {options.repeats} interleaved repeats, medians")
        for workers in options.workers:
            measure(options, catalog, photos, examples, sampler, config, tar, workers)


def measure(
    options: argparse.Namespace,
    catalog: Catalog,
    photos: list[bytes],
    examples: Examples,
    sampler: CountBatchSampler,
    config: MosaicConfig,
    tar: Path,
    workers: int,
) -> None:
    limit = int(0.8 * len(photos))

    def ceiling() -> float:
        start = time.perf_counter()
        if workers:
            return len(photos) / bare_processes(photos, workers)
        bare(photos)
        return len(photos) / (time.perf_counter() - start)

    def ours() -> float:
        dataset = MosaicDataset(catalog, examples, config, config.source_size)
        loader = DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=workers)
        return timed(loader, lambda batch: batch.photos.shape[0] * batch.photos.shape[1], limit)

    def usual() -> float:
        return timed(DataLoader(Usual(options.file), batch_size=BATCH, num_workers=workers), one_photo_each, limit)

    def shards() -> float:
        # one tar file: its entries are dealt to the workers
        pipeline = webdataset.DataPipeline(
            webdataset.SimpleShardList(str(tar)), webdataset.tarfile_to_samples(), webdataset.split_by_worker,
            webdataset.decode("torchrgb8"), webdataset.to_tuple("jpg", "cls"),
        )  # fmt: skip
        return timed(DataLoader(pipeline, batch_size=BATCH, num_workers=workers), one_photo_each, limit)

    ways = {"ceiling": ceiling, "ours": ours, "usual": usual, "webdataset": shards}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            rates[name].append(way())
    middle = {name: statistics.median(rate) for name, rate in rates.items()}
    print(f"\n{workers} workers" if workers else "\nin one process")
    for name, rate in middle.items():
        print(f"  {name:<12}{rate:8.0f} photos/s   {rate / middle['ceiling']:6.1%} of the ceiling")
    for other in ("usual", "webdataset"):
        print(f"  ours / {other}: {middle['ours'] / middle[other]:.2f}")


if __name__ == "__main__":
    main()
