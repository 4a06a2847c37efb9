"""What a look at a catalogue tells before anything is learnt from it."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.files.wording import joined, listed, percent, plural
from catalog.product import NOTICES, ProblemLog

KINDS_NAMED = 3
"""Kinds of problems that have a line each."""


@dataclass(frozen=True)
class ShelfSize:
    """A node of the highest level; counts are of products with a known category and a photo.

    Attributes:
        name: its path, as `ocr.shelves` and `shelf_limits` name it. n_distinct_photos: of its photos, by MD5.
    """

    name: str
    n_products: int
    n_photos: int
    n_distinct_photos: int
    n_leaves: int


@dataclass(frozen=True)
class CatalogSurvey:
    """A catalogue as `rayonnage fit` finds it; counts are of products with a known category unless they say else.

    Attributes:
        address: as it was given. fingerprint: of its content, see `Catalog.fingerprint`.
        n_products: all of the catalogue. n_labelled: those that can be learnt from.
        n_by_images: with 0, 1, 2, 3, 4 photos. n_photos: of them. n_distinct_photos: of those, by MD5.
        megapixels_per_photo: median of a sample's headers.
        level_names: of the tree, the highest first. n_nodes: with products, of each level.
        leaf_sizes: products of each leaf that has some, falling.
        n_titled: with a title. n_distinct_titles: of those.
        n_groups: lots of products that are dealt over a split: what shares a photo, a title or the cell of the group
            column is one, a product that shares nothing is one, too.
        group_column: a column that seems to name the article, or the one given; None where there is none.
        n_contradicting: whose photo (by MD5) is in another category, too: a label is wrong, or the photo tells nothing.
        bytes: of the catalogue's photos, about.
        problems: what is wrong with single products; photos that cannot be decoded are counted apart.
        shelves: nodes of the highest level, the largest first.
        tree: CSV of the tree, None where the labels are the tree. tree_note: what is to be said of that one.
        n_sampled: photos of the sample that was decoded. n_broken: of those, that cannot be.
        n_linked: products in a lot of two or more. titles_apart: products of one title are no lot, for more than half
            of all would be one.
        columns_left_alone: of a table without titles, those of which nothing is taken.
    """

    address: str
    fingerprint: str
    n_products: int
    n_labelled: int
    n_by_images: tuple[int, int, int, int, int]
    n_photos: int
    n_distinct_photos: int
    megapixels_per_photo: float
    level_names: tuple[str, ...]
    n_nodes: tuple[int, ...]
    leaf_sizes: tuple[int, ...]
    n_titled: int
    n_distinct_titles: int
    n_groups: int
    group_column: str | None
    n_contradicting: int
    bytes: int
    problems: ProblemLog
    shelves: tuple[ShelfSize, ...] = ()
    tree: str | None = None
    tree_note: str = ""
    n_sampled: int = 0
    n_broken: int = 0
    n_linked: int = 0
    titles_apart: bool = False
    columns_left_alone: tuple[str, ...] = ()

    @property
    def n_single(self) -> int:
        """Categories with one product: it can be learnt from or measured on, not both."""
        return self.leaf_sizes.count(1)

    @property
    def n_flat(self) -> int:
        """Nodes of the highest level that are leaves themselves."""
        return sum(shelf.n_leaves == 1 for shelf in self.shelves)

    def can_be_told(self, shelf: ShelfSize) -> bool:
        """Whether words on a node have something to tell: leaves below it, or it from others that are leaves."""
        return shelf.n_leaves > 1 or self.n_flat > 1

    @property
    def file(self) -> str:
        """The catalogue and its tree as arguments of a command."""
        return self.address if self.tree is None else f"{self.address} --tree {self.tree}"

    def lines(self) -> list[str]:
        """About ten lines for people: what is there, what is wrong with it, and the commands that name that."""
        return [
            self._products(), self._photos(), *self._tree(), self._sizes(), self._titles(), self._lots(),
            *self._contradictions(), *self._broken(), *self._problems(),
        ]  # fmt: skip

    def _products(self) -> str:
        if self.n_labelled == self.n_products:
            return f"{self.address}: {plural(self.n_products, 'product')}, all of them with a category and a photo"
        unlabelled, without_photo = self.n_products - sum(self.n_by_images), self.n_by_images[0]
        left_out = [f"{unlabelled:,} without a known category"] if unlabelled else []
        left_out += [f"{without_photo:,} without a photo"] if without_photo else []
        return (
            f"{self.address}: {plural(self.n_products, 'product')}, {self.n_labelled:,} of them to learn from "
            f"({joined(left_out)} left out)"
        )

    def _photos(self) -> str:
        counts = [f"with {photos} {n:,}" for photos, n in enumerate(self.n_by_images[1:], start=1) if n]
        copies = self.n_photos - self.n_distinct_photos
        of_them = f", {copies:,} of them {'a copy' if copies == 1 else 'copies'} of another one" if copies else ""
        size = f"{self.megapixels_per_photo:.2g} megapixels" if self.megapixels_per_photo else "of unknown size"
        return f"photos: {self.n_photos:,}, mostly of {size}{of_them}; products {joined(counts)}"

    def _tree(self) -> list[str]:
        levels = [f"{name} {n:,}" for name, n in zip(self.level_names, self.n_nodes, strict=True)]
        of = self.tree if self.tree is not None else "the labels themselves"
        return [f"tree of {of}: {plural(len(levels), 'level')}, with products {joined(levels)}"]

    def _sizes(self) -> str:
        sizes, n = self.leaf_sizes, len(self.leaf_sizes)
        single = self.n_single
        alone = f"; {single:,} with a single one, which cannot be measured" if single else ""
        return (
            f"categories: {n:,}, the largest of {plural(sizes[0], 'product')}, half of them of {sizes[n // 2]:,} or "
            f"fewer, the smallest of {sizes[-1]:,}{alone}"
        )

    def _titles(self) -> str:
        if not self.n_titled:
            if not self.columns_left_alone:
                return "titles: none"
            named = listed([name[:40] for name in self.columns_left_alone], 4)
            return (
                f"titles: none; if one of the columns {named} has them: "
                f"`catalog info {self.file} --text-columns COLUMN`, and then this again"
            )
        n_different = "all different"
        if self.n_distinct_titles < self.n_titled:
            n_different = f"{self.n_distinct_titles:,} different"
        whom = "all products" if self.n_titled == self.n_labelled else plural(self.n_titled, "product")
        return f"titles: {whom}, {n_different}"

    def _lots(self) -> str:
        apart = ""
        if self.titles_apart:
            apart = "; products of one title are not kept together, for more than half of all would be (--group COLUMN "
            apart += "names what must)"
        if not self.n_linked:
            return f"copies and variants: none, every product stands for itself{apart}"
        shared = ["a photo"]
        if self.group_column is not None:
            shared.append(f"the {self.group_column}")
        elif self.n_titled and not self.titles_apart:
            shared.append("the title")
        n_lots = self.n_groups - (self.n_labelled - self.n_linked)
        return (
            f"copies and variants: {self.n_linked:,} products in {plural(n_lots, 'lot')} that share "
            f"{joined(shared, 'or')}; a lot is learnt from or measured on, never both{apart}"
        )

    def _contradictions(self) -> list[str]:
        if not self.n_contradicting:
            return []
        who = "product has a photo that stands" if self.n_contradicting == 1 else "products have a photo that stands"
        return [
            f"labels that contradict each other: {self.n_contradicting:,} {who} in another category, too: a label is "
            f"wrong, or the photo tells nothing; `catalog duplicates {self.file}` names them"
        ]

    def _broken(self) -> list[str]:
        if not self.n_broken:
            return []
        share = percent(self.n_broken / self.n_sampled)
        return [
            f"photos that cannot be decoded: {self.n_broken:,} of {self.n_sampled:,} that were tried ({share}); "
            f"`catalog explore {self.file} --decode all --output explore` names all of them"
        ]

    def _problems(self) -> list[str]:
        counts = [(kind, n) for kind, n in self.problems.counts.most_common() if kind not in NOTICES]
        if not counts:
            return []
        named = [f"{n:,} x {kind.value}" for kind, n in counts[:KINDS_NAMED]]
        more = f"; and {plural(len(counts) - KINDS_NAMED, 'other kind')}" if len(counts) > KINDS_NAMED else ""
        return [f"problems: {'; '.join(named)}{more}; `catalog info {self.file}` names them"]
