"""Files of a network for other programs, held against PyTorch on real mosaics before they take their place."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.atomic import atomic_path, scratch_folder
from catalog.files.full_disk import names_full_disk
from catalog.files.progress import in_batches
from catalog.product import MAX_IMAGES
from mosaic.config import MosaicConfig
from mosaic.inference.backend import OnnxBackend, OpenVinoBackend
from mosaic.inference.outputs import Backend, Outputs, Parity, compare, require
from mosaic.layout import arrange
from mosaic.networks.device import CPU
from mosaic.networks.graph import to_onnx, to_openvino
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend
from mosaic.photos import squared
from mosaic.run_files import Format
from mosaic.views import View

BATCH = 8


def check_parity(network: MosaicNetwork, backend: Backend, mosaics: Sequence[NDArray[np.uint8]]) -> Parity:
    """Hold a backend against PyTorch on the CPU, on `(H, W, 3)` uint8 mosaics of any shapes.

    Raises:
        BadExport: it is further from the network than is allowed, see `require`.
    """
    reference = TorchBackend(network, CPU)
    shapes: dict[tuple[int, ...], list[NDArray[np.uint8]]] = {}
    for mosaic in mosaics:
        shapes.setdefault(mosaic.shape, []).append(mosaic)
    batches = [np.stack(batch) for alike in shapes.values() for batch in in_batches(alike, BATCH)]
    expected, got = (
        Outputs(*(np.concatenate(parts) for parts in zip(*map(run, batches), strict=True)))
        for run in (reference, backend)
    )
    parity = compare(expected, got)
    require(parity, backend.name)
    return parity


def write_checked(
    network: MosaicNetwork, path: Path, form: Format, mosaics: Sequence[NDArray[np.uint8]]
) -> tuple[list[Path], Parity]:
    """Write the network as one or two files, which are read back and run on `(H, W, 3)` uint8 `mosaics` before that.

    Raises:
        BadExport: the file is not the network; nothing is left of it.
    """
    height = int(mosaics[0].shape[0])
    with scratch_folder(path) as folder:
        written = folder / path.name
        with names_full_disk(path):
            backend = _write(network, written, form, height)
        parity = check_parity(network, backend, mosaics)
        # the weights take their place before the graph that names them
        files = sorted(path.with_name(file.name) for file in folder.iterdir())
        for file in files:
            with atomic_path(file) as temporary:
                os.replace(folder / file.name, temporary)
    return files, parity


def _write(network: MosaicNetwork, path: Path, form: Format, size: int) -> Backend:
    if form == "onnx":
        to_onnx(network, size, path)
        return OnnxBackend(path)
    import openvino

    # half precision, the default of this call, would change the results
    openvino.save_model(to_openvino(network, size), path, compress_to_fp16=False)
    return OpenVinoBackend(path)


def mosaics_of_view(catalog: Catalog, view: View, config: MosaicConfig, at_most: int) -> list[NDArray[np.uint8]]:
    """`(H, W, 3)` uint8 mosaics of `at_most` training products or so, of every width that the view's network serves.

    Raises:
        ValueError: no product with readable photos that it could be shown.
    """
    counts = [view.n_images] if view.n_images else list(range(1, MAX_IMAGES + 1))
    rows = np.flatnonzero(np.isin(catalog.n_images, counts))
    chosen = np.random.default_rng(config.seed).permutation(rows)[:at_most]
    chunk = Chunk.of(catalog.take(chosen), config.photo_size)
    squares = {md5: squared(picture, config.photo_size) for md5, picture in chunk.pictures.items()}
    shown = [[squares[md5] for md5 in md5s] for md5s in chunk.readable if len(md5s) in counts]
    if view.position:
        counts = [1]
        shown = [[picture] for pictures in shown for photo, picture in enumerate(pictures) if view.shows(photo)]
    if not shown:
        raise ValueError(f"{catalog} holds no product with readable photos for this network: nothing to check on")
    # a count that the catalogue lacks is checked on one photo repeated
    shown += [shown[0][:1] * count for count in counts if all(len(pictures) != count for pictures in shown)]
    return [arrange(np.stack(pictures)[None], config.layout)[0] for pictures in shown]
