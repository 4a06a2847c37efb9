"""What a look at a catalogue tells before anything is learnt from it."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.product import ProblemLog


@dataclass(frozen=True)
class ShelfSize:
    """A node of the highest level; counts are of products with a known category and a photo.

    Attributes:
        name: its path, as `ocr.shelves` and `shelf_limits` name it.
    """

    name: str
    n_products: int
    n_photos: int
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
        n_groups: of products that must stay on one side of a split, because they share a photo or a title.
        group_column: a column that seems to name the article, None where there is none.
        n_contradicting: whose photo (by MD5) is in another category, too: labels of which one is wrong.
        bytes: of the catalogue's photos, about.
        problems: what is wrong with single products.
        shelves: nodes of the highest level, the largest first.
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
