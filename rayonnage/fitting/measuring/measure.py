"""What the machine does in a second, measured before anything is promised: some twenty seconds of real work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.cores import n_cores
from catalog.files.free_memory import free_memory
from catalog.files.progress import Progress
from catalog.files.time_budget import TimeBudget, typical
from catalog.runs.config import load_config
from catalog.sources.address import Address
from catalog.sources.opening import open_source
from mosaic.backbone_speed import BackboneSpeed
from mosaic.config import MosaicConfig
from ocr.config import EngineConfig
from ocr.reading_speed import ReadingSpeed, lot_size, reading_speed
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.measured_photos import MeasuredPhotos
from rayonnage.fitting.measuring.ordinary_work import slowness_now
from rayonnage.fitting.measuring.speed import MachineSpeed, is_reckoned, times_known

SECONDS = 20.0
"""For everything; each part has its share of what is left when its turn comes, so that one cannot eat up the others."""
DECODING, LEARNING, READING = 0.15, 0.5, 0.6
FEW = 4
"""Photos that are decoded at a time."""
LEAST_S = 2.5
"""Seconds that are worth another network: its graph alone takes one."""


def measure(
    address: Address,
    survey: CatalogSurvey,
    backbones: Sequence[str],
    workspace: Path,
    engine: EngineConfig,
    progress: Progress | None = None,
    budget: TimeBudget | None = None,
) -> MachineSpeed:
    """Time decoding, training, prediction and reading on photos of a catalogue that has been looked at.

    Args:
        backbones: timm's names; the first one is measured, the others as far as there is time, else by what they are
            known to cost beside it.
        workspace: whose disk is asked for room; it need not exist.
        engine: that will read.
        budget: None for `SECONDS` from now on.
    """
    budget = budget or TimeBudget(SECONDS)
    first, *others = backbones
    start_s = _importing()
    tree = None if survey.tree is None else Path(survey.tree)
    catalog = Catalog(open_source(address, tree))
    photos = MeasuredPhotos.of(catalog, tree, lot_size())
    config = load_config(MosaicConfig, "mosaic")
    squares, decode_s = _decoding(catalog, photos.shown, config.source_size, budget.part(DECODING * budget.left))
    slow = [_told(progress, budget)]

    def speed_of(name: str, part: TimeBudget) -> BackboneSpeed:
        from mosaic.training.speed import backbone_speed

        # of weights that are drawn steps take as long, and no file of them is needed
        backbone = config.backbone.model_copy(update={"name": name, "weights": "random"})
        settings = config.model_copy(update={"backbone": backbone})
        return backbone_speed(settings, catalog, squares, photos.n_leaves, part)

    speeds = {first: speed_of(first, budget.part(LEARNING * budget.left))}
    slow.append(_told(progress, budget))
    reading = _reading(catalog, photos, engine, budget.part(READING * budget.left))
    for name in others:
        slow.append(_told(progress, budget))
        if is_reckoned(name) and is_reckoned(first) and budget.left < LEAST_S:
            speeds[name] = speeds[first].times(times_known(name) / times_known(first))
        else:
            speeds[name] = speed_of(name, budget)
    lots = () if reading is None else reading.lots
    words, of_shelf = photos.words(lots)
    return MachineSpeed(
        cores=n_cores(),
        free_bytes=free_memory(),
        free_disk=free_disk(workspace),
        decode_s=decode_s,
        backbones=speeds,
        read_s=0.0 if reading is None else reading.photo_s,
        words_per_photo=words,
        start_s=start_s,
        words_of_shelf=of_shelf,
        read_s_of_shelf=photos.seconds(lots),
        workers=_workers(config),
        slowness=float(np.mean([*slow, _told(progress, budget)])),
    )


def free_disk(folder: Path) -> int:
    """Bytes that are free where a folder lies, or would be made."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _told(progress: Progress | None, budget: TimeBudget) -> float:
    """Say how far the measurement is; returns how slow the machine is at this moment."""
    if progress is not None:
        progress(min(round(budget.used), round(SECONDS) - 1), round(SECONDS))
    return slowness_now()


def _importing() -> float:
    """Seconds until what trains is loaded, which every command pays once; 0 where it was loaded before."""
    start = time.perf_counter()
    import mosaic.training.speed  # noqa: F401

    return time.perf_counter() - start


def _workers(config: MosaicConfig) -> int:
    """Processes that decode photos for a training."""
    from mosaic.networks.device import data_workers

    return data_workers(config)


def _decoding(
    catalog: Catalog, products: NDArray[np.int64], size: int, budget: TimeBudget
) -> tuple[NDArray[np.uint8], float]:
    """`(n, size, size, 3)` uint8 photos as training is shown them, and the seconds that one takes."""
    from mosaic.training.dataset import square_of

    squares: list[NDArray[np.uint8]] = []

    def decode() -> None:
        some = products[len(squares) : len(squares) + FEW]
        squares.extend(square_of(photo, size)[0] for photo in catalog.take_photos(some, np.zeros_like(some)))

    seconds = budget.times(decode, max(1, len(products) // FEW))
    return np.stack(squares), typical(seconds) / min(FEW, len(products))


def _reading(catalog: Catalog, photos: MeasuredPhotos, engine: EngineConfig, budget: TimeBudget) -> ReadingSpeed | None:
    def photos_of(number: int) -> Sequence[bytes]:
        products = photos.lots[number].products
        return catalog.take_photos(products, np.zeros_like(products))

    return reading_speed(len(photos.lots), photos_of, engine, budget)
