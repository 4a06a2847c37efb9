"""What a GPU does with this software, in one run: rates, shares of time, memory, and what a resumption changes.

    python bench/gpu.py PRODUCTS.bson [SECTION...] [--toy] [--repeats R]

Sections (default: all):

    training     photos/s of training for four networks and one to four photos; the share of a step whose parts wait for
                 each other that goes into input (waiting for the loader), copies to the device, and the step itself
    prediction   products/s of decoding, of the network on decoded mosaics, of both one after the other, and of both
                 with the next chunk decoded meanwhile
    optimizer    AdamW with a group for each weight tensor, with two groups, and fused
    copies       a batch to the device: ordinary memory, pinned, not waiting
    switches     training with cudnn.benchmark, and with torch.compile
    decode       photos/s of our threads and of the GPU's decoder, and how far the pictures of the whole file are apart
    ocr          covers/s of RapidOCR on CUDA and on OpenVINO with all cores
    memory       what a step of each recipe of configs/cdiscount takes: counted, and measured on a GPU
    resume       how far a resumed fit's weights are from those of one that was not broken off, with and without
                 `deterministic`

Networks have random weights: nothing is downloaded. Without a GPU everything runs on the CPU; `--toy` makes that short,
and shows only that the script works. Rates are medians or of many batches, after a warm-up that is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import gpu_memory
import numpy as np
import torch
from gpu_training import (
    Scale,
    copies,
    fresh_network,
    median_seconds,
    optimizers,
    resumption,
    switches,
    training_rates,
)

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.photos.batch import PhotoDecoder, decode_in_threads
from catalog.photos.decode import DecodedPhoto
from catalog.product import MAX_IMAGES, Product
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.expert import batches, run_network
from mosaic.networks.deployed import deployed
from mosaic.networks.device import best_device, described
from mosaic.networks.jpeg_decoder import JpegDecoder

NETWORKS = (
    "cdiscount/first-resnet50",
    "cdiscount/first-inception-resnet-v2",
    "cdiscount/second-seresnext101",
    "cdiscount/modern-convnext-tiny",
)
FULL = Scale(batch=256, batches=30, warm_up=10, repeats=20)
TOY = Scale(batch=4, batches=2, warm_up=1, repeats=2)
CHUNK = 256
"""Products decoded together, as in prediction."""


def config_of(recipe: str, scale: Scale, *overrides: str) -> MosaicConfig:
    """A recipe at the batch that is measured; in toy size the demo's network, which a CPU can run."""
    name = "debug" if scale is TOY else recipe
    return load_config(MosaicConfig, "mosaic", name, [f"photos_per_batch={scale.batch}", *overrides])


def networks(scale: Scale) -> tuple[str, ...]:
    """The recipes that are measured."""
    return NETWORKS[:1] if scale is TOY else NETWORKS


def training(catalog: Catalog, scale: Scale) -> None:
    """Rates of training by network and image count."""
    for recipe in networks(scale):
        config = config_of(recipe, scale)
        for count in range(1, MAX_IMAGES + 1):
            rate = training_rates(catalog, config, count, scale)
            print(f"  {config.backbone.name:<30}{count} photos {rate}", flush=True)


