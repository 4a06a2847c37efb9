"""Leaf accuracy of the text model by what it is given, in one run: engine, sentence encoders.

Usage: python bench/text_model.py RUNS [--judge val.bson]

RUNS is a workspace with a plan. Products of the configured categories are read (the workspace's cache knows most of
them), the model is fitted on the plan's first training part and judged on the products held out; with --judge also
fitted on all and judged on another labelled file. Every product counts, one on which nothing was read as wrong.
Encoders that are not installed are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.labels import true_leaves
from ocr.config import OcrConfig
from ocr.expert import read_products
from ocr.loading import make_reader
from ocr.route import category_leaves
from text.encoders import Vectors, with_installed_encoders
from text.model import TextModel
from text.normalize import ProductText
from text.scores import discriminant

CHUNK = 256
ENGINES = {"rapidocr": (), "tesseract": ("engine.name=tesseract",)}


class Books:
    """Texts of books with their leaves, and their vectors by each encoder, computed once."""

    def __init__(self, catalog: Catalog, positions: NDArray[np.int64], leaf: NDArray[np.int64], reader: object) -> None:
        self.texts: list[ProductText] = []
        for start in range(0, len(positions), CHUNK):
            products = catalog.take(positions[start : start + CHUNK])
            self.texts += [reading.product_text for reading in read_products(reader, products)]
        self.positions, self.leaf = positions, leaf[positions]
        self.read = np.array([bool(text.tokens) for text in self.texts])
        self._vectors: dict[str, Vectors] = {}

    def vectors(self, config: OcrConfig) -> list[Vectors]:
        """`(N, D)` of each configured encoder."""
        for name in config.text.encoders:
            if name not in self._vectors:
                model = TextModel(config.text.model_copy(update={"encoders": [name]}))
                self._vectors[name] = model.encode(self.texts)[0]
        return [self._vectors[name] for name in config.text.encoders]


def accuracy(config: OcrConfig, fitted: Books, rows: NDArray[np.bool_], judged: Books, on: NDArray[np.bool_]) -> float:
    """Share of all judged products whose leaf is right."""
    known, asked = np.flatnonzero(rows & fitted.read), np.flatnonzero(on & judged.read)
    model = TextModel(config.text)
    model.fit([fitted.texts[i] for i in known], fitted.leaf[known], [v[known] for v in fitted.vectors(config)])
    right = model.predict([judged.texts[i] for i in asked]) == judged.leaf[asked]
    return float(right.sum() / on.sum())


def vectors_alone(
    config: OcrConfig, fitted: Books, rows: NDArray[np.bool_], judged: Books, on: NDArray[np.bool_]
) -> str:
    """One encoder's vectors under two linear classifiers."""
    known, asked = np.flatnonzero(rows & fitted.read), np.flatnonzero(on & judged.read)
    known_vectors, asked_vectors = fitted.vectors(config)[0][known], judged.vectors(config)[0][asked]
    classes, target = np.unique(fitted.leaf[known], return_inverse=True)
    scores = discriminant(known_vectors, target, len(classes), config.text.covariance_shrinkage).scores(asked_vectors)
    shares = [(classes[scores.argmax(axis=1)] == judged.leaf[asked]).sum() / on.sum()]
    for strength in (2.0, 4.0, 10.0):
        regression = LogisticRegression(C=strength, max_iter=500).fit(known_vectors, classes[target])
        shares.append((regression.predict(asked_vectors) == judged.leaf[asked]).sum() / on.sum())
    return (
        f"discriminant {shares[0]:.3f}, logistic regression C=2 {shares[1]:.3f}, 4 {shares[2]:.3f}, 10 {shares[3]:.3f}"
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--judge", type=Path)
    options = parser.parse_args()
    room = Workspace(options.runs)
    data = TrainingData.of(room)
    base = load_config(OcrConfig, "ocr", None, ())
    installed = list(with_installed_encoders(base.text).encoders)
    read_leaves = category_leaves(data.tree, base.shelves)
    held_out = data.plan.held_out_positions(data.plan.held_out_parts[0])
    for engine, overrides in ENGINES.items():
        config = load_config(OcrConfig, "ocr", None, overrides)
        reader = make_reader(config, room)
        print(reader.engine.settings)
        books = Books(
            data.catalog, data.plan.positions[np.isin(data.leaf[data.plan.positions], read_leaves)], data.leaf, reader
        )
        held = np.isin(books.positions, held_out)
        everything = np.ones(len(held), bool)
        judge = None
        if options.judge:
            catalog = Catalog(options.judge)
            leaf = true_leaves(catalog, data.tree, None)
            judge = Books(catalog, np.flatnonzero(np.isin(leaf, read_leaves)), leaf, reader)
        title = f"{'held out (n = ' + str(held.sum()) + ')':>20}"
        print(
            f"{'':<38}{title}" + (f"{options.judge.name + ' (n = ' + str(len(judge.leaf)) + ')':>24}" if judge else "")
        )
        sets = [[], *([name] for name in installed), *([installed] if len(installed) > 1 else [])]
        variants = {f"encoders: {', '.join(names) or 'none'}": {"encoders": names} for names in sets}
        for name, changes in variants.items():
            variant = config.model_copy(update={"text": config.text.model_copy(update=changes)})
            line = f"{name:<38}{accuracy(variant, books, ~held, books, held):20.3f}"
            if judge:
                line += f"{accuracy(variant, books, everything, judge, np.ones(len(judge.leaf), bool)):24.3f}"
            print(line, flush=True)
        for name in installed:
            variant = config.model_copy(update={"text": config.text.model_copy(update={"encoders": [name]})})
            print(f"vectors of {name} alone, held out: {vectors_alone(variant, books, ~held, books, held)}", flush=True)
        if engine == "rapidocr":
            known = {books.texts[i].tokens for i in np.flatnonzero(~held & books.read)}
            same = sum(books.texts[i].tokens in known for i in np.flatnonzero(held & books.read))
            print(f"held-out products with the very text of a training product: {same}")


if __name__ == "__main__":
    main()
