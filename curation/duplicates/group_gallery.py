"""A group as the page shows it: each distinct photo once with the products that carry it, near ones in pairs."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import plural
from catalog.ids.id_names import IdNames
from catalog.photos.photo_index import Ints
from catalog.photos.thumbnails import strip
from catalog.reports.page import Example, Gallery
from catalog.sources.source import NO_CATEGORY
from catalog.split.same_titles import NO_TITLE
from catalog.tree.label_leaves import label_leaves
from catalog.tree.taxonomy import path_text
from curation.duplicates.findings import Findings
from curation.duplicates.groups import KINDS, NEAR
from curation.shown_titles import title_line

SHOWN_PHOTOS = 8
SHOWN_PAIRS = 6
SHOWN_PRODUCTS = 6
SHOWN_CATEGORIES = 3
WEIGHED_PAIRS = 1000
"""Links of a group, those furthest apart, among which the page chooses."""
HEIGHT = 110


class GroupPhotos:
    """The distinct photos of a group, and the products that carry each, by its number."""

    def __init__(self, findings: Findings, group: int) -> None:
        self.findings, self.group = findings, group
        groups, photos = findings.groups, findings.photos
        low, high = np.searchsorted(groups.group, [group, group + 1])
        slots = groups.slot[low:high]
        self.number = np.unique(photos.number[slots])
        self.owners = {number: photos.products_of(number) for number in self.number.tolist()}

    def gallery(self) -> Gallery:
        """The group as the page shows it; photos of several categories come first, then those of most products."""
        kind = KINDS[self.findings.groups.group_kind[self.group]]
        if kind == NEAR:
            links, bits = self._links()
            shown = zip(links[:SHOWN_PAIRS].tolist(), bits[:SHOWN_PAIRS].tolist(), strict=True)
            examples = [self._pair(left, right, apart) for (left, right), apart in shown]
            n_left, what = len(links) - SHOWN_PAIRS, "more pair"
        else:
            order = sorted(self.owners, key=lambda photo: (-len(self._categories(photo)), -len(self.owners[photo])))
            examples = [self._example(photo) for photo in order[:SHOWN_PHOTOS]]
            n_left, what = len(order) - SHOWN_PHOTOS, "more shared photo"
        more = f"and {plural(n_left, what)} in this group" if n_left > 0 else ""
        return Gallery(f"Group {self.group + 1}: {self._title()} ({kind} copies)", examples, more=more)

    def _links(self) -> tuple[Ints, NDArray[np.uint8]]:
        """Pairs of photos that link products, those of different categories first, then those furthest apart."""
        near = self.findings.groups.near
        assert near is not None, "a group by near copies"
        inside = np.flatnonzero(np.isin(near.alike[:, 0], self.number))
        inside = inside[np.argsort(-near.bits[inside].astype(np.int64), kind="stable")]
        # a product that shows itself from two sides is linked to nothing by that
        links = [
            at
            for at in inside.tolist()
            if len(np.union1d(*(self.owners[photo] for photo in near.alike[at].tolist()))) > 1
        ]
        weighed = sorted(links[:WEIGHED_PAIRS], key=lambda at: not self._parts(*near.alike[at].tolist()))
        order = weighed + links[WEIGHED_PAIRS:]
        return near.alike[order], near.bits[order]

    def _parts(self, a: int, b: int) -> bool:
        """Whether two photos, or one of them by itself, lie on different categories."""
        return len({*self._categories(a), *self._categories(b)}) > 1

    def _categories(self, photo: int) -> Counter[int]:
        """Labelled products of a photo by category_id."""
        return labelled(self.findings, self.owners[photo])

    def _title(self) -> str:
        groups = self.findings.groups
        products = groups.product[groups.start[self.group] : groups.start[self.group + 1]]
        ids = self.findings.photos.category_ids[products]
        n = len(np.unique(ids[ids != NO_CATEGORY]))
        title = f"{len(products):,} products, " + {0: "no category", 1: "one category"}.get(n, f"{n} categories")
        level = int(groups.parts_at[self.group])
        tree = self.findings.tree if n > 1 and level > 0 else None
        return title + ("" if tree is None else f", parting at {tree.level_names[level]}")

    def _pair(self, left: int, right: int, bits: int) -> Example:
        return replace(self._example(left), title=f"{plural(bits, 'bit')} apart", beside=self._example(right))

    def _example(self, photo: int) -> Example:
        owners, categories = self.owners[photo], self._categories(photo)
        findings = self.findings
        lines = [f"{plural(len(owners), 'product')} {ids_line(findings, owners)}", *title_lines(findings, owners)]
        lines += [
            f"{n:,} x {category_name(findings, category)}" for category, n in categories.most_common(SHOWN_CATEGORIES)
        ]
        if (n_left := len(categories) - SHOWN_CATEGORIES) > 0:
            lines.append(f"and {plural(n_left, 'more category', 'more categories')}")
        if not_labelled := len(owners) - categories.total():
            lines.append(f"{not_labelled:,} x not labelled")
        photos = findings.photos
        return Example([strip([photos.read(int(photos.first[photo]))], HEIGHT)], lines)


def labelled(findings: Findings, products: Ints) -> Counter[int]:
    """How many of `(n,)` products are labelled with which category_id."""
    categories = findings.photos.category_ids[products]
    return Counter(categories[categories != NO_CATEGORY].tolist())


def ids_line(findings: Findings, products: Ints) -> str:
    """The first of `(n,)` products by their ids, of two catalogues under their names."""
    photos = findings.photos
    texts = []
    for side, catalog in enumerate(photos.catalogs):
        of_side = products[photos.side[products] == side]
        if len(of_side):
            more = [f"{len(of_side) - SHOWN_PRODUCTS:,} more"] if len(of_side) > SHOWN_PRODUCTS else []
            of = f"{catalog.name}: " if len(photos.catalogs) > 1 else ""
            texts.append(of + ", ".join([*map(str, photos.shop_ids(of_side[:SHOWN_PRODUCTS])), *more]))
    return "; ".join(texts)


def title_lines(findings: Findings, products: Ints) -> list[str]:
    """What `(n,)` products are called: one title, or how many; none where they have none."""
    if findings.titles is None:
        return []
    number = findings.titles.number[products]
    with_title = products[number != NO_TITLE]
    if not len(with_title):
        return []
    others = len(np.unique(number[number != NO_TITLE])) - 1
    more = [f"and {plural(others, 'other title')}"] if others else []
    return [*title_line(findings.photos.titles(with_title[:1])[0]), *more]


def category_name(findings: Findings, category: int) -> str:
    """A category as people are shown it: its path, or its id where there is no tree, or one that lacks it."""
    shop_id, tree = findings.photos.category_id(category), findings.tree
    if tree is None:
        return f"category {shop_id}"
    leaf = int(label_leaves(tree, np.array([category]), IdNames.of([shop_id]))[0])
    return path_text(tree.shown[leaf]) if leaf != UNKNOWN else f"{shop_id}, not in the tree"
