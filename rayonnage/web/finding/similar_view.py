"""Similar products laid out for a page: the photo that is most alike, the category, how alike in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import ShopId
from catalog.tree.label_leaves import label_leaf
from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.browsing.known_copies import TRAINING
from rayonnage.web.browsing.product_links import SHOWN, ZOOMED, photo_link
from rayonnage.web.browsing.training_products import TrainingProducts
from rayonnage.web.finding.similar_products import SimilarFound
from rayonnage.web.showing.words import PageWords
from search.query.index_search import FoundProduct

ON_A_PAGE = 12
"""Similar products that a page shows."""
ALIKE = ("similar.same", "similar.very", "similar.quite", "similar.little")
PLAIN, WHITENED = (0.97, 0.88, 0.75, 0.5), (0.97, 0.75, 0.5, 0.3)
"""From which cosine on two products are called so; what is below the last one is not shown. Whitened vectors of any two
products stand nearly at right angles, while those of a network all point the same way, more or less."""


@dataclass(frozen=True)
class SimilarCard:
    """One similar product.

    Attributes:
        path: of its category, the top one first; empty where it has none.
        alike: how alike it is, in words; share: the same as a number.
        photo, small: links to the photo that is most alike, empty where the training catalogue has no such product.
    """

    product_id: ShopId
    path: tuple[str, ...]
    alike: str
    share: str
    photo: str = ""
    small: str = ""


def similar_cards(
    similar: SimilarFound, tree: Taxonomy | None, words: PageWords, known: TrainingProducts
) -> tuple[SimilarCard, ...]:
    """What is shown of products that were found; `tree`: in the page's language. This reads their photos."""
    floors = WHITENED if similar.is_whitened else PLAIN
    return tuple(
        SimilarCard(
            one.product_id, path_of(one.category_id, tree), _alike(one.similarity, floors, words),
            words.percent(min(one.similarity, 1.0)), *_links(one, known),
        )
        for one in similar.products if one.similarity >= floors[-1]
    )  # fmt: skip


def path_of(category_id: ShopId | None, tree: Taxonomy | None) -> tuple[str, ...]:
    """A label's path; the label itself where no tree has it, empty where there is none."""
    if category_id is None:
        return ()
    leaf = UNKNOWN if tree is None else label_leaf(tree, category_id)
    return (str(category_id),) if tree is None or leaf == UNKNOWN else tree.shown[leaf]


def _alike(similarity: float, floors: Sequence[float], words: PageWords) -> str:
    return words(next(key for key, floor in zip(ALIKE, floors, strict=True) if similarity >= floor))


def _links(one: FoundProduct, known: TrainingProducts) -> tuple[str, ...]:
    try:
        product = known.get(one.product_id)
    except (OSError, ValueError):
        # the index knows it; the catalogue has changed or is elsewhere
        return ()
    if product is None or one.photo >= len(product.images):
        return ()
    return tuple(photo_link(one.product_id, one.photo + 1, side, catalog=TRAINING) for side in (ZOOMED, SHOWN))
