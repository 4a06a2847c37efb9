"""What `rayonnage fit` makes of a catalogue, beside what a competent person would write in an hour.

    rayonnage fit DATA/products.csv --time 10m --workspace WORKSPACE          (gallery)
    rayonnage fit DATA/train.bson --time 15m --workspace WORKSPACE            (shelf)
    python bench/fit.py gallery|shelf DATA WORKSPACE [WORKSPACE ...] [--without-fit]

DATA is the catalogue's folder, WORKSPACE a fitted one; several have one plan, as fits of one catalogue in different
times have. The person's model: frozen EfficientNet-Lite0 features averaged
over a product's photos beside TF-IDF of words, pairs of words and characters (of titles; on shelf of what is read on
all photos, where the fit has read), and logistic regression on both side by side; its strictness and the weight of the
words by cross-validation within what is learnt from, copies and articles kept together. The same without words, and
words alone, stand below. Everything is told of the workspace's held-out products, the fit's head cross-fitted;
intervals are of groups of products that the plan keeps together, and paired. --without-fit: a workspace with a plan
alone (`catalog split`), for the person's figures.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gallery import Predict, held_out_scores, interval
from numpy.typing import NDArray
from shelf_reference import features, texts
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.preprocessing import StandardScaler

from catalog.metrics.product_scores import ProductScores, paired_rows
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from fusion.head_artifacts import CROSS_FIT
from rayonnage.fitting.progress.journal import FitJournal

PERSON = "features + TF-IDF, regression on both"
PHOTOS, WORDS = "frozen features alone", "TF-IDF alone"
BOOKS = "BOOKS"
STRICTNESS = (1.0, 10.0, 100.0)
"""C of the regression, on rows of length 1."""
WEIGHTS = (0.5, 1.0, 2.0)
"""Of the words beside the features."""
FEW = 2000
"""Products up to which three folds choose; of more one part does: a person has an hour."""
MOST_TERMS = 3000
"""Columns of words, and of characters: with them a dense matrix, and a regression in minutes."""
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Person:
    """What a person would write.

    Attributes:
        x: `(N, 1280)` frozen features of every product of the catalogue, or None without photos.
        words: N texts, or None without words. leaf, group: `(N,)`.
    """

    x: Floats | None
    words: list[str] | None
    leaf: NDArray[np.int64]
    group: NDArray[np.int64]

    def predict(self, learnt: Rows, asked: Rows) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The leaves that are known, and their probabilities, by a model of what is learnt from."""
        both = self.x is not None and self.words is not None
        settings = list(itertools.product(STRICTNESS, WEIGHTS if both else (1.0,)))
        right = dict.fromkeys(settings, 0)
        few = len(learnt) <= FEW
        parts = GroupKFold(3) if few else GroupShuffleSplit(1, test_size=0.25, random_state=0)
        for fit_on, try_on in parts.split(learnt, groups=self.group[learnt]):
            blocks = self._blocks(learnt[fit_on], learnt[try_on])
            for strictness, weight in settings:
                model, inside = self._fitted(blocks, self.leaf[learnt[fit_on]], strictness, weight)
                right[strictness, weight] += int((model.predict(inside) == self.leaf[learnt[try_on]]).sum())
        best = max(settings, key=lambda setting: right[setting])
        model, inside = self._fitted(self._blocks(learnt, asked), self.leaf[learnt], *best)
        return model.classes_, model.predict_proba(inside)

    def _blocks(self, learnt: Rows, asked: Rows) -> list[tuple[Floats, Floats]]:
        """Columns of each kind for both, in rows of length about 1; photos first."""
        blocks = []
        if self.x is not None:
            scaler = StandardScaler().fit(self.x[learnt])
            scale = np.sqrt(self.x.shape[1])
            blocks.append(
                tuple((scaler.transform(self.x[rows]) / scale).astype(np.float32) for rows in (learnt, asked))
            )
        if self.words is not None:
            terms = [
                TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=MOST_TERMS),
                TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 5), min_df=2,
                                max_features=MOST_TERMS),
            ]  # fmt: skip
            known, other = ([self.words[row] for row in rows] for rows in (learnt, asked))
            fitted = [(each.fit_transform(known), each.transform(other)) for each in terms]
            blocks.append(
                tuple(
                    np.hstack([one.toarray() for one in side]).astype(np.float32) for side in zip(*fitted, strict=True)
                )
            )
        return blocks

    def _fitted(
        self, blocks: list[tuple[Floats, Floats]], leaf: NDArray[np.int64], strictness: float, weight: float
    ) -> tuple[LogisticRegression, Floats]:
        weights = (1.0, weight)[: len(blocks)]
        known, asked = (
            np.hstack([of * block[side] for of, block in zip(weights, blocks, strict=True)]) for side in (0, 1)
        )
        if known.shape[0] < known.shape[1]:
            # the same regression in the space of the rows, twenty times faster
            basis = np.linalg.qr(known.T)[0]
            known, asked = known @ basis, asked @ basis
        return LogisticRegression(C=strictness, max_iter=300).fit(known, leaf), asked


