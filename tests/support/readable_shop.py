"""A made-up shop whose photos carry words, and an engine that reads them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bson
import numpy as np
from PIL import Image

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities
from catalog.runs.saved_probabilities import held_out_file
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from ocr.lines import Line
from ocr.transcript import OcrFailure, PhotoReading, Transcript

UNREADABLE = 200
"""The number of photos that cannot be read."""


class NumberEngine:
    """Reads what stands for a photo's grey value; fails on `UNREADABLE`, and stops after `stops_after` photos."""

    name = "numbers"
    settings = "numbers 1"
    max_side = 1000

    def __init__(self, texts: dict[int, str]) -> None:
        self.texts = texts
        self.n_read = 0
        self.stops_after: int | None = None

    def read(self, photos: Sequence[np.ndarray]) -> list[PhotoReading]:
        self.n_read += len(photos)
        if self.stops_after is not None and self.n_read > self.stops_after:
            raise KeyboardInterrupt
        return [self._one(round(float(photo[1:].mean()))) for photo in photos]

    def _one(self, number: int) -> PhotoReading:
        if number == UNREADABLE:
            return OcrFailure("engine stopped")
        text = self.texts.get(number, "")
        return Transcript(tuple(Line(text, 0.9, (0, 0, 9, 9)).words(0)) if text else ())

    def close(self) -> None:
        """Nothing was started."""


def photo(number: int, seed: int) -> bytes:
    """A PNG of a grey value, different for each seed."""
    pixels = np.full((12, 12, 3), number, np.uint8)
    pixels[0, :3, 0] = seed % 251, seed // 251 % 251, seed // 251**2
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@dataclass
class Shop:
    """A workspace of labelled products, product i of leaf `leaf[i]`, and what its photos' networks say of them."""

    room: Workspace
    engine: NumberEngine
    leaf: np.ndarray
    photo: Probabilities

    def save_photo(self) -> None:
        """As `mosaic train` does."""
        path = held_out_file(self.room)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.photo.save(path)


def open_shop(
    folder: Path,
    tree: Taxonomy,
    n_products: int,
    number_of: Callable[[int, int], int],
    texts: dict[int, str],
    *,
    seen_alike: Sequence[Sequence[int]],
    n_parts: int = 5,
    mode: str = "kfold",
    seeds: Callable[[int], int] = lambda product: product,
    n_blank: int = 0,
) -> Shop:
    """Products of leaf i modulo the number of leaves, one photo each beside `n_blank` without words.

    Args:
        number_of: what the photo of a product shows, by product and leaf. texts: what is read for a number.
        seen_alike: groups of leaves that photos cannot tell apart; all others they tell.
        seeds: photos of one number and one seed are copies of each other.
    """
    leaf = np.arange(n_products) % len(tree)
    documents = [
        {"_id": i, "category_id": int(tree.leaf_ids[own]), "imgs": [
            {"picture": photo(number_of(i, own), seeds(i))},
            *({"picture": photo(0, n_products * k + i)} for k in range(n_blank)),
        ]}
        for i, own in enumerate(leaf.tolist())
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.bson").write_bytes(b"".join(bson.encode(d) for d in documents))
    plan, _ = make_plan(Catalog(folder / "train.bson"), tree, mode=mode, n_parts=n_parts)
    room = Workspace(folder / "runs")
    room.save_plan(plan, tree)
    data = TrainingData.of(room)
    held_out = np.concatenate([plan.held_out_positions(part) for part in plan.held_out_parts])
    alike = np.eye(len(tree))
    for group in seen_alike:
        alike[np.ix_(group, group)] = 1
    dense = 0.9 * alike[data.leaf[held_out]]
    dense = dense / dense.sum(axis=1, keepdims=True) * 0.9 + 0.1 / len(tree)
    # among equals chance decides, not the order of the leaves
    dense += np.random.default_rng(0).uniform(0, 1e-4, dense.shape)
    dense /= dense.sum(axis=1, keepdims=True)
    says = Probabilities.from_dense(
        "mosaic", data.catalog.product_ids[held_out], data.catalog.n_images[held_out], dense,
        np.zeros(len(held_out), np.uint8), support=np.arange(len(tree), dtype=np.int32),
        frequency=np.full(len(tree), 1 / len(tree)), k=len(tree), taxonomy=tree.fingerprint, plan=plan.plan_id,
    )  # fmt: skip
    return Shop(room, NumberEngine(texts), leaf, says)
