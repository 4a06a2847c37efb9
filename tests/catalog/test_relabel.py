"""A catalogue written again with other labels: documents byte for byte but for the category."""

from __future__ import annotations

from uuid import UUID

import bson
import pytest
from bson.binary import Binary
from bson.objectid import ObjectId
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


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        ("CAT-7", "CAT-8", "CAT-8"),
        ("7", 8, "8"),
        (7, "CAT-8", "CAT-8"),
        (ObjectId("0" * 24), "1" * 24, ObjectId("1" * 24)),
        (ObjectId("0" * 24), "CAT-8", "CAT-8"),
        (ObjectId("0" * 24), 8, 8),
        (Binary(bytes(16), 4), str(UUID(int=5)), Binary(UUID(int=5).bytes, 4)),
        (Binary(bytes(16), 4), "CAT-8", "CAT-8"),
    ],
)
def test_a_label_keeps_the_type_that_the_shop_has(old, new, written):
    document = {"_id": 1, "category_id": old, "imgs": []}
    assert relabel(bson.encode(document), new) == bson.encode({**document, "category_id": written})
