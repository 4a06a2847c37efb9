"""The title model against TF-IDF with logistic regression, and its speed on a hundred thousand made-up titles.

Usage: python bench/title_model.py GALLERY [--books SHELF] [--kept RUNS] [--titles 100000] [--leaves 5270] [--threads 2]

GALLERY is a folder with `products.csv` (title, category_path): five folds, products of one title in one of them. Both
models get the same folds; intervals come from drawing titles, not products, which are right or wrong together. The
title model's dimensions and its words' shrinkage were chosen on these very titles, among two dozen settings that differ
by less than the intervals: its lead here is at best what it seems. SHELF is a folder with `train.bson` and
`category_names.csv`: what is read on 400 books stands for titles; how an encoder's vectors are shrunk, and that words
in capitals are written as names for it, was chosen on all books of that file. Transcripts are kept in RUNS.

The made-up titles have a kind of product that a leaf shares with none, or with its neighbour, among brands, models,
sizes, colours and measures that all leaves share: their accuracy says only that the model learnt, their number what it
costs. A tenth as many more are predicted, to the list of likely leaves that the head takes.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("gallery", type=Path)
parser.add_argument("--books", type=Path)
parser.add_argument("--kept", type=Path)
parser.add_argument("--titles", type=int, default=100_000)
parser.add_argument("--leaves", type=int, default=5270)
parser.add_argument("--threads", type=int, default=2)
OPTIONS = parser.parse_args()
# before NumPy is loaded, which asks once
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(OPTIONS.threads)

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.sparse import hstack  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from fusion.experts.titles import TitleExpert  # noqa: E402
from text.title_encoder import TitleEncoder  # noqa: E402
from text.title_model import TitleModel  # noqa: E402
from text.titles import TitleWords  # noqa: E402

FOLDS, SEEDS, DRAWS = 5, 3, 2000
ENCODER = TitleEncoder("use", remember=True)
OURS = ("title model with use", "title model, words")
Probabilities = NDArray[np.floating]
Fit = Callable[[list[str], NDArray[np.int64], list[str]], Probabilities]


def ours(
    known: list[str], target: NDArray[np.int64], asked: list[str], encoder: TitleEncoder | None = ENCODER
) -> Probabilities:
    """The title model's probabilities."""
    model = TitleModel.fit(list(map(TitleWords.of, known)), target, encoder=encoder)
    return model.predict_proba(list(map(TitleWords.of, asked)))


def regression(known: list[str], target: NDArray[np.int64], asked: list[str], strength: float = 10.0) -> Probabilities:
    """Words, pairs of words and characters under logistic regression."""
    blocks = [
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)),
        TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 5)),
    ]
    features = hstack([block.fit_transform(known) for block in blocks])
    model = LogisticRegression(C=strength, tol=1e-3, max_iter=200).fit(features, target)
    return np.asarray(model.predict_proba(hstack([block.transform(asked) for block in blocks])))


def gallery(folder: Path) -> None:
    """The shop's titles."""
    with (folder / "products.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    print(f"gallery: the titles of {len(rows)} products")
    compare([row["title"] for row in rows], [row["category_path"] for row in rows])


def books(folder: Path, n: int) -> None:
    """What is read on the covers of some books, as if it were their titles."""
    from catalog.catalog import Catalog
    from catalog.runs.config import load_config
    from catalog.runs.workspace import Workspace
    from catalog.split.labels import true_leaves
    from catalog.tree.taxonomy import Taxonomy, path_text
    from ocr.config import OcrConfig
    from ocr.expert import read_products
    from ocr.loading import make_reader
    from ocr.route import category_leaves

    catalog, tree = Catalog(folder / "train.bson"), Taxonomy.from_csv(folder / "category_names.csv")
    config, leaf = load_config(OcrConfig, "ocr"), true_leaves(catalog, tree)
    positions = np.flatnonzero(np.isin(leaf, category_leaves(tree, config.shelves)))
    positions = np.sort(np.random.default_rng(0).permutation(positions)[:n])
    with tempfile.TemporaryDirectory() as place:
        reader = make_reader(config, Workspace(OPTIONS.kept or Path(place)))
        # the text that people read, in one line: as a title it has no photo and no confidence
        texts = [reading.text for reading in read_products(reader, catalog.take(positions))]
        reader.close()
    rows = [row for row, text in enumerate(texts) if TitleWords.of(text).any]
    print(f"books: words read on {len(rows)} of {len(positions)} books")
    compare([texts[row] for row in rows], [path_text(tree.paths[leaf[positions[row]]]) for row in rows])


def compare(titles: list[str], leaf_paths: list[str]) -> None:
    """The models in folds by title, and how far they are apart."""
    paths, target = np.unique(leaf_paths, return_inverse=True)
    parents = np.array([path.rsplit(" > ", 1)[0] for path in paths])
    distinct, group = np.unique(titles, return_inverse=True)
    print(f"{len(distinct)} distinct titles, {len(paths)} leaves; {FOLDS} folds by title, {SEEDS} times")
    print("right, in percent; log loss")
    models: dict[str, Fit] = {
        OURS[0]: ours,
        OURS[1]: lambda *given: ours(*given, None),
        "regression, C = 1": lambda *given: regression(*given, 1.0),
        "regression, C = 10": regression,
    }
    right: dict[str, NDArray[np.float64]] = {}
    for name, fit in models.items():
        hits = np.zeros((SEEDS, 2, len(titles)))
        loss = 0.0
        for seed in range(SEEDS):
            fold = np.random.default_rng(seed).permutation(len(distinct))[group] % FOLDS
            for number in range(FOLDS):
                known, asked = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
                classes, known_target = np.unique(target[known], return_inverse=True)
                found = np.zeros((len(asked), len(paths)))
                found[:, classes] = fit([titles[i] for i in known], known_target, [titles[i] for i in asked])
                best = found.argmax(axis=1)
                hits[seed, 0, asked] = best == target[asked]
                hits[seed, 1, asked] = parents[best] == parents[target[asked]]
                loss -= np.log(np.maximum(found[np.arange(len(asked)), target[asked]], 1e-12)).sum()
        right[name] = hits.mean(axis=0)
        leaf, parent = 100 * right[name].mean(axis=1)
        print(f"  {name:<21}leaf {leaf:5.1f}   Cat II {parent:5.1f}   log loss {loss / SEEDS / len(titles):.3f}")
    print("title model less others, points and 95 % interval of the paired difference")
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(distinct), (DRAWS, len(distinct)))
    counts = np.stack([np.bincount(row, minlength=len(distinct)) for row in drawn])[:, group]
    for own, name in [(OURS[0], OURS[1]), *((own, other) for own in OURS for other in list(models)[2:])]:
        told = []
        for level in (0, 1):
            difference = 100 * (right[own][level] - right[name][level])
            low, high = np.percentile((counts @ difference) / counts.sum(axis=1), [2.5, 97.5])
            told.append(f"{difference.mean():+5.1f} ({low:+.1f} to {high:+.1f})")
        print(f"  {own} less {name}: leaf {told[0]}   Cat II {told[1]}", flush=True)


