"""A tree that no file has: made from the paths that products are labelled with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.files.wording import listed, plural
from catalog.ids.shop_id import ShopId
from catalog.tree.path_rows import names_of_path, separator_of
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.tree_file import check_depth


@dataclass(frozen=True)
class LabelTree:
    """The tree, whose category_ids are the labels themselves.

    Attributes:
        separator: what stands between the names of a label; None: each is a single name.
        respelt: labels that name the path of another in other blanks: theirs is the leaf of that one.
        left_out: labels without a name between two separators, which are no path.
    """

    tree: Taxonomy
    separator: str | None
    respelt: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, source: object, labels: Mapping[ShopId, int]) -> LabelTree:
        """Make it from labels and their numbers of products; of one path in two spellings the more frequent one counts.

        `source`: whose labels they are, for messages.

        Raises:
            ValueError: no label, or none with a name in every place, integers alone, of which no path can be made, two
                signs that may separate names, or a path of more than eight names.
        """
        if not labels:
            raise ValueError(
                f"{source}: labels are missing: give each product its category, in a table as category_id, "
                "category_path or category_level1, category_level2, ..."
            )
        if all(isinstance(label, int) for label in labels):
            raise ValueError(
                f"{source}: labels are ids alone, of which no tree can be made: give its file (--tree TREE.csv)"
            )
        separator = separator_of(source, list(map(str, labels)))
        leaves: dict[tuple[str, ...], ShopId] = {}
        respelt, left_out = [], []
        for label in sorted(labels, key=lambda label: (-labels[label], str(label))):
            names = tuple(names_of_path(str(label), separator))
            check_depth(len(names), f"{source}: the label {str(label)[:80]!r} has {len(names)} names")
            if not names or not all(names):
                left_out.append(str(label))
            elif leaves.setdefault(names, label) != label:
                respelt.append(str(label))
        if not leaves:
            raise ValueError(
                f"{source}: no label names a category: {listed(left_out, 3)}: names between {separator!r} are missing"
            )
        tree = Taxonomy([(label, names) for names, label in leaves.items()])
        return cls(tree, separator, tuple(respelt), tuple(left_out))

    def __str__(self) -> str:
        """Sentences for people."""
        tree = self.tree
        between = "each label is one name" if self.separator is None else f"{self.separator!r} stands between the names"
        lines = [
            f"tree of the labels themselves: {plural(len(tree), 'leaf', 'leaves')}, {plural(tree.depth, 'level')}; "
            f"{between} (another tree: --tree TREE.csv)"
        ]
        if self.respelt:
            lines.append(f"{plural(len(self.respelt), 'label')} in other blanks than theirs: {listed(self.respelt, 3)}")
        if self.left_out:
            lines.append(
                f"{plural(len(self.left_out), 'label')} without a name between two {self.separator!r}: "
                f"{listed(self.left_out, 3)}"
            )
        return "\n".join(lines)
