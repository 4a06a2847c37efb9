"""Places of ids, against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.files.id_lookup import positions_of
from catalog.runs.training_data import catalog_positions
from tests.support.products import make_product

ids = st.one_of(st.integers(-3, 9), st.sampled_from([2**63 - 1, -(2**63)]))


@given(st.lists(ids, max_size=12), st.lists(ids, max_size=12))
def test_places_are_those_of_a_dictionary(known, wanted):
    first = {i: place for place, i in reversed(list(enumerate(known)))}
    found = positions_of(np.array(known, np.int64), np.array(wanted, np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == [first.get(i, -1) for i in wanted]


def test_products_that_a_catalogue_lacks_are_named(write_bson):
    catalog = Catalog(write_bson(*(make_product(i, 11) for i in (3, 1, 2))))
    assert catalog_positions(catalog, np.array([1, 3, 1])).tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"lacks 2 of 3 products \(the first: 7\)"):
        catalog_positions(catalog, np.array([1, 7, 0]))
