"""Photos per second and text similarity of each way to read covers, in one run.

Usage: python bench/ocr_engines.py [--backends] [--photos N] [--repeats R] [--shelf val.bson category_names.csv]

Covers with known text are drawn (`bench/covers.py`). The ways take turns in every repeat, on the same plain covers, so
that other work on the machine slows all of them alike; rates are medians, first calls (loading networks) are not timed.
Naive ways are what their documentation shows: one call per photo, no setting of threads. Similarity is difflib's
ratio of what was read to what was drawn, line breaks as spaces; accents: of the drawn words with an accent, the share
that was read letter by letter. With --shelf, the BOOKS photos of a real file are read by both engines too.

With --backends, only what runs RapidOCR's networks is compared: OpenVINO and ONNX Runtime in a process per core, and
CUDA, where it loads, in two, four and eight. Many cores want many photos: --photos 30 for each of them.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from covers import Cover, faint, plain, skewed, turned

from catalog.catalog import Catalog
from catalog.files.cores import n_cores
from catalog.photos.decode import decode_photo
from catalog.photos.photo_index import photo_md5
from catalog.runs.config import load_config
from catalog.tree.taxonomy import Taxonomy
from ocr.cache import TranscriptCache
from ocr.config import OcrConfig
from ocr.engines.base import Engine, EngineMissing, Photo
from ocr.engines.registry import make_engine
from ocr.reader import PhotoReader
from ocr.route import category_leaves
from ocr.transcript import Transcript
from text.normalize import without_accents

Read = Callable[[Sequence[Photo]], list[str]]
SHELF_PHOTOS = 400
GPU_PROCESSES = (2, 4, 8)
"""Two are what `engine.threads: auto` takes with cuda; a line at a time, they may leave a GPU idle."""


def engine_of(*overrides: str) -> Engine:
    """An engine with the shipped settings but for some."""
    return make_engine(load_config(OcrConfig, "ocr", None, [f"engine.{item}" for item in overrides]).engine)


def backends() -> dict[str, Read]:
    """RapidOCR by each backend that loads here; a sentence says why one does not."""
    ways: dict[str, Read] = {}
    for backend, processes in (("openvino", (n_cores(),)), ("onnxruntime", (n_cores(),)), ("cuda", GPU_PROCESSES)):
        try:
            engines = {n: engine_of(f"backend={backend}", f"threads={n}") for n in processes}
            # a worker's start is what shows whether a GPU would be used
            engines[processes[0]].read([np.full((64, 64, 3), 255, np.uint8)])
        except EngineMissing as error:
            print(f"without {backend}: {error}")
            continue
        ways |= {f"our rapidocr on {backend}, {n} processes": ours(engine) for n, engine in engines.items()}
    return ways


def ours(engine: Engine) -> Read:
    """One call for all photos."""
    return lambda photos: [one_line(t.text) if isinstance(t, Transcript) else "" for t in engine.read(photos)]


def naive_tesseract(photos: Sequence[Photo]) -> list[str]:
    """`pytesseract.image_to_data` photo by photo, with the enlargement, page mode and filter that ours has."""
    import pytesseract

    texts = []
    for photo in photos:
        gray = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        table = pytesseract.image_to_data(gray, lang="fra+eng", config="--psm 11", output_type=pytesseract.Output.DICT)
        words = zip(table["text"], table["conf"], strict=True)
        texts.append(" ".join(text.strip() for text, confidence in words if text.strip() and confidence >= 60))
    return texts


def naive_rapidocr() -> Read:
    """`RapidOCR()(photo)` photo by photo."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})
    # OpenCV's order of colours, as when RapidOCR reads a file itself
    return lambda photos: [" ".join(engine(cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)).txts or ()) for photo in photos]


def one_line(text: str) -> str:
    """Single spaces."""
    return " ".join(text.split())


def similarity(read: str, drawn: str) -> float:
    """Share of matching characters, in [0, 1]."""
    return difflib.SequenceMatcher(None, read, drawn, autojunk=False).ratio()


def accents_right(texts: Sequence[str], covers: Sequence[Cover]) -> float:
    """Of the drawn words that carry an accent, the share read exactly."""
    right = total = 0
    for text, cover in zip(texts, covers, strict=True):
        accented = [word for word in cover.text.split() if without_accents(word.lower()) != word.lower()]
        total += len(accented)
        right += sum(word in text.split() for word in accented)
    return right / total