def prediction(catalog: Catalog, scale: Scale) -> None:
    """Rates of prediction by network and image count."""
    for recipe in networks(scale):
        config = config_of(recipe, scale)
        network = deployed(fresh_network(config), config.inference, config.photo_size)
        for count in range(1, MAX_IMAGES + 1):
            chunks = list(chunks_of(catalog, count, scale))
            if not chunks:
                print(f"  {config.backbone.name:<30}{count} photos no product has so many")
                continue
            rates = PredictionWays(chunks, network, config).rates(max(2, scale.repeats // 5))
            print(f"  {config.backbone.name:<30}{count} photos {rates}", flush=True)


def chunks_of(catalog: Catalog, count: int, scale: Scale) -> Iterator[list[Product]]:
    """Chunks of products with so many photos, as full as in prediction: products recur."""
    having = np.flatnonzero(catalog.n_images == count)
    size = scale.batch if scale is TOY else CHUNK
    if len(having):
        for _ in range(2 if scale is TOY else 8):
            yield list(catalog.take(np.resize(having, size)))


@dataclass(frozen=True)
class PredictionWays:
    """A network, and chunks of products that it is to predict."""

    chunks: list[list[Product]]
    network: DeployedNetwork
    config: MosaicConfig

    def decode(self, products: list[Product]) -> Chunk:
        """As prediction does, in threads."""
        return Chunk.of(_with_own_photos(products), self.config.photo_size)

    def run(self, chunk: Chunk) -> None:
        """The network on every mosaic."""
        for _, pictures in batches(chunk.readable, chunk, self.config):
            run_network(self.network.backend, pictures, self.config)

    def serial(self) -> None:
        """Decode a chunk, then run the network on it."""
        for products in self.chunks:
            self.run(self.decode(products))

    def prefetching(self) -> None:
        """Decode the next chunk while the network runs."""
        with ThreadPoolExecutor(1) as ahead:
            decoding = ahead.submit(self.decode, self.chunks[0])
            for products in self.chunks[1:]:
                chunk, decoding = decoding.result(), ahead.submit(self.decode, products)
                self.run(chunk)
            self.run(decoding.result())

    def rates(self, repeats: int) -> str:
        """Products per second of each way; the ways take turns."""
        decoded = [self.decode(products) for products in self.chunks]
        ways: dict[str, Callable[[], object]] = {
            "decoding": lambda: [self.decode(products) for products in self.chunks],
            "network": lambda: [self.run(chunk) for chunk in decoded],
            "one after the other": self.serial,
            "decoding ahead": self.prefetching,
        }
        self.run(decoded[0])
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(repeats):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                times[name].append(time.perf_counter() - start)
        n = sum(map(len, self.chunks))
        return "  ".join(f"{name} {n / statistics.median(seconds):.0f}/s" for name, seconds in times.items())


def _with_own_photos(products: list[Product]) -> list[Product]:
    """The same products, no two with the same photo, since copies are decoded once: bytes after its end are ignored."""
    return [
        replace(product, images=tuple(photo + number.to_bytes(4, "big") for photo in product.images))
        for number, product in enumerate(products)
    ]


def decode(catalog: Catalog, scale: Scale) -> None:
    """Photos per second of each decoder, and how far apart their pictures are: a skipped photo would be seen here."""
    side = load_config(MosaicConfig, "mosaic").source_size
    positions = np.arange(len(catalog))[: CHUNK if scale is TOY else 20 * CHUNK]
    photos = [photo for product in catalog.take(positions) for photo in product.images]
    on_device = JpegDecoder(best_device())
    ways: dict[str, PhotoDecoder] = {"our threads": decode_in_threads, str(on_device.device): on_device}
    pictures = {}
    for name, way in ways.items():
        pictures[name] = [way(photos[i : i + CHUNK], side) for i in range(0, len(photos), CHUNK)]
        seconds = median_seconds(lambda way=way: way(photos[:CHUNK], side), scale.repeats, on_device.device)
        print(f"  {name:<14}{min(CHUNK, len(photos)) / seconds:8.0f} photos/s")
    pairs = zip(*(chain.from_iterable(of_way) for of_way in pictures.values()), strict=True)
    apart = [
        float(np.abs(a.pixels.astype(int) - b.pixels).mean())
        for a, b in pairs if isinstance(a, DecodedPhoto) and isinstance(b, DecodedPhoto)
    ]  # fmt: skip
    print(f"  {len(apart)} pictures: mean difference {np.mean(apart):.2f} grey levels, of the worst {max(apart):.2f}")


def ocr(scale: Scale) -> None:
    """Covers per second of each runtime."""
    from covers import plain
    from ocr_engines import engine_of

    from catalog.photos.decode import decode_photo
    from ocr.engines.base import EngineMissing

    photos = [decode_photo(plain(number).photo).pixels for number in range(4 if scale is TOY else 64)]
    for backend in ("openvino", "cuda"):
        try:
            engine = engine_of("name=rapidocr", f"backend={backend}")
            engine.read(photos[:2])
        except EngineMissing as error:
            print(f"  {backend:<10}not measured: {error}")
            continue
        times = []
        for _ in range(3):
            start = time.perf_counter()
            engine.read(photos)
            times.append(time.perf_counter() - start)
        engine.close()
        print(f"  {backend:<10}{len(photos) / statistics.median(times):8.1f} covers/s")


def resume(catalog: Catalog, scale: Scale) -> None:
    """Each with its own configuration."""
    for deterministic in (False, True):
        print(f"  deterministic={str(deterministic).lower()}")
        resumption(catalog, config_of(NETWORKS[0], scale, f"deterministic={str(deterministic).lower()}"), scale)


def machine() -> None:
    """What is measured on."""
    device = best_device()
    print(f"{described(device)}; torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}, ", end="")
    print(f"cuDNN {torch.backends.cudnn.version() or 'none'}; {os.cpu_count()} cores")


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--toy", action="store_true", help="small and quick, to see that the script works")
    options = parser.parse_args()
    scale = TOY if options.toy else FULL
    catalog, device = Catalog(options.file), best_device()
    config = config_of(NETWORKS[0], scale)
    sections: dict[str, Callable[[], None]] = {
        "training": lambda: training(catalog, scale),
        "prediction": lambda: prediction(catalog, scale),
        "optimizer": lambda: optimizers(config, scale),
        "copies": lambda: copies(config, scale),
        "switches": lambda: switches(catalog, config, scale),
        "decode": lambda: decode(catalog, scale),
        "ocr": lambda: ocr(scale),
        "memory": lambda: gpu_memory.report(device, gpu_memory.RECIPES[:2] if options.toy else gpu_memory.RECIPES),
        "resume": lambda: resume(catalog, scale),
    }
    if unknown := [name for name in options.sections if name not in sections]:
        parser.error(f"no section {', '.join(unknown)}: there are {', '.join(sections)}")
    machine()
    for name in options.sections or sections:
        print(f"\n{name}", flush=True)
        sections[name]()


if __name__ == "__main__":
    main()