def made_up(n: int, n_leaves: int, seed: int = 0) -> tuple[list[str], NDArray[np.int64]]:
    """Titles of a seeded grammar; leaves differ a thousandfold in size, as a marketplace's do."""
    # Python's own generator: NumPy's takes a hundred times as long for one number
    rng = random.Random(seed)
    syllables = [a + b for a in "bcdfglmnprstv" for b in ("a", "e", "i", "o", "u", "ou", "an", "er")]

    def words(count: int) -> list[str]:
        return ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(count)]

    kinds, brands, fillers = words(n_leaves), words(4000), words(3000)
    colours = ["noir", "blanc", "Rouge", "BLEU", "black", "white", "gr\u00fcn", "argent\u00e9"]
    leaf = rng.choices(range(n_leaves), [1 / place**0.7 for place in range(1, n_leaves + 1)], k=n)
    titles = []
    for number in leaf:
        kind = kinds[number] if rng.random() < 0.7 else f"{kinds[number - number % 2]} {kinds[number]}"
        parts = [
            kind.upper() if rng.random() < 0.2 else kind, brands[min(int(rng.expovariate(1 / 300)), 3999)].title(),
            *rng.choices(fillers, k=rng.randint(1, 4)),
            f"{rng.choice('ABCWX')}{rng.choice('HKT')}-{rng.randint(10, 9999)}X{rng.randint(0, 9)}",
            rng.choice(colours),
        ]  # fmt: skip
        parts += [f"{rng.choice([16, 32, 64, 128, 256])} Go"] if rng.random() < 0.2 else []
        parts += [f"{rng.randint(34, 46)}/{rng.randint(34, 46)}"] if rng.random() < 0.2 else []
        parts += ["d&eacute;stockage <b>neuf</b>"] if rng.random() < 0.1 else []
        rng.shuffle(parts)
        titles.append(" ".join(parts))
    return titles, np.array(leaf, np.int64)


def speed(n: int, n_leaves: int, encoder: TitleEncoder | None) -> None:
    """Seconds of a fit, titles a second, memory."""
    titles, leaf = made_up(n + n // 10, n_leaves)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start, computed = time.perf_counter(), time.process_time()
    model = TitleModel.fit(list(map(TitleWords.of, titles[:n])), leaf[:n], encoder=encoder)
    fitted, computed = time.perf_counter() - start, time.process_time() - computed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    asked, truth = titles[n:], leaf[n:]
    expert = TitleExpert(model, "tree", "plan")
    start, busy = time.perf_counter(), time.process_time()
    found = expert.of(np.arange(len(asked)), asked)
    rate, busy = len(asked) / (time.perf_counter() - start), len(asked) / (time.process_time() - busy)
    right = 100 * (found.leaves[:, 0] == truth).mean()
    kept = sum(a.nbytes for a in (model.basis, model.centroids.data, model.centroids.indices, model.coef)) / 2**20
    told = "words alone" if encoder is None else f"with {encoder.name}"
    print(
        f"{n} made-up titles of {len(model.classes)} leaves, {told}, {OPTIONS.threads} threads; the first: {titles[0]}"
    )
    memory = f"{peak - before:.2f} GiB more, {kept:.0f} MiB kept"
    print(f"  fit in {fitted:.0f} s, {computed:.0f} s of processor time; {memory}")
    print(f"  {rate:.0f} titles a second, {busy:.0f} in a second of processor time; {right:.1f} % right")
    print(f"  out of fold: {', '.join(f'{name} {value:.3g}' for name, value in model.figures.items())}")


def main() -> None:
    """Measure, print."""
    gallery(OPTIONS.gallery)
    if OPTIONS.books:
        books(OPTIONS.books, 400)
    for encoder in (None, TitleEncoder("use")):
        speed(OPTIONS.titles, OPTIONS.leaves, encoder)


if __name__ == "__main__":
    main()
