"""What the `ocr` command line calls: read, predict and evaluate over whole catalogues."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catalog.bson_index import Progress
from catalog.catalog import Catalog
from catalog.labels import true_leaves
from catalog.metrics import score_probabilities
from catalog.photo_file import read_photo
from catalog.probabilities import Probabilities, concatenate
from catalog.product import Product
from catalog.report import Report, System, leaderboard
from catalog.run import Run
from catalog.training_data import leaves_of
from catalog.workspace import Workspace
from ocr.config import OcrConfig
from ocr.expert import read_products
from ocr.reader import PhotoReader
from ocr.route import routed, shelf_leaves
from ocr.training import load_expert, make_reader

CHUNK = 256


def read_files(reader: PhotoReader, paths: Sequence[Path]) -> Iterator[str]:
    """A line for people per photo file: its name and what was read on it, or why nothing could be."""
    for path in paths:
        reading = read_products(reader, [Product(0, (read_photo(path),))])[0]
        yield f"{path}: {reading.text or ', '.join(reading.failures) or '(nothing)'}"


def read_catalog(catalog: Catalog, reader: PhotoReader, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
    """One JSON object per product: `{product_id, text, photos: [{words: [...]}], failures}`."""
    done = 0
    for products in catalog.chunks(CHUNK):
        for product, reading in zip(products, read_products(reader, products), strict=True):
            yield {
                "product_id": product.product_id,
                "text": reading.text,
                "photos": [transcript.to_json() for transcript in reading.transcripts],
                "failures": list(reading.failures),
            }
        done += len(products)
        if progress is not None:
            progress(done, len(catalog))


def write_readings(
    catalog: Catalog, reader: PhotoReader, output: Path, progress: Progress | None = None
) -> tuple[int, int]:
    """Write JSON lines; returns how many products there are and on how many something was read."""
    n_read = 0
    with output.open("w", encoding="utf-8") as file:
        for line in read_catalog(catalog, reader, progress):
            n_read += bool(line["text"])
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return len(catalog), n_read


def predict_catalog(
    catalog: Catalog, photo: Probabilities, run: Run, workspace: Workspace, progress: Progress | None = None
) -> Probabilities:
    """The text branch's probabilities for a catalogue, routed by the image branch's."""
    config = run.config(OcrConfig)
    tree = run.taxonomy()
    expert = load_expert(run, make_reader(config, workspace))
    wanted = routed(
        photo.aligned(catalog.product_ids), shelf_leaves(tree, config.shelves), tree, config.route_threshold
    )
    parts, done = [], 0
    for products in catalog.chunks(CHUNK):
        parts.append(expert.predict(products, wanted[done : done + len(products)]))
        done += len(products)
        if progress is not None:
            progress(done, len(catalog))
    return concatenate(parts)


def evaluate(
    workspace: Workspace,
    file: Path | None,
    photo: Probabilities | None,
    labels: Path | None,
    output: Path | None,
    progress: Progress | None = None,
) -> tuple[str, Path]:
    """Evaluate on products that truly stand on the shelves: held-out ones, or those of a labelled file."""
    run = workspace.require("ocr")
    tree = run.taxonomy()
    config = run.config(OcrConfig)
    catalog = workspace.training_catalog() if file is None else Catalog(file)
    if file is None or photo is None:
        found = run.held_out()
    else:
        found = predict_catalog(catalog, photo, run, workspace, progress)
    truth = leaves_of(catalog, true_leaves(catalog, tree, labels), found.product_ids)
    on_shelf = np.isin(truth, shelf_leaves(tree, config.shelves))
    scores = score_probabilities(found, np.where(on_shelf, truth, -1), tree)
    if not len(scores):
        raise ValueError(f"{catalog.path}: no product of the shelves {', '.join(config.shelves)} was read")
    system = System("text", "words read on the photos", scores, len(scores) / int(on_shelf.sum()))
    what = "held-out products" if file is None else file.name
    report = Report("Text branch", f"{what} of {catalog.path.name} on {', '.join(config.shelves)}", [system], tree)
    report.facts = {"engine": config.engine.name, "run": run.folder.name}
    return leaderboard([system]), report.write(output or workspace.folder / "reports", "ocr")
