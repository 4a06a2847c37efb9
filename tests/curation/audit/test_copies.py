"""Labels of copies, against a loop over all pairs of products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from curation.audit import copies
from curation.audit.copies import count_copies


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.sampled_from([None, 11, 12, 31]), st.lists(st.integers(0, 9), max_size=4)), min_size=1,
             max_size=14),
    st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_against_a_loop(write_bson, products, chance):
    """Photos of more than three products count for nothing here."""
    documents = [
        {"_id": i, **({} if category is None else {"category_id": category}),
         "imgs": [{"picture": b"photo %d" % photo} for photo in photos]}
        for i, (category, photos) in enumerate(products)
    ]  # fmt: skip
    catalog = Catalog(write_bson(*documents, name=f"{chance.getrandbits(60):x}.bson"))
    n = len(products)
    positions = np.array(chance.sample(range(n), chance.randint(0, n)), np.int64)
    suggested = np.array([chance.choice([11, 12, 31]) for _ in positions], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "MAX_COPIES", 3)
        # here a leaf is called by its category_id
        found = count_copies(catalog, positions, catalog.category_ids, suggested)
    owners = {photo: {i for i, (_, own) in enumerate(products) if photo in own} for photo in range(10)}
    for at, i in enumerate(positions.tolist()):
        others = {j for photo in products[i][1] if len(owners[photo]) <= 3 for j in owners[photo]} - {i}
        labels = [products[j][0] for j in others if products[j][0] is not None]
        assert found.all[at] == len(labels)
        assert found.other[at] == sum(label != products[i][0] for label in labels)
        assert found.suggested[at] == labels.count(suggested[at])
