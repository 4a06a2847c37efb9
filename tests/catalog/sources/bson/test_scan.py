"""Reading a BSON file in several processes gives what reading it alone gives, whatever lies in it."""

from __future__ import annotations

import hashlib
import multiprocessing
import re
import unicodedata
from functools import partial
from itertools import product

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.files.sidecar import sidecar_path
from catalog.files.workers import in_order
from catalog.ids.shop_id import id_number
from catalog.product_text import ShopText
from catalog.sources.bson import scan as bson_scan
from catalog.sources.bson.document import parse_document, texts_of
from catalog.sources.bson.scan import scan
from catalog.sources.bson.walk import texts_in, walk
from catalog.sources.source import NO_CATEGORY
from curation.indexing import open_indexed
from tests.support.products import make_product

int32 = st.integers(-(2**31), 2**31 - 1)
pictures = st.one_of(
    st.binary(max_size=90),
    # a photo that holds a document of its own: a guessed start may lie in it
    st.builds(lambda i: b"ab" + bson.encode({"_id": i, "imgs": [{"picture": b"inner"}]}) * 3, st.integers(0, 9)),
)
entries = st.one_of(pictures.map(lambda p: {"picture": p}), st.sampled_from([None, {"pic": 1}, {"picture": "text"}]))
ids = st.one_of(
    st.integers(0, 9),
    st.sampled_from(["1", "01", " a ", "a", "b", "", "e\u0301", "\u00e9", "a\n", "x" * 1001, 2.0, 2.5, None, True]),
    st.binary(min_size=12, max_size=12).map(bson.ObjectId),
    st.builds(bson.Binary, st.binary(min_size=15, max_size=16), st.sampled_from([0, 3, 4, 5])),
)
documents = st.one_of(
    st.fixed_dictionaries(
        {"_id": st.integers(0, 30), "imgs": st.lists(pictures.map(lambda p: {"picture": p}), min_size=1, max_size=4)}
    ),
    st.fixed_dictionaries(
        {"_id": st.one_of(int32, st.just(2**40), st.just("x"), st.none()), "imgs": st.lists(entries, max_size=6)}
    ),
    st.fixed_dictionaries({"_id": st.integers(0, 30), "category_id": int32, "imgs": st.lists(entries, max_size=5)}),
    st.fixed_dictionaries(
        {"_id": ids, "category_id": ids, "imgs": st.lists(pictures.map(lambda p: {"picture": p}), min_size=1)}
    ),
)
texts = st.one_of(st.text(max_size=9), st.sampled_from([None, 7, ["a", "b"], {"en": "a"}]))
with_texts = st.tuples(
    ids,
    st.fixed_dictionaries(
        {"imgs": st.lists(pictures.map(lambda p: {"picture": p}), min_size=1, max_size=4)},
        optional={
            "category_id": st.one_of(int32, ids), "title": texts, "description": texts, "price": st.integers(0, 9)
        },
    ).flatmap(lambda fields: st.permutations(list(fields.items()))),
).map(lambda drawn: {"_id": drawn[0], **dict(drawn[1])})  # fmt: skip


def nfc(shop_id):
    return unicodedata.normalize("NFC", shop_id) if isinstance(shop_id, str) else shop_id


def usual(data: bytes):
    """What `walk` says, in `parse_document`'s words; None when it leaves the document to that."""
    walked = walk(memoryview(data), 0)
    if walked is None:
        return None
    length, product_id, category_id, spans, texts = walked
    assert length == len(data)
    slow = parse_document(data)
    assert ShopText.of(*(texts or ("", "")))[:2] == (slow.title, slow.description)
    assert texts_in(memoryview(data), 0, length) == texts_of(bson.decode(data))
    return product_id, None if category_id == NO_CATEGORY else category_id, tuple(data[a:b] for a, b in spans), ()


