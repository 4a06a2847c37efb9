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
    # names of the strategy that stand in the document already
    others = {name: content for name, content in others.items() if name not in ("_id", "category_id")}
    old = {"_id": product, **({"category_id": 5} if labelled else {}), **others}
    expected = {"_id": product, "category_id": category, **others}
    assert relabel(bson.encode(old), category) == bson.encode(expected)


def test_values_that_python_cannot_hold_pass_through():
    """A date beyond the year 9999, at the top and below it; byte for byte but for the category."""
    late = bson.datetime_ms.DatetimeMS(2**55)
    document = {"_id": 1, "category_id": bson.Int64(7), "made": late, "seller": {"since": late}, "imgs": [{"at": late}]}
    new = relabel(bson.encode(document), 8)
    assert new == bson.encode({**document, "category_id": 8})
