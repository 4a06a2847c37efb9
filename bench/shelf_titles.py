"""What a title adds where half of the books have one, and that it takes nothing away from the others.

    catalog split train.bson --tree category_names.csv
    mosaic train --config shelf --n-images any
    ocr train
    python bench/shelf_titles.py WORKSPACE

No true title of the shelf benchmark's books is at hand: what OCR reads on a book stands for it, on half of the books,
drawn by chance. The title expert then learns from the very words that the text expert reads: nothing is to be gained by
it, and the head must not lose by hearing them twice. Both heads are cross-fitted on the plan's held-out products.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import bson
import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics.intervals import paired_difference
from catalog.metrics.product_scores import ProductScores
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from catalog.texts import Texts
from fusion.config import FusionConfig
from fusion.experts.all_experts import KINDS, AllExperts
from fusion.experts.titles import TitleExperts
from fusion.heads.comparison import compare_heads
from fusion.training.held_out import gather_held_out
from ocr.config import OcrConfig
from ocr.expert import read_products
from ocr.loading import make_reader
from ocr.route import category_leaves
from text.title_probabilities import EXPERT

SEED = 0


def titled(catalog: Catalog, titles: dict[int, str], folder: Path) -> Texts:
    """The texts of a catalogue in which the products at some positions have titles."""
    path = folder / "titled.bson"
    with path.open("wb") as file:
        for position, product in enumerate(catalog):
            title = {"title": titles[position]} if position in titles else {}
            # whose they are is all that is asked of it
            file.write(bson.encode({"_id": product.product_id, "imgs": [{"picture": b""}], **title}))
    return Catalog(path).titles()


def line(name: str, own: ProductScores, before: ProductScores, rows: NDArray[np.bool_]) -> str:
    """Leaf accuracy before and with titles on some products, their difference with its interval, and log losses."""
    right, without = own.correct[rows, -1], before.correct[rows, -1]
    gain, low, high = (100 * value for value in paired_difference(right, without))
    losses = [scores.nll[rows, -1].mean() for scores in (before, own)]
    return (
        f"{name:20}{int(rows.sum()):>5}{100 * without.mean():>9.1f}{100 * right.mean():>13.1f}"
        f"   {gain:+.2f} ({low:+.2f} to {high:+.2f})   {losses[0]:.3f}   {losses[1]:.3f}"
    )


def main(folder: str) -> None:
    """Print what the titles do to each kind of product."""
    workspace, config = Workspace(folder), load_config(FusionConfig, "fusion")
    data = TrainingData.of(workspace)
    ocr_config = load_config(OcrConfig, "ocr")
    is_book = np.isin(data.leaf, category_leaves(data.tree, ocr_config.categories))
    books = np.flatnonzero(is_book)
    half = np.sort(np.random.default_rng(SEED).permutation(books)[: len(books) // 2])
    reader = make_reader(ocr_config, workspace)
    texts = [reading.text for reading in read_products(reader, data.catalog.take(half))]
    reader.close()
    today = AllExperts.latest(workspace, data)
    held_out, today = gather_held_out(data, today)
    before = compare_heads(held_out, config)
    with tempfile.TemporaryDirectory() as place:
        titles = titled(data.catalog, dict(zip(half.tolist(), texts, strict=True)), Path(place))
        kinds = [*today.kinds, TitleExperts(data, titles).configured(config)]
        order = {kind: place for place, kind in enumerate(KINDS)}
        both, _ = gather_held_out(data, AllExperts(tuple(sorted(kinds, key=lambda kind: order[type(kind)]))))
        has_title = np.array([bool(text) for text in titles.take(catalog_positions(data.catalog, both.product_ids))])
    with_titles = compare_heads(both, config)
    title = both.experts[both.names.index(EXPERT)]
    own, old = with_titles.scores[with_titles.chosen], before.scores[before.chosen]
    books_here = is_book[catalog_positions(data.catalog, both.product_ids)]
    print(f"{len(both)} held-out products; experts {', '.join(held_out.names)}; then {', '.join(both.names)}")
    speaks = [int(title.speaks[rows].sum()) for rows in (has_title, ~has_title)]
    print(
        f"titles on {len(half)} of {len(books)} books; the title expert speaks on {speaks[0]} of {int(has_title.sum())}"
    )
    print(f"held-out products with one, and on {speaks[1]} of {int((~has_title).sum())} without")
    print(f"heads that decide: {before.chosen}, with titles {with_titles.chosen}")
    print(f"{'leaf, in %':20}{'n':>5}{'today':>9}{'with titles':>13}   difference                log loss, both")
    for name, rows in {
        "all": np.ones(len(both), bool),
        "books with a title": has_title,
        "books without": books_here & ~has_title,
        "groceries": ~books_here,
    }.items():
        print(line(name, own, old, rows))


if __name__ == "__main__":
    main(*sys.argv[1:2])
