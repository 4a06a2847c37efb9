"""Ids for property tests, friendly and hostile."""

from __future__ import annotations

from hypothesis import strategies as st

from catalog.ids.shop_id import shop_id

_HOSTILE = (
    "007", "7", "0", "-1", "../x", "..", ".", "a/b", "a\\b", "CON", "nul.txt", "unlabelled", "=1+1", "@x", "'12",
    "12.0", "2,87E+18", "nan", "<b>", "MH01", "mh01", "caf\u00e9", "\U0001f600", "a|b", "a,b", 'a"b', "a;b", "50%",
    "%2E", "a b", ".hidden", "x.", "C:", "@eaDir", "Thumbs.db", "1.jpg", "x" * 300, "\u00e9" * 200, "$set", "_id",
    "a > b", str(2**63), "00000000-0000-0000-0000-000000000007",
)  # fmt: skip
HOSTILE = tuple(map(shop_id, _HOSTILE))
"""What breaks paths, CSV, spreadsheets, pages, and file systems of other machines."""
_TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40).map(str.strip)
IDS = st.one_of(st.integers(-(2**63), 2**63 - 1), _TEXTS.filter(bool).map(shop_id), st.sampled_from(HOSTILE))
"""Any ids that a shop may have."""
