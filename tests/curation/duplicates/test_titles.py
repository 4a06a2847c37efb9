"""Products of one title, and what titles give away of a test set, against loops over dictionaries."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from curation.duplicates.photos import CatalogPhotos
from curation.duplicates.titles import SharedTitles
from tests.support.products import TAXONOMY

TITLES = ("", "Mug", "MUG ", "a  mug", "A mug", "bol", "pan")
SHOP = st.lists(st.tuples(st.sampled_from(TITLES), st.sampled_from([None, 11, 12, 31, 4711])), min_size=1, max_size=12)


def folded(title: str) -> str:
    return " ".join(title.casefold().split())


@given(SHOP, SHOP)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_against_loops(write_bson, first, second):
    catalogs = [
        Catalog(
            write_bson(
                *(
                    {"_id": i, "title": title, "imgs": [{"picture": b"photo"}], **({"category_id": c} if c else {})}
                    for i, (title, c) in enumerate(shop)
                ),
                name=f"{uuid4()}.bson",
            )
        )
        for shop in (first, second)
    ]
    found = SharedTitles.of(CatalogPhotos(catalogs), TAXONOMY)
    every = [(folded(title), category) for title, category in first + second]
    titled = Counter(title for title, _ in every if title)
    if not titled:
        assert found is None
        return
    counts = found.to_json()
    shared = {title for title, n in titled.items() if n > 1}
    assert (counts["products"], counts["distinct"]) == (titled.total(), len(titled))
    assert (counts["shared"], counts["products_sharing"]) == (len(shared), sum(titled[title] for title in shared))
    for place in range(len(found.parts_at)):
        members = found.products_of(place).tolist()
        (title,) = {every[i][0] for i in members}
        assert members == [i for i, (own, _) in enumerate(every) if own == title]
        known = [int(leaf) for i in members if (leaf := TAXONOMY.leaf_index([every[i][1] or -1])[0]) >= 0]
        apart = [level for level in TAXONOMY.levels if len({TAXONOMY.ancestor(level)[leaf] for leaf in known}) > 1]
        assert found.parts_at[place] == (-1 if len(known) < 2 else min(apart, default=0))
    # those that part highest come first
    levels = [level if level > 0 else 99 for level in found.parts_at.tolist()]
    assert levels == sorted(levels)
    seen = [(folded(title), c) for title, c in second if folded(title) in {folded(own) for own, _ in first} - {""}]
    usual = {
        title: min(of_title, key=lambda c: (-of_title[c], c))
        for title in {title for title, _ in seen}
        if (of_title := Counter(c for own, c in first if folded(own) == title and c is not None))
    }
    agrees = [usual[title] == c for title, c in seen if c is not None and title in usual]
    assert len(found.leak.products) == len(seen)
    assert sorted(found.leak.agrees.tolist()) == sorted(agrees)
