"""What the names of folders say: the order of photos, a product's id, a category."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import listed
from catalog.ids.shop_id import MAX_LENGTH, ShopId, id_number, shop_id, why_no_id
from catalog.tree.taxonomy import Taxonomy, path_text

DIGITS = re.compile(rb"[0-9]+")
UNLABELLED = "unlabelled"
"""Class folder of products without a category."""


def natural_key(name: bytes) -> bytes:
    """Sorts names as people count: 1, 2, 10; runs of digits are put behind their length, the name decides ties."""
    return DIGITS.sub(lambda run: b"0%03d%s" % (len(number := run[0].lstrip(b"0")), number), name) + b"\0" + name


def id_of_name(name: str) -> ShopId:
    """The id that a folder's or a file's name is, to the letter: `MH01-gray`, 12, `0012`.

    What no id may have is written out, `\\x0a` for a line break; a name that is too long ends with its number.
    """
    text = name.strip()
    if not text:
        text = _written_out(name)
    elif why_no_id(text):
        text = "".join(_written_out(one) if why_no_id(one) else one for one in text)
    if len(text) > MAX_LENGTH:
        end = f"~{id_number(text):016x}"
        text = text[: MAX_LENGTH - len(end)] + end
    return shop_id(text)


class CategoryFolders:
    """Finds the category of class folders: one named by a category_id, or a path of names from the tree."""

    def __init__(self, tree: Taxonomy | None) -> None:
        self.tree = tree
        self.depth = 0 if tree is None else tree.depth
        self.exact: dict[tuple[str, ...], set[ShopId]] = defaultdict(set)
        self.loose: dict[tuple[str, ...], set[ShopId]] = defaultdict(set)
        self.nodes: set[tuple[str, ...]] = set()
        self.ends: dict[tuple[str, ...], set[ShopId]] = defaultdict(set)
        if tree is not None:
            for leaf_id, path in zip(tree.shop_ids, tree.paths, strict=True):
                self.exact[path].add(leaf_id)
                loose = tuple(map(_loose, path))
                self.loose[loose].add(leaf_id)
                self.nodes.update(loose[:level] for level in range(1, len(loose) + 1))
                for start in range(1, len(loose)):
                    self.ends[loose[start:]].add(leaf_id)
        self.words = {name for node in self.nodes for name in node}

    def category_of(self, folders: Sequence[bytes]) -> tuple[ShopId | None, str]:
        """The category_id that class folders (outermost first) name, or None and why they name none.

        The deepest folder named by a category_id of the tree wins; then the last of them, as many as the tree has
        levels, are matched with its paths, to the letter first, then without regard to Unicode form, case, punctuation
        and blanks, which a file system may not keep; of fewer folders in all, the end of a path that only one leaf has
        is enough. Without a tree, and where nothing of it matches, any integer is a category_id. Without a tree and
        without an integer, their path is.
        """
        category_id, why = self._said(folders)
        names = list(map(os.fsdecode, folders))
        if category_id is not None or self.tree is not None or UNLABELLED in names:
            return category_id, why
        path = path_text([str(id_of_name(name)) for name in names])
        why = why_no_id(path)
        return (None, why) if why else (shop_id(path), "")

    def is_class(self, folders: Sequence[bytes]) -> bool:
        """Whether these folders (outermost first) are a category's by an id or by the tree, or said to be unlabelled.

        What lies below them is products then; below folders of which nothing is known, it may be photos as well.
        """
        return self._said(folders)[0] is not None or UNLABELLED in map(os.fsdecode, folders)

    def _said(self, folders: Sequence[bytes]) -> tuple[ShopId | None, str]:
        """`category_of` by ids and by the tree."""
        names = [os.fsdecode(folder) for folder in folders]
        ids = [id_of_name(name) for name in names]
        known = [one for one in ids if self._is_leaf(one)]
        category_id, why = (known[-1], "") if known else self._named(tuple(names[-self.depth :]))
        integers = [one for one in ids if isinstance(one, int)]
        if category_id is None and integers:
            return integers[-1], ""
        return (None, "") if UNLABELLED in names else (category_id, why)

    def is_category(self, folders: Sequence[bytes]) -> bool:
        """Whether the last of these folders (outermost first) is a category's by the tree, so none of a product."""
        *above, last = (os.fsdecode(folder) for folder in folders)
        if last == UNLABELLED:
            return True
        names = [*above, last]
        node = self._node(names)
        if above and self._said(folders[:-1])[0] is not None:
            # in a leaf's folder lie products, and the leaves that the tree has below it
            return tuple(map(_loose, node[:-1])) in self.loose
        return self._is_leaf(id_of_name(last)) or bool(node) or bool(self._ending(names))

    def _node(self, names: Sequence[str]) -> tuple[str, ...]:
        """The longest end of these names that is a path of the tree from its Cat I down; else empty."""
        ends = (tuple(names[-level:]) for level in range(min(self.depth, len(names)), 0, -1))
        return next((end for end in ends if tuple(map(_loose, end)) in self.nodes), ())

    def _ending(self, names: Sequence[str]) -> set[ShopId]:
        """The leaves whose paths end with the last of these names, where they are fewer than a whole path has.

        A name of the tree above that is not in the leaf's path means that another place in the tree was meant.
        """
        for length in range(min(len(names), self.depth - 1), 0, -1):
            leaves = self.ends.get(tuple(map(_loose, names[-length:])), set())
            if len(names) < self.depth and leaves and self.words.isdisjoint(map(_loose, names[:-length])):
                return leaves
        return set()

    def _is_leaf(self, category_id: ShopId) -> bool:
        return self.tree is not None and int(self.tree.leaf_index(id_number(category_id))) != UNKNOWN

    def _named(self, path: tuple[str, ...]) -> tuple[ShopId | None, str]:
        if self.tree is None:
            return None, ""
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
            ids = listed(sorted(leaves, key=str), 5)
            return None, f"{path_text(path)} is the name of {ids}: name the folder by its category_id"
        if node:
            level, lowest = self.tree.level_names[len(node)], self.tree.level_names[self.depth]
            return None, f"{path_text(node)} is a {level} of the tree: products stand below a {lowest}"
        return None, f"{path_text(path)} is not in the tree"


def folder_name(name: str) -> str:
    """A category's name as a folder may have it: without slashes, not hidden, of a bounded length."""
    safe = re.sub(r"[/\\\0]", "-", name)
    safe = f"_{safe}" if safe.startswith(".") else safe
    return safe.encode()[:200].decode("utf-8", "ignore")


def _written_out(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode("utf-8", "surrogateescape"))


def _loose(name: str) -> str:
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", name).casefold()).strip()
