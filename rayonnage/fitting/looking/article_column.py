"""The column of a table that names the article of which its products are variants, where one seems to."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.sources.table.table import PhotoTable
from catalog.split.given_groups import GivenGroups
from catalog.split.linking import NO_GROUP

ARTICLE = re.compile(
    r"artic(?:le|olo|ulo)|artikel|groupe?|gruppe|grup[po]o|parent|mod[eè]le?|modell[eo]?|modelo|style|family|famil(?:le|ie)"
    r"|master"
)
"""A word that the name of such a column has."""
BESIDE = re.compile(r"ids?|sku|code|key|no|nr|num(?:ber|mer|ero)?|ref|item|product|produ[ik]t|variant")
"""Words that may stand beside it: `item_group_id`, `parent_sku`."""
MEAN_SIZE, LARGEST = 20, 50
"""Products of an article: on average, and at most; of more of them it is a supplier, a range or a category."""
OF_ONE_LEAF = 0.9
"""Share of an article's products that are in one category, over all articles of two products or more."""
FILLED = 0.5
"""Share of the products whose cell says something."""


def names_article(column: str) -> bool:
    """Whether a column is called as one that names the article: `article`, `parent_sku`, `item_group_id`."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).casefold())
    beside = [word for word in words if not ARTICLE.fullmatch(word)]
    return len(beside) < len(words) and all(map(BESIDE.fullmatch, beside))


def links_variants(group: NDArray[np.int64], leaf: NDArray[np.int64]) -> bool:
    """Whether `(n,)` groups, `NO_GROUP` for none, of products on `(n,)` leaves are as those of articles are."""
    filled = (group != NO_GROUP) & (leaf != UNKNOWN)
    if filled.sum() < FILLED * len(group) or not filled.any():
        return False
    _, place, size = np.unique(group[filled], return_inverse=True, return_counts=True)
    if size.max() < 2 or size.max() > LARGEST or size.mean() > MEAN_SIZE:
        return False
    # of each article, its products on the leaf where most of them are
    pairs, n = np.unique(np.stack([place, leaf[filled]], axis=1), axis=0, return_counts=True)
    most = np.zeros(len(size), np.int64)
    np.maximum.at(most, pairs[:, 0], n)
    several = size > 1
    return bool(most[several].sum() >= OF_ONE_LEAF * size[several].sum())


def article_column(catalog: Catalog, leaf: NDArray[np.int64], among: NDArray[np.bool_]) -> GivenGroups | None:
    """Groups by the column of a table that seems to name the article; None where none does, or it is no table.

    Of several columns the one that links most products: what is held apart too much costs little, a variant on both
    sides of a split makes figures that do not hold.

    Args:
        leaf: `(P,)` of each product. among: `(P,)` bool, products that count.
    """
    if not isinstance(catalog.source, PhotoTable):
        return None
    found: list[tuple[int, GivenGroups]] = []
    for column in filter(names_article, catalog.source.columns_left_alone()):
        try:
            groups = GivenGroups.of_column(catalog, column)
        except ValueError:
            # an empty column
            continue
        own = groups.group[among]
        if links_variants(own, leaf[among]):
            _, size = np.unique(own[own != NO_GROUP], return_counts=True)
            found.append((int(size[size > 1].sum()), groups))
    return max(found, key=lambda one: one[0])[1] if found else None
