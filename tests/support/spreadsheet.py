"""A catalogue as a shop's own spreadsheet: ids that are texts, titles, paths of its own tree."""

from __future__ import annotations

import csv
from pathlib import Path

from catalog.catalog import Catalog
from catalog.tree.taxonomy import Taxonomy

KINDS = ("Nova", "Ziro", "Beka")


def text_id(number: int) -> str:
    """The id by which the spreadsheet knows a product: some with leading zeros, the others no numbers at all."""
    return f"{number:06d}" if number % 3 == 0 else f"MH{number:03d}-gray"


def write_spreadsheet(catalog: Catalog, path: Path, tree: Taxonomy | None) -> None:
    """Write the products' photos beside a CSV of them, with `category_path` where there is a tree.

    Every seventh product has no title.
    """
    photos = path.with_suffix("")
    photos.mkdir()
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["product_id", "title", *([] if tree is None else ["category_path"]), "photos"])
        for number, product in enumerate(catalog):
            names = []
            for rank, photo in enumerate(product.images):
                names.append(f"{photos.name}/{number}-{rank}.jpg")
                (path.parent / names[-1]).write_bytes(photo)
            leaf = () if tree is None else tree.paths[int(tree.leaf_index(product.category_id))]
            what = leaf[-1].lower() if leaf else "article"
            title = "" if number % 7 == 0 else f"{KINDS[number % len(KINDS)]} {what} n\u00b0 {number}"
            rows.writerow([text_id(number), title, *([] if tree is None else [" > ".join(leaf)]), "|".join(names)])
