"""What the names of folders say: the order of photos, a product's id, a category."""

import csv
import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from catalog.files.atomic import atomic_path
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import listed
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import LEVEL_NAMES, Taxonomy, path_text

DIGITS = re.compile(rb"[0-9]+")
ID = re.compile(r"-?[0-9]{1,19}")
UNLABELLED = "unlabelled"
"""Class folder of products without a category."""


def natural_key(name: bytes) -> bytes:
    """Sorts names as people count: 1, 2, 10; runs of digits are put behind their length, the name decides ties."""
    return DIGITS.sub(lambda run: b"0%03d%s" % (len(number := run[0].lstrip(b"0")), number), name) + b"\0" + name


def product_id_of(name: str) -> tuple[int, bool]:
    """A product's id, and whether the name says it: an integer is the id itself.

    Any other name gives a number of 63 bits that is the same everywhere: the BLAKE2b digest (8 bytes, big-endian, first
    bit cleared) of the name in Unicode form NFC, encoded as UTF-8.
    """
    number = _number(name)
    if number is not None:
        return number, True
    text = unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") & (2**63 - 1), False


class ProductNames:
    """Gives ids to product names, and keeps those that are no integers in a CSV, `product_id,name`.

    The CSV takes its place when `stack` ends without an error.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self.stack = path, stack
        self._writer: Any = None

    @property
    def unused(self) -> bool:
        """Whether every name so far was an integer."""
        return self._writer is None

    def id_of(self, name: str) -> int:
        """The id of `product_id_of`, kept where the name does not say it."""
        product_id, is_in_name = product_id_of(name)
        if not is_in_name:
            if self._writer is None:
                temporary = self.stack.enter_context(atomic_path(self.path))
                file = temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="")
                self._writer = csv.writer(self.stack.enter_context(file), lineterminator="\n")
                self._writer.writerow(["product_id", "name"])
            self._writer.writerow([product_id, name])
        return product_id


class CategoryFolders:
    """Finds the category of class folders: one named by a category_id, or a path of names from the tree."""

    def __init__(self, tree: Taxonomy | None) -> None:
        self.tree = tree
        self.depth = 0 if tree is None else tree.depth
        self.exact: dict[tuple[str, ...], set[int]] = defaultdict(set)
        self.loose: dict[tuple[str, ...], set[int]] = defaultdict(set)
        self.nodes: set[tuple[str, ...]] = set()
        self.ends: dict[tuple[str, ...], set[int]] = defaultdict(set)
        if tree is not None:
            for leaf_id, path in zip(tree.leaf_ids.tolist(), tree.paths, strict=True):
                self.exact[path].add(leaf_id)
                loose = tuple(map(_loose, path))
                self.loose[loose].add(leaf_id)
                self.nodes.update(loose[:level] for level in range(1, len(loose) + 1))
                for start in range(1, len(loose)):
                    self.ends[loose[start:]].add(leaf_id)
        self.words = {name for node in self.nodes for name in node}

    def category_of(self, folders: Sequence[bytes]) -> tuple[int, str]:
        """The category_id that class folders (outermost first) name, or -1 and why they name none.

        The deepest folder named by a category_id of the tree wins; then the last of them, as many as the tree has
        levels, are matched with its paths, to the letter first, then without regard to Unicode form, case, punctuation
        and blanks, which a file system may not keep; of fewer folders in all, the end of a path that only one leaf has
        is enough. Without a tree, and where nothing of it matches, any integer is a category_id.
        """
        names = [os.fsdecode(folder) for folder in folders]
        numbers = [number for name in names if (number := _number(name)) is not None]
        known = [number for number in numbers if self._is_leaf(number)]
        category_id, why = (known[-1], "") if known else self._named(tuple(names[-self.depth :]))
        if category_id == NO_CATEGORY and numbers:
            return numbers[-1], ""
        return (NO_CATEGORY, "") if UNLABELLED in names else (category_id, why)

    def is_class(self, folders: Sequence[bytes]) -> bool:
        """Whether what lies below these folders (outermost first) is labelled by them, or said to be unlabelled."""
        return self.category_of(folders)[0] != NO_CATEGORY or UNLABELLED in map(os.fsdecode, folders)

    def is_category(self, folders: Sequence[bytes]) -> bool:
        """Whether the last of these folders (outermost first) is a category's by the tree, so none of a product."""
        *above, last = (os.fsdecode(folder) for folder in folders)
        if last == UNLABELLED:
            return True
        names = [*above, last]
        number, node = _number(last), self._node(names)
        if above and self.category_of(folders[:-1])[0] != NO_CATEGORY:
            # in a leaf's folder lie products, and the leaves that the tree has below it
            return tuple(map(_loose, node[:-1])) in self.loose
        if number is not None and self._is_leaf(number):
            return True
        return bool(node) or bool(self._ending(names))

    def _node(self, names: Sequence[str]) -> tuple[str, ...]:
        """The longest end of these names that is a path of the tree from its Cat I down; else empty."""
        ends = (tuple(names[-level:]) for level in range(min(self.depth, len(names)), 0, -1))
        return next((end for end in ends if tuple(map(_loose, end)) in self.nodes), ())

    def _ending(self, names: Sequence[str]) -> set[int]:
        """The leaves whose paths end with the last of these names, where they are fewer than a whole path has.

        A name of the tree above that is not in the leaf's path means that another place in the tree was meant.
        """
        for length in range(min(len(names), self.depth - 1), 0, -1):
            leaves = self.ends.get(tuple(map(_loose, names[-length:])), set())
            if len(names) < self.depth and leaves and self.words.isdisjoint(map(_loose, names[:-length])):
                return leaves
        return set()

    def _is_leaf(self, number: int) -> bool:
        return self.tree is not None and int(self.tree.leaf_index(number)) != UNKNOWN

    def _named(self, path: tuple[str, ...]) -> tuple[int, str]:
        if self.tree is None:
            return NO_CATEGORY, "no category_id in it; folders of names need --tree, or a category_names.csv"
        node = self._node(path)
        # a leaf further up may lie in folders that are none of the tree, as one of the last level does
        is_inside = bool(node) and self.words.isdisjoint(map(_loose, path[: -len(node)]))
        end = node if is_inside else path
        leaves = self.exact.get(end) or self.loose.get(tuple(map(_loose, end)))
        if not leaves and not node:
            leaves = self._ending(path)
        if leaves and len(leaves) == 1:
            return next(iter(leaves)), ""
        if leaves:
            ids = listed(sorted(leaves), 5)
            return NO_CATEGORY, f"{path_text(path)} is the name of {ids}: name the folder by its category_id"
        if node:
            level, lowest = LEVEL_NAMES[len(node)], LEVEL_NAMES[self.depth]
            return NO_CATEGORY, f"{path_text(node)} is a {level} of the tree: products stand below a {lowest}"
        return NO_CATEGORY, f"{path_text(path)} is not in the tree"


def folder_name(name: str) -> str:
    """A category's name as a folder may have it: without slashes, not hidden, of a bounded length."""
    safe = re.sub(r"[/\\\0]", "-", name)
    safe = f"_{safe}" if safe.startswith(".") else safe
    return safe.encode()[:200].decode("utf-8", "ignore")


def _number(name: str) -> int | None:
    """The integer of 64 bits that a name is."""
    return int(name) if ID.fullmatch(name) and -(2**63) <= int(name) < 2**63 else None


def _loose(name: str) -> str:
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", name).casefold()).strip()