@settings(max_examples=300)
@given(st.one_of(documents, with_texts), st.data())
def test_a_document_walked_is_a_document_decoded(fields, data):
    raw = bson.encode(fields)
    if data.draw(st.booleans()):
        damaged = bytearray(raw)
        damaged[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from([0, 1, 2, 4, 5, 16, 48, 255]))
        raw = bytes(damaged)
    if len(raw) != int.from_bytes(raw[:4], "little", signed=True):
        return
    try:
        slow = parse_document(raw)
    except ValueError:
        assert usual(raw) is None
        return
    fast = usual(raw)
    if fast is not None and slow.category_id != NO_CATEGORY:
        assert fast == (slow.product_id, slow.category_id, slow.pictures, slow.problems)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Mug"},
        {"category_id": 7, "description": "White", "title": "Mug"},
        {"title": "", "category_id": 7},
        {"title": "Mug \u00e9\0"},
    ],
)
def test_a_document_with_texts_is_walked_wherever_they_stand(fields):
    imgs = {"imgs": [{"picture": b"abc"}]}
    for raw in (bson.encode({"_id": 7, **fields, **imgs}), bson.encode({"_id": 7, **imgs, **fields})):
        assert usual(raw) == (7, fields.get("category_id"), (b"abc",), ())
        for cut in range(len(raw)):
            assert walk(memoryview(raw[:cut]), 0) is None


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("label", [{}, {"category_id": 1000010653}])
def test_the_usual_document_is_walked(n, label):
    photos = tuple(bytes([k]) * 50 for k in range(n))
    raw = bson.encode({"_id": 7, **label, "imgs": [{"picture": p} for p in photos]})
    assert usual(raw) == (7, label.get("category_id"), photos, ())
    for cut in range(len(raw)):
        assert walk(memoryview(raw[:cut]), 0) is None


@pytest.mark.parametrize(
    "label", [{}, {"category_id": 1000010653}, {"title": "é"}, {"description": "d", "category_id": 7, "title": ""}]
)
def test_whichever_byte_is_wrong_a_walked_document_is_what_it_decodes_to(label):
    raw = bson.encode({"_id": 7, **label, "imgs": [{"picture": b"ab"}, {"picture": b"c"}]})
    n_walked = 0
    # the first four tell the document's end, which the scan looks at
    for place, value in product(range(4, len(raw)), range(256)):
        damaged = raw[:place] + bytes([value]) + raw[place + 1 :]
        fast = usual(damaged)
        if fast is not None:
            slow = parse_document(damaged)
            assert fast == (slow.product_id, slow.category_id, slow.pictures, slow.problems)
            n_walked += 1
    assert n_walked > 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"_id": "MH01-gray"},
        {"_id": "12", "category_id": "00012"},
        {"_id": bson.ObjectId("65a1b2c3d4e5f60718293a4b"), "category_id": " shoes "},
        {"_id": bson.Binary(bytes(range(16)), 4), "category_id": 7, "title": "Mug"},
        {"_id": bson.Binary(bytes(range(16)), 3), "category_id": ""},
    ],
)
def test_whichever_byte_is_wrong_in_a_document_with_any_ids_it_is_what_it_decodes_to(fields):
    raw = bson.encode({**fields, "imgs": [{"picture": b"ab"}]})
    whole = parse_document(raw)
    assert usual(raw) == (whole.product_id, whole.category_id, (b"ab",), ())
    n_walked = 0
    for place, value in product(range(4, len(raw)), range(256)):
        damaged = raw[:place] + bytes([value]) + raw[place + 1 :]
        fast = usual(damaged)
        if fast is not None:
            slow = parse_document(damaged)
            assert fast == (slow.product_id, slow.category_id, slow.pictures, slow.problems)
            n_walked += 1
    assert n_walked > 500
    for cut in range(len(raw)):
        assert walk(memoryview(raw[:cut]), 0) is None


