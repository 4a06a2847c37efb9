"""What products are called: how many have a title, how long these are, whether they repeat, some of each category."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import percent, plural
from catalog.product_text import parted
from catalog.reports.page import Section, Table, TableCell
from catalog.split.same_titles import NO_TITLE, title_numbers
from catalog.texts import Texts
from curation.explore.placement import Placement
from curation.shown_titles import shortened
from text.title_naming import CategoryNaming

Ints = NDArray[np.int64]
MAX_LOOKED_AT = 20_000
"""Labelled products whose titles are held against the names of their categories."""
CATEGORIES = 20
"""The largest ones, of which titles are shown."""
EXAMPLES = 3
AT_MOST = 60
"""Characters of a title among others in a table."""


def titles_section(catalog: Catalog, texts: Texts, placement: Placement, seed: int) -> Section:
    """Titles of a catalogue that has any."""
    length = np.fromiter((len(parted(text)[0]) for text in texts), np.int64, len(texts))
    number = title_numbers(texts)
    titled = number[number != NO_TITLE]
    n_distinct, n_titles = len(np.unique(titled)), len(titled)
    figures: dict[str, Any] = {
        "titles": n_titles,
        "descriptions": texts.n_descriptions,
        "distinct": n_distinct,
        "characters": _lengths(length[length > 0]),
    }
    sentences = [
        f"{plural(n_titles, 'product has', 'products have')} a title ({percent(n_titles / len(texts))}), "
        f"{texts.n_descriptions:,} a description."
    ]
    if n_titles:
        characters = figures["characters"]
        sentences.append(
            f"Half of the titles have {characters['median']:,} characters or more, the shortest "
            f"{characters['shortest']:,}, the longest {characters['longest']:,}."
        )
    if n_distinct < n_titles:
        sentences.append(
            f"{n_distinct:,} titles are distinct but for letter case and blanks: products of one title, mostly "
            "variants of an article, stay on one side of `catalog split`."
        )
    if naming := _naming(texts, placement, seed):
        figures["names_own_category"], figures["names_another"] = naming.own, naming.other
        if naming.sentence:
            sentences.append(f"{naming.sentence}.")
    rows = _by_category(texts, placement, number, np.random.default_rng(seed))
    figures["categories"] = [
        dict(zip(("category", "products", "titles", "distinct", "examples"), r, strict=True)) for r in rows
    ]
    shown = [
        [TableCell(name, " · ".join(shortened(title, AT_MOST) for title in examples)), *counts]
        for name, *counts, examples in rows
    ]
    columns = ["category", "products", "with a title", "distinct"]
    note = f"The largest categories, below each {EXAMPLES} titles drawn at random."
    parts = [Table("Titles by category", columns, shown, note)] if rows else []
    return Section("titles", "Titles", sentences, parts, figures)


def _lengths(length: Ints) -> dict[str, int]:
    if not len(length):
        return {}
    return {"shortest": int(length.min()), "median": int(np.median(length)), "longest": int(length.max())}


def _naming(texts: Texts, placement: Placement, seed: int) -> CategoryNaming | None:
    """Of labelled products drawn at random; None without any, or without a tree."""
    labelled = np.flatnonzero(placement.leaf != UNKNOWN)
    if placement.tree is None or not len(labelled):
        return None
    rng = np.random.default_rng(seed)
    looked_at = rng.permutation(labelled)[:MAX_LOOKED_AT]
    titles = [parted(text)[0] for text in texts.take(looked_at)]
    return CategoryNaming.of(titles, placement.leaf[looked_at], placement.tree, rng)


def _by_category(
    texts: Texts, placement: Placement, number: Ints, rng: np.random.Generator
) -> list[tuple[str, int, int, int, list[str]]]:
    """Of the largest categories: name, products, those with a title, distinct titles, some of them."""
    if placement.tree is None:
        return []
    n_products = np.bincount(placement.leaf[placement.leaf != UNKNOWN], minlength=len(placement.tree))
    rows = []
    for leaf in np.argsort(-n_products, kind="stable")[:CATEGORIES].tolist():
        with_title = np.flatnonzero((placement.leaf == leaf) & (number != NO_TITLE))
        if not len(with_title):
            continue
        numbers, first = np.unique(number[with_title], return_index=True)
        chosen = np.sort(rng.permutation(with_title[first])[:EXAMPLES])
        examples = [parted(text)[0] for text in texts.take(chosen)]
        rows.append((placement.name(leaf), int(n_products[leaf]), len(with_title), len(numbers), examples))
    return rows
