"""Products per second of each way to run a network, for one to four photos, and whether they agree, in one run.

Usage: python bench/inference.py FILE.bson... [--workspace RUNS] [--photos N] [--photo-size S] [--repeats R]

All photos of the files (or N of them) are decoded first; a product of n photos is n neighbouring ones. The network is
the workspace's general one, else the packaged weights below a random head. The ways take turns in every repeat, so that
other work on the machine slows all of them alike; rates are medians. Eager is PyTorch as one would write it: NCHW,
contiguous, float32.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.product import MAX_IMAGES
from catalog.runs.config import load_config
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.outputs import Backend, Outputs
from mosaic.networks.deployed import make_backend
from mosaic.networks.network import MosaicNetwork
from mosaic.photos import squared

CHUNK = 256
TIMED = 64
"""Products of each count in one timing."""


class Eager:
    """PyTorch with nothing done for speed."""

    name = "eager NCHW"

    def __init__(self, network: MosaicNetwork) -> None:
        self.network = network.to(memory_format=torch.contiguous_format).eval()

    @torch.inference_mode()
    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        network = self.network
        pixels = torch.from_numpy(mosaics).permute(0, 3, 1, 2).float()
        pixels = (pixels - network.get_buffer("mean")) / network.get_buffer("std")
        embedding = network.backbone(pixels.contiguous())
        return Outputs(embedding.numpy(), network.head(embedding).numpy())


def load_network(workspace: Path | None, config: MosaicConfig) -> MosaicNetwork:
    """The general network's weights under the default configuration, whatever version trained them."""
    if workspace is None:
        torch.manual_seed(0)
        return MosaicNetwork(config.backbone, np.arange(111), np.full(111, 1 / 111)).eval()
    run = Workspace(workspace).require("mosaic", "any")
    return MosaicNetwork.load(run.folder / "weights.safetensors", config.backbone)


def read_photos(files: list[Path], config: MosaicConfig, limit: int | None) -> NDArray[np.uint8]:
    """`(N, S, S, 3)` uint8, distinct photos of the files in order."""
    photos: list[NDArray[np.uint8]] = []
    for file in files:
        for _, products in Catalog(file).batches(CHUNK):
            pictures = Chunk.of(products, config.photo_size).pictures.values()
            photos += [squared(picture, config.photo_size) for picture in pictures]
            if limit is not None and len(photos) >= limit:
                return np.stack(photos[:limit])
    return np.stack(photos)


def strips(photos: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
    """`(N // n, S, n * S, 3)`: neighbouring photos side by side."""
    size = photos.shape[1]
    kept = photos[: len(photos) // n * n].reshape(-1, n, size, size, 3)
    return kept.transpose(0, 2, 1, 3, 4).reshape(-1, size, n * size, 3)


def run(backend: Backend, mosaics: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
    """Logits `(N, S)`, in batches as prediction makes them."""
    return np.concatenate([backend(mosaics[i : i + batch]).logits for i in range(0, len(mosaics), batch)])


def seconds(backend: Backend, mosaics: NDArray[np.uint8], batch: int) -> float:
    """Wall time of one pass."""
    start = time.perf_counter()
    run(backend, mosaics, batch)
    return time.perf_counter() - start


def ways(fresh: Callable[[], MosaicNetwork], config: MosaicConfig) -> dict[str, Backend]:
    """Every way to run the network; the first is what the others are compared with."""
    made: dict[str, Backend] = {Eager.name: Eager(fresh())}
    for name, backend in (("PyTorch channels_last", "torch"), ("ONNX Runtime", "onnx"), ("OpenVINO f32", "openvino")):
        inference = config.inference.model_copy(update={"backend": backend})
        made[name] = make_backend(fresh(), inference, config.photo_size)
    return made


def main() -> None:
    """Print one table of rates and one of agreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--workspace", type=Path, default=None)
    parser.add_argument("--photos", type=int, default=None)
    parser.add_argument("--photo-size", type=int, default=180)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    config = load_config(MosaicConfig, "mosaic", overrides=[f"photo_size={arguments.photo_size}"])
    photos = read_photos(arguments.files, config, arguments.photos)
    made = ways(lambda: load_network(arguments.workspace, config), config)
    print(
        f"{config.backbone.name}, {config.photo_size} px, {torch.get_num_threads()} threads, {len(photos)} photos, "
        f"batches of {config.photos_per_batch} photos, median of {arguments.repeats}"
    )
    rates: dict[str, list[float]] = {name: [] for name in made}
    for n in range(1, MAX_IMAGES + 1):
        mosaics = strips(photos[: TIMED * n], n)
        batch = max(1, config.photos_per_batch // n)
        # the first call converts and compiles
        for backend in made.values():
            run(backend, mosaics[:batch], batch)
        times: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(arguments.repeats):
            for name, backend in made.items():
                times[name].append(seconds(backend, mosaics, batch))
        for name, seconds_each in times.items():
            rates[name].append(len(mosaics) / statistics.median(seconds_each))
    print("products/s (times eager)      " + "".join(f"{n:>9} photo{'s' if n > 1 else ' '}" for n in range(1, 5)))
    for name, rate_of_count in rates.items():
        cells = "".join(f"{rate:9.1f} x{rate / rates[Eager.name][i]:<5.2f}" for i, rate in enumerate(rate_of_count))
        print(f"{name:<30}{cells}")
    expected = run(made[Eager.name], photos, config.photos_per_batch)
    spread = float(np.abs(expected).max())
    print(f"{len(photos)} single photos against eager: same likeliest leaf, largest error (logits reach {spread:.1f})")
    for name, backend in made.items():
        got = run(backend, photos, config.photos_per_batch)
        same = (got.argmax(axis=1) == expected.argmax(axis=1)).mean()
        print(f"{name:<30}{same:9.2%}{np.abs(got - expected).max():12.2g}")


if __name__ == "__main__":
    main()