def same(a, b) -> None:
    assert a.rows.tolist() == b.rows.tolist()
    assert a.md5s.tobytes() == b.md5s.tobytes()
    assert a.problems.to_json() == b.problems.to_json()
    assert a.ids.to_bytes().tobytes() == b.ids.to_bytes().tobytes()


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(documents.map(bson.encode), with_texts.map(bson.encode), st.binary(max_size=300)),
        min_size=1,
        max_size=30,
    ),
    st.integers(20, 400),
    st.integers(0, 400),
)
def test_guessed_blocks_are_joined_to_what_one_reading_finds(tmp_path_factory, monkeypatch, pieces, block, cut):
    # the guesses are made as by workers, but here: two hundred pools would take minutes
    monkeypatch.setattr(bson_scan, "in_order", lambda function, tasks, n: (function(t) for t in tasks))
    path = tmp_path_factory.mktemp("scan") / "file.bson"
    data = b"".join(pieces)
    path.write_bytes(data[: max(1, len(data) - cut)])
    try:
        alone = scan(path, with_md5s=True)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            scan(path, with_md5s=True, n_workers=2, block=block)
        return
    same(scan(path, with_md5s=True, n_workers=2, block=block), alone)
    same(scan(path, with_md5s=True, block=block), alone)
    assert scan(path, n_workers=2, block=block).has_texts == alone.has_texts
    by_document = [parse_document(path.read_bytes()[r["offset"] : r["offset"] + r["length"]]) for r in alone.rows]
    assert alone.rows["product_id"].tolist() == [id_number(d.product_id) for d in by_document]
    for column in ("product_id", "category_id"):
        shown = alone.ids.take(alone.rows[column])
        expected = [getattr(d, column) for d in by_document]
        assert list(map(nfc, shown)) == [NO_CATEGORY if one is None else nfc(one) for one in expected]
    assert alone.md5s.tobytes() == b"".join(hashlib.md5(p).digest() for d in by_document for p in d.pictures)


def text_id(i: int) -> object:
    """Ids of all kinds, and categories too."""
    return (i, f"SKU-{i}", bson.ObjectId(i.to_bytes(12, "big")), bson.Binary(i.to_bytes(16, "big"), 4))[i % 4]


@pytest.fixture(params=["integers", "any ids"])
def damaged(write_bson, request):
    pieces = [make_product(i % 290, 11, 1 + i % 4) for i in range(300)]
    if request.param == "any ids":
        pieces = [
            {**piece, "_id": text_id(piece["_id"]), "category_id": text_id(i % 9)} for i, piece in enumerate(pieces)
        ]
    return write_bson(
        *pieces[:100], b"\xff" * 5000, *pieces[100:200], bson.encode(pieces[0])[:40], *pieces[200:], b"end"
    )


def test_processes_give_the_same_sidecars_and_are_gone_afterwards(damaged, monkeypatch):
    alone = scan(damaged, with_md5s=True)
    seen: list[tuple[int, int]] = []
    same(scan(damaged, with_md5s=True, n_workers=2, block=2**16, progress=lambda *a: seen.append(a)), alone)
    size = damaged.stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not multiprocessing.active_children()
    slow = Catalog(damaged)
    slow.md5s()
    suffixes = (".index", ".md5", *([".ids"] if len(slow.ids) else []))
    places = [sidecar_path(damaged, suffix) for suffix in suffixes]
    kept = [place.read_bytes() for place in places]
    for place in places:
        place.unlink()
    monkeypatch.setattr("catalog.sources.bson.file.scan", partial(scan, block=2**16))
    open_indexed(damaged, n_workers=2)
    assert [place.read_bytes() for place in places] == kept


def test_interrupted_work_leaves_no_process_and_no_half_sidecar(damaged, monkeypatch):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(damaged, with_md5s=True, n_workers=2, block=2**16, progress=interrupt)
    assert not multiprocessing.active_children()
    assert [p.name for p in damaged.parent.iterdir()] == [damaged.name]


def test_the_md5s_of_any_source_may_be_read_by_processes(write_bson, monkeypatch):
    path = write_bson(*[make_product(i, n=1 + i % 4) for i in range(40)])
    monkeypatch.setattr("catalog.catalog.MD5_CHUNK", 7)
    alone = np.array(Catalog(path).md5s())
    sidecar_path(path, ".md5").unlink()
    catalog = Catalog(path)
    assert np.array_equal(catalog.md5s(n_workers=2), alone)
    assert len(alone) == int(catalog.n_images.sum())


def test_without_its_index_kept_a_catalogue_is_not_given_to_processes(write_bson, monkeypatch):
    path = write_bson(*[make_product(i) for i in range(9)])
    monkeypatch.setattr("catalog.catalog.MD5_CHUNK", 2)
    monkeypatch.setattr("catalog.kept_index.keep_sidecar", lambda *a: None)
    asked: list[int] = []
    monkeypatch.setattr("catalog.catalog.in_order", lambda f, tasks, n: (asked.append(n), in_order(f, tasks, 1))[1])
    catalog = Catalog(path)
    assert not catalog.is_kept
    assert len(catalog.md5s(n_workers=2)) == 9
    assert asked == [1]
