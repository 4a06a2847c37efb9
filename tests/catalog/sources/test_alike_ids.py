"""Ids that are alike are named, once for each group, and stay products of their own."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number, shop_id
from catalog.sources.alike_ids import groups_of_alike
from tests.support.ids import IDS
from tests.support.photo_files import kinds, put, said
from tests.support.products import make_product


def groups(ids: list[ShopId]) -> set[frozenset[ShopId]]:
    numbers = np.array([id_number(one) for one in ids], np.int64)
    return {frozenset(group) for group in groups_of_alike(numbers, IdNames.of(ids))}


ALIKE = st.text("aAbB01 ", min_size=1, max_size=5).filter(str.strip).map(shop_id)


@given(st.lists(ALIKE | IDS, max_size=30, unique_by=id_number))
def test_groups_are_those_of_a_dictionary(ids: list[ShopId]) -> None:
    slow: dict[str, set[ShopId]] = {}
    for one in ids:
        text = "".join(str(one).casefold().split())
        slow.setdefault(text.lstrip("0") or "0", set()).add(one)
    assert groups(ids) == {frozenset(group) for group in slow.values() if len(group) > 1}


def test_what_is_told_does_not_depend_on_the_order() -> None:
    ids: list[ShopId] = ["b 1", "B1", "007", 7, "Z", "z", "q"]
    told = [
        list(groups_of_alike(np.array([id_number(one) for one in some]), IdNames.of(some))) for some in (ids, ids[::-1])
    ]
    assert told[0] == told[1]
    assert ["007", 7] in told[0]


def test_integers_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IdNames, "take", None)
    assert groups([7, 70, 700]) == set()


def test_a_number_of_a_text_is_no_integer_id() -> None:
    assert groups(["a", str(id_number("a")).zfill(25)]) == set()


def test_tables_folders_and_documents_say_so(tmp_path, write_bson) -> None:
    put(tmp_path / "a.jpg")
    rows = [("MH01", "C 1"), ("mh01", "c1"), ("007", "x"), (7, "C1"), ("ok", None)]
    (tmp_path / "t.csv").write_text(
        "product_id,category_id,photos\n" + "".join(f"{one},{c or ''},a.jpg\n" for one, c in rows)
    )
    bson_file = write_bson(*[{**make_product(1), "_id": one, "category_id": c} for one, c in rows])
    for address in (tmp_path / "t.csv", bson_file):
        catalog = Catalog(address)
        assert len(catalog) == 5
        assert kinds(catalog) == {"ALIKE_IDS": 3}
        assert {line.partition(": ")[0] for line in said(catalog)} == {"product_id", "category_id"}
        # told again from what is kept
        assert said(Catalog(address)) == said(catalog)
        assert "('007', 7)" in "".join(said(catalog))
        catalog.problems.require_none("t", told=True)
        assert "if they are one, write them alike" in catalog.problems.summary()
    for name in ("A-1", "a-1"):
        put(tmp_path / "shop" / "5" / name / "1.jpg")
    assert said(Catalog(tmp_path / "shop")) == [
        "product_id: ids that differ only in letter case, blanks or leading zeros (each stays one of its own) "
        "('A-1', 'a-1')"
    ]


def test_many_ids_are_looked_at_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.alike_ids.BATCH", 10)
    ids: list[ShopId] = [str(uuid.UUID(int=n)) for n in range(200)]
    assert groups([*ids, ids[10].upper() + "x", ids[13].replace("d", "D")]) == {
        frozenset([ids[13], ids[13].replace("d", "D")])
    }