def person_ways(labelled: TrainingData, words: list[str]) -> dict[str, tuple[ProductScores, float]]:
    """What the person's models say of the held-out products, and the seconds that each took, words apart."""
    begun = time.perf_counter()
    x = features(labelled.catalog)
    looking = time.perf_counter() - begun
    group = np.full(len(labelled.catalog), -1, np.int64)
    group[labelled.plan.positions] = labelled.plan.linked(labelled.catalog, labelled.plan.positions)
    kinds = {PERSON: (x, words), PHOTOS: (x, None), WORDS: (None, words)}
    if not any(words):
        kinds = {PHOTOS: (x, None)}
    ways = {}
    for name, (own, said) in kinds.items():
        predict: Predict = Person(own, said, labelled.leaf, group).predict
        begun = time.perf_counter()
        scores = held_out_scores(labelled, predict)
        ways[name] = scores, time.perf_counter() - begun + (looking if own is not None else 0.0)
    return ways


def words_of(which: str, labelled: TrainingData, workspace: Workspace) -> tuple[list[str], float]:
    """Titles; on shelf what is read on all photos, where the fit has read. And the seconds that reading took."""
    if which == "gallery":
        return [text.partition("\n")[0] for text in labelled.catalog.titles()], 0.0
    if workspace.latest("ocr") is None:
        return [""] * len(labelled.catalog), 0.0
    begun = time.perf_counter()
    # transcripts of its own: the fit's cache holds some of them
    apart = Workspace(workspace.folder.with_name(f"{workspace.folder.name}-person"))
    return texts(labelled.catalog, np.ones(len(labelled.catalog), bool), apart), time.perf_counter() - begun


def fit_of(workspace: Workspace) -> tuple[str, tuple[ProductScores, float]]:
    """A fit's name, what its head says of the held-out products, cross-fitted, and the seconds that it took."""
    state = FitJournal(workspace).state
    scores = ProductScores.load(workspace.require("fusion").folder / CROSS_FIT)
    return f"rayonnage fit, {workspace.folder}", (scores, np.nan if state is None else state.seconds)


def main() -> None:
    """Print a line for each way, then how far each fit is ahead of each person's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["gallery", "shelf"])
    parser.add_argument("data", type=Path)
    parser.add_argument("workspaces", type=Path, nargs="+", metavar="WORKSPACE")
    parser.add_argument("--without-fit", action="store_true")
    options = parser.parse_args()
    workspaces = [Workspace(folder) for folder in options.workspaces]
    labelled = TrainingData.of(workspaces[0])
    if options.data.resolve() not in Path(labelled.catalog.address).resolve().parents:
        parser.error(f"{workspaces[0].folder} is of {labelled.catalog.address}, not of {options.data}")
    if any(TrainingData.of(other).plan.plan_id != labelled.plan.plan_id for other in workspaces[1:]):
        parser.error("the workspaces hold different products out")
    words, reading = words_of(options.which, labelled, workspaces[0])
    persons = person_ways(labelled, words)
    fits = {} if options.without_fit else dict(map(fit_of, workspaces))
    ways = {**fits, **persons}

    def group_of(scores: ProductScores) -> NDArray[np.int64]:
        positions = catalog_positions(labelled.catalog, scores.product_ids)
        return np.unique(labelled.plan.linked(labelled.catalog, positions), return_inverse=True)[1]

    books = labelled.tree.leaves_below(BOOKS) if options.which == "shelf" else np.zeros(0, np.int64)
    kinds = {"all": lambda truth: np.ones(len(truth), bool)}
    if options.which == "shelf":
        kinds |= {"groceries": lambda truth: ~np.isin(truth, books), "books": lambda truth: np.isin(truth, books)}
    for kind, of in kinds.items():
        print(f"\n{kind}: right leaf in %, 95 % interval" + ("; seconds in all" if kind == "all" else ""))
        for name, (scores, seconds) in ways.items():
            rows = scores.select(of(scores.truth))
            cell = interval(rows.correct[:, -1].astype(float), group_of(rows))
            took = f"  {seconds:6.0f} s" if kind == "all" else ""
            print(f"  {name:<40}{len(rows):>6}  {cell:<24}{took}")
        for fit, (fused, _) in fits.items():
            for name, (scores, _) in persons.items():
                own, theirs = paired_rows(fused, scores)
                inside = of(own.truth)
                gain = own.correct[inside, -1].astype(float) - theirs.correct[inside, -1]
                told = interval(gain, group_of(own.select(inside)))
                print(f"  {f'{fit} less {name}':<64}{inside.sum():>6}  {told}")
    if reading:
        print(f"\nreading all photos took {reading:.0f} s more for what has words; what was read before costs nothing")


if __name__ == "__main__":
    main()
