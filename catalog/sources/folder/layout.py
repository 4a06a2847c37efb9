"""What a folder of photos shows of how it is laid out: whether each deepest folder is a product, or each photo."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from catalog.files.atomic import write_text
from catalog.files.sidecar import place_to_write
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import id_number
from catalog.product import MAX_IMAGES
from catalog.sources.folder.folder_names import CategoryFolders, id_of_name
from catalog.sources.folder.walk import Folder
from catalog.sources.photo_file import without_photo_ending
from catalog.sources.photo_files import shown

ENOUGH = 1000
"""Folders with photos after which a tree that names less than half of them is believed to name no more."""


FEW = 100
"""Folders in folders after which those that mostly hold four photos or less are believed to be products."""


class Layout(StrEnum):
    """What one product is."""

    PRODUCT = "product"
    """The deepest folders are products, `class/product/1.jpg`; the folders above name the category."""
    PHOTO = "photo"
    """Each photo is a product, `class/photo.jpg`; the folders that it lies in name the category."""


@dataclass(frozen=True, slots=True)
class LaidOut:
    """How a folder is read; `named_by_path`: photos that are products are named by their paths, not by their names."""

    layout: Layout
    named_by_path: bool = False


@dataclass
class Survey:
    """What the folders with photos have in common, as far as they were looked at.

    Attributes:
        deepest: those without folders in them, each with its number of photos.
        n_photos: all photos that lie in a folder, and not beside the top ones.
        n_categories: of the deepest folders, those that are categories of the tree.
        above: the different folders that the deepest ones lie in, at most two.
        ids: numbers of the ids that the photos' own names give them.
    """

    deepest: list[tuple[bytes, int]] = field(default_factory=list)
    n_photos: int = 0
    n_categories: int = 0
    above: set[bytes] = field(default_factory=set)
    ids: array[int] = field(default_factory=lambda: array("q"))

    @property
    def is_by_category(self) -> bool:
        """Whether most of the deepest folders are categories of the tree."""
        return 2 * self.n_categories > len(self.deepest)

    @property
    def reason(self) -> str:
        """Why each photo is a product, for people."""
        folders = plural(len(self.deepest), "folder")
        return (
            f"{self.n_categories} of {folders} are categories of the tree; if each folder is one, "
            f"--layout {Layout.PRODUCT}"
        )

    @property
    def has_namesakes(self) -> bool:
        """Whether photos in different folders are called the same, so that only their paths tell them apart."""
        return bool(self.ids) and len(np.unique(np.frombuffer(self.ids, np.int64))) < len(self.ids)

    def is_unsure(self, categories: CategoryFolders) -> bool:
        """Whether `class/photo.jpg` and `product/1.jpg` look the same: no tree, and no class folder above.

        Folders of one photo each are products: nobody has as many categories as products. Where folders lie in folders,
        the deepest ones are products, too, unless most of them hold more photos than are used of one.
        """
        if categories.tree is not None or not self.deepest or all(n == 1 for _, n in self.deepest):
            return False
        if categories.is_class(self.deepest[0][0].split(b"/")[:-1]):
            return False
        return len(self.above) == 1 or self.is_crowded

    @property
    def is_crowded(self) -> bool:
        """Whether most of the deepest folders hold more photos than a product has."""
        return 2 * sum(n > MAX_IMAGES for _, n in self.deepest) > len(self.deepest)

    def question(self, path: str) -> str:
        """The message that shows both readings of a folder, and asks for one."""
        counts = f"{plural(self.n_photos, 'photo')} in {plural(len(self.deepest), 'folder')}"
        sizes = listed([f"{shown(name)}: {plural(n, 'photo')}" for name, n in self.deepest], 3)
        names = listed([shown(name) for name, _ in self.deepest], 3)
        products = plural(len(self.deepest), "product")
        categories = plural(len(self.deepest), "category", "categories")
        return (
            f"{path}: {counts} can be read in two ways, and nothing tells which:\n"
            f"  --layout {Layout.PRODUCT}  each folder is a product: {products} ({sizes})\n"
            f"  --layout {Layout.PHOTO}    each photo is a product: {plural(self.n_photos, 'product')} in "
            f"{categories} ({names})\n"
            "give one of them (it is kept beside the folder for later commands), or the category tree with --tree: "
            "folders that it names are recognised"
        )


def survey(folders: Iterable[Folder], categories: CategoryFolders, *, whole: bool) -> Survey:
    """Look at folders: at all of them where `whole`, else until it is clear that each deepest one is a product.

    Files that nobody has looked into are taken for photos.
    """
    seen = Survey()
    for folder in folders:
        photos = [*folder.photos, *folder.unsure]
        if not photos or not folder.path:
            continue
        seen.n_photos += len(photos)
        seen.ids.extend(id_number(id_of_name(os.fsdecode(without_photo_ending(photo)))) for photo in photos)
        if folder.folders:
            continue
        seen.deepest.append((folder.path, len(photos)))
        seen.n_categories += categories.is_category(folder.path.split(b"/"))
        if len(seen.above) < 2:
            seen.above.add(folder.path.rpartition(b"/")[0])
        if not whole and _is_clear(seen, categories):
            break
    return seen


def _is_clear(seen: Survey, categories: CategoryFolders) -> bool:
    """Whether products are the deepest folders, whatever comes."""
    if categories.tree is None:
        if categories.is_class(seen.deepest[0][0].split(b"/")[:-1]):
            return True
        return len(seen.above) > 1 and len(seen.deepest) >= FEW and not seen.is_crowded
    return len(seen.deepest) >= ENOUGH and not seen.is_by_category


def is_empty_category(folder: Folder, layout: Layout, categories: CategoryFolders) -> bool:
    """Whether a folder is a category without products, rather than a product without photos."""
    if not folder.path or folder.photos or folder.folders:
        return False
    return layout is Layout.PHOTO or categories.is_category(folder.path.split(b"/"))


def write_layout(path: Path, layout: Layout) -> None:
    """Keep a layout in a file of its own."""
    place = place_to_write(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_text(place, f"{layout}\n")


def read_layout(path: Path) -> Layout | None:
    """The layout that such a file holds; None without one."""
    try:
        return Layout(path.read_text(encoding="utf-8").strip())
    except (FileNotFoundError, ValueError):
        return None