def measure_speed(ways: dict[str, Read], covers: Sequence[Cover], repeats: int) -> None:
    """Print rate, similarity and accents of every way on the same covers, and the ratios asked for."""
    photos = [decode_photo(cover.photo).pixels for cover in covers]
    # all of them: each process that reads loads its networks with its first photo
    texts = {name: read(photos) and [] for name, read in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, read in ways.items():
            start = time.perf_counter()
            texts[name] = read(photos)
            seconds[name].append(time.perf_counter() - start)
    rate = {name: len(photos) / statistics.median(times) for name, times in seconds.items()}
    print(f"\n{len(photos)} drawn covers, median of {repeats}\n{'':<42}photos/s  similarity  accents")
    for name, way_texts in texts.items():
        like = np.mean([similarity(text, cover.text) for text, cover in zip(way_texts, covers, strict=True)])
        print(f"{name:<42}{rate[name]:8.2f}{like:12.3f}{accents_right(way_texts, covers):9.3f}")
    pairs = [("our tesseract", "naive pytesseract"), ("our rapidocr", "rapidocr as it comes")]
    backends_by_name = [name for name in rate if name.startswith("our rapidocr on ")]
    pairs += [(name, backends_by_name[0]) for name in backends_by_name[1:]]
    for fast, slow in pairs:
        if fast in rate and slow in rate:
            same = np.mean([a == b for a, b in zip(texts[fast], texts[slow], strict=True)])
            print(f"{fast} / {slow}: {rate[fast] / rate[slow]:.1f} x, same text on {100 * same:.0f} %")


def measure_hard(ways: dict[str, Read], n: int) -> None:
    """Print the similarity on each kind of cover."""
    print(f"\nsimilarity on {n} covers of each kind\n{'':<42}" + "".join(f"{k.__name__:>10}" for k in KINDS))
    for name, read in ways.items():
        row = []
        for kind in KINDS:
            covers = [kind(number) for number in range(n)]
            texts = read([decode_photo(cover.photo).pixels for cover in covers])
            row.append(np.mean([similarity(text, cover.text) for text, cover in zip(texts, covers, strict=True)]))
        print(f"{name:<42}" + "".join(f"{value:10.3f}" for value in row))


KINDS = (plain, faint, skewed, turned)


def measure_cache(engine: Engine, n: int) -> None:
    """Print how much faster a second run over the same photos is."""
    photos = {hashlib.md5(cover.photo).digest(): cover.photo for cover in map(plain, range(n))}
    with tempfile.TemporaryDirectory() as folder:
        seconds = []
        for _ in range(2):
            reader = PhotoReader(engine, TranscriptCache(Path(folder, "transcripts.sqlite")), batch_size=64)
            start = time.perf_counter()
            reader.read(photos)
            seconds.append(time.perf_counter() - start)
    print(f"\ncache, {n} photos: {seconds[0]:.2f} s, second run {seconds[1]:.4f} s: {seconds[0] / seconds[1]:.0f} x")


def measure_shelf(ways: dict[str, Read], file: Path, tree_file: Path) -> None:
    """Print the rate on real files' book photos, fronts and backs, read from the cache of nothing."""
    catalog, tree = Catalog(file), Taxonomy.from_csv(tree_file)
    books = np.isin(catalog.leaves(tree), category_leaves(tree, ["BOOKS"]))
    encoded = {photo_md5(p): p for i in np.flatnonzero(books) for p in catalog[int(i)].images}
    photos = [decode_photo(photo).pixels for photo in list(encoded.values())[:SHELF_PHOTOS]]
    print(f"\n{len(photos)} book photos of {file.name}")
    for name, read in ways.items():
        start = time.perf_counter()
        texts = read(photos)
        print(f"{name:<42}{len(photos) / (time.perf_counter() - start):8.2f} photos/s, text on {sum(map(bool, texts))}")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shelf", type=Path, nargs=2, metavar=("BSON", "TREE"))
    parser.add_argument("--backends", action="store_true")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processor cores")
    covers = [plain(number) for number in range(options.photos)]
    if options.backends:
        ways = backends()
        measure_speed(ways, covers, options.repeats)
        if options.shelf:
            measure_shelf(ways, *options.shelf)
        return
    tesseract, rapid = engine_of("name=tesseract"), engine_of()
    on_onnxruntime = engine_of("backend=onnxruntime")
    print(tesseract.settings, rapid.settings, sep="\n")
    fast = {"our tesseract": ours(tesseract), "our rapidocr": ours(rapid)}
    ways = {
        "naive pytesseract": naive_tesseract,
        "rapidocr as it comes": naive_rapidocr(),
        **fast,
        "our rapidocr on onnxruntime": ours(on_onnxruntime),
    }
    measure_speed(ways, covers, options.repeats)
    measure_hard({"rapidocr as it comes": ways["rapidocr as it comes"], **fast}, options.photos)
    measure_cache(rapid, 4 * options.photos)
    if options.shelf:
        measure_shelf(fast, *options.shelf)


if __name__ == "__main__":
    main()
