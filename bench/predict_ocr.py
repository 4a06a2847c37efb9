"""Share of the time of `fusion predict` that reading takes, with and without the route and the transcript cache.

Usage: python bench/predict_ocr.py RUNS FILE.bson

The workspace's latest fusion run predicts the whole file four times, in one process: products routed as trained or all
of them read, with an empty cache and again with what that filled. Loading is not timed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from fusion.prediction.predictor import Predictor
from ocr.expert import TextExpert

CHUNK = 256


def timed(predictor: Predictor, text: TextExpert, catalog: Catalog) -> tuple[float, float, int]:
    """Seconds in all, seconds of reading, photos asked for."""
    reading, photos, read = 0.0, 0, text.reader.read

    def watched(encoded: dict[bytes, bytes], progress: object = None) -> object:
        nonlocal reading, photos
        start = time.perf_counter()
        results = read(encoded)
        reading += time.perf_counter() - start
        photos += len(encoded)
        return results

    text.reader.read = watched  # type: ignore[method-assign, assignment]
    start = time.perf_counter()
    for _, products in catalog.batches(CHUNK):
        predictor.predict(products)
    seconds = time.perf_counter() - start
    text.reader.read = read  # type: ignore[method-assign]
    return seconds, reading, photos


def main(runs: Path, file: Path) -> None:
    """Predict four times and print."""
    run, catalog = Workspace(runs).require("fusion"), Catalog(file)
    print(f"{file.name}: {len(catalog)} products")
    print(f"{'':<34}{'products/s':>10}{'reading':>12}{'photos asked for':>20}")
    for name, all_products in (("routed", False), ("every product read", True)):
        with tempfile.TemporaryDirectory() as folder:
            for cache in ("empty cache", "second run"):
                # a new one each time: networks remember the photos that they have just seen
                predictor = Predictor(run, Workspace(folder))
                assert predictor.text is not None, "the fusion run has no text branch"
                if all_products:
                    predictor.route_threshold = 0.0
                # workers start outside of what is timed
                predictor.text.reader.engine.read([np.zeros((64, 64, 3), np.uint8)])
                seconds, reading, photos = timed(predictor, predictor.text, catalog)
                share = f"{100 * reading / seconds:.1f} %"
                print(f"{name + ', ' + cache:<34}{len(catalog) / seconds:10.1f}{share:>12}{photos:>20}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
