"""What lies on a category: some of its products with their photos side by side."""

import numpy as np

from catalog.catalog import Catalog
from catalog.files.wording import plural
from catalog.photos.photo_index import Ints
from catalog.photos.thumbnails import strip
from catalog.reports.page import Example, Gallery, Section
from curation.explore.placement import Placement
from curation.shown_titles import title_line, title_of

PER_CATEGORY = 8
SIDE = 76
"""Pixels of a photo on the page."""
TITLE = 40
"""Characters of a title below a small picture."""


def chosen_categories(counts: Ints, n: int) -> list[tuple[str, Ints]]:
    """Up to n categories that hold anything, as `(which, categories)`: the largest, some of middle size, the smallest.

    In each group they stand by falling size; when there are no more than n, all of them are one group.
    """
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    if len(order) <= n:
        return [("", order)]
    part, middle = n // 3, n - 2 * (n // 3)
    between = part + (len(order) - n) // 2
    groups = {
        "one of the largest": order[:part],
        "of middle size": order[between : between + middle],
        "one of the smallest": order[len(order) - part :],
    }
    return [(which, categories) for which, categories in groups.items() if len(categories)]


def samples_section(catalog: Catalog, placement: Placement, n_categories: int, seed: int) -> Section:
    """Random products with a photo of some leaves."""
    rng = np.random.default_rng(seed)
    counts = placement.counts()
    groups = chosen_categories(counts[-1].counts, n_categories) if counts else []
    leaves = [(which, int(leaf)) for which, group in groups for leaf in group]
    galleries, listed = [], []
    for which, leaf in leaves:
        with_photo = np.flatnonzero((placement.leaf == leaf) & (placement.n_images > 0))
        products = catalog.take(_sample(with_photo, rng))
        n = int(counts[-1].counts[leaf])
        examples = [
            Example(
                [strip(product.images, SIDE)], [str(product.product_id), *title_line(title_of(product.text), TITLE)]
            )
            for product in products
        ]
        note = ", ".join(filter(None, [plural(n, "product"), which, "" if examples else "none with a photo"]))
        galleries.append(Gallery(placement.name(leaf), examples, note, strips=True))
        listed.append({"category": placement.name(leaf), "products": n, "shown": [p.product_id for p in products]})
    n_used = len(counts[-1].used) if counts else 0
    sentence = _sentence(len(leaves), n_used) if n_used else "No product has a category."
    return Section("samples", "Categories in pictures", [sentence], galleries, {"categories": listed})


def _sentence(n_shown: int, n_used: int) -> str:
    which = "All" if n_shown == n_used else f"{n_shown} of the {n_used:,}"
    return (
        f"{which} leaves in use, and up to {PER_CATEGORY} products of each drawn at random: photos that touch are of "
        "one product, below them its _id; a crossed field is a photo that cannot be decoded."
    )


def _sample(rows: Ints, rng: np.random.Generator) -> Ints:
    return rows if len(rows) <= PER_CATEGORY else np.sort(rng.choice(rows, PER_CATEGORY, replace=False))
