"""Share of the time of `fusion predict` that reading takes, with and without the route and the transcript cache.

Usage: python bench/predict_ocr.py RUNS FILE.bson

The workspace's latest fusion run predicts the whole file four times, in one process: products routed as trained or all
of them read, with an empty cache and again with what that filled. Loading is not timed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from fusion.prediction.predictor import Predictor
from ocr.expert import TextExpert
from ocr.reader import PhotoReader

CHUNK = 256


def timed(predictor: Predictor, reader: PhotoReader, catalog: Catalog) -> tuple[float, float, int]:
    """Seconds in all, seconds of reading, photos asked for."""
    reading, photos, read = 0.0, 0, reader.read

    def watched(encoded: dict[bytes, bytes], progress: object = None) -> object:
        nonlocal reading, photos
        start = time.perf_counter()
        results = read(encoded)
        reading += time.perf_counter() - start
        photos += len(encoded)
        return results

    reader.read = watched  # type: ignore[method-assign, assignment]
    start = time.perf_counter()
    for _, products in catalog.batches(CHUNK):
        predictor.predict(products)
    seconds = time.perf_counter() - start
    reader.read = read  # type: ignore[method-assign]
    return seconds, reading, photos


def main(runs: Path, file: Path) -> None:
    """Predict four times and print."""
    run, catalog = Workspace(runs).require("fusion"), Catalog(file)
    print(f"{file.name}: {len(catalog)} products")
    print(f"{'':<34}{'products/s':>10}{'reading':>12}{'photos asked for':>20}")
    for name, all_products in (("routed", False), ("every product read", True)):
        with tempfile.TemporaryDirectory() as folder:
            for cache in ("empty cache", "second run"):
                predictor = Predictor(run, Workspace(folder))
                [place] = [i for i, expert in enumerate(predictor.experts) if isinstance(expert, TextExpert)]
                text = predictor.experts[place]
                if all_products:
                    text = replace(text, route=replace(text.route, threshold=0.0))
                    predictor.experts[place] = text
                # workers start outside of what is timed
                text.branch.reader.engine.read([np.zeros((64, 64, 3), np.uint8)])
                seconds, reading, photos = timed(predictor, text.branch.reader, catalog)
                share = f"{100 * reading / seconds:.1f} %"
                print(f"{name + ', ' + cache:<34}{len(catalog) / seconds:10.1f}{share:>12}{photos:>20}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
