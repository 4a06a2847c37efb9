"""A catalogue written again with other labels: documents byte for byte but for the category."""

from __future__ import annotations

import bson
from hypothesis import given
from hypothesis import strategies as st

from catalog.relabel import relabel

value = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1).map(bson.Int64)
    | st.text(st.characters(codec="utf-8"))
    | st.binary()
)
fields = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0")), value | st.lists(value, max_size=3), max_size=5
)


@given(fields, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.integers(0, 2**31))
def test_a_document_changes_in_its_category_alone(others, category, labelled, product):
    others.pop("_id", None)
    old = {"_id": product, **({"category_id": 5} if labelled else {}), **others}
    new = bson.decode(relabel(bson.encode(old), category))
    assert new.pop("category_id") == category
    old.pop("category_id", None)
    assert bson.encode(new) == bson.encode(bson.decode(bson.encode(old)))
    assert list(new) == list(old)
