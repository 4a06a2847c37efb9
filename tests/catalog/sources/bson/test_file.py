"""The scan of a BSON file: every intact document is found, whatever lies between them."""

from __future__ import annotations

from datetime import datetime

import bson
import numpy as np
import pytest
from bson import Binary, Code
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.product import ProblemKind
from catalog.sources.bson.document import parse_document
from catalog.sources.bson.file import BsonFile, fingerprint
from catalog.sources.bson.scan import MAX_DOCUMENT
from catalog.sources.source import NO_CATEGORY


def encoded(i: int, **fields: object) -> bytes:
    return bson.encode({"_id": i, **fields, "imgs": [{"picture": b"photo %d" % i}]})


def write(tmp_path_factory, data: bytes):
    path = tmp_path_factory.mktemp("bson") / "file.bson"
    path.write_bytes(data)
    return path


def build_index(path, progress=None):
    index = BsonFile(path).index(progress)
    return index.rows, index.problems


# bytes of text never announce a length that fits, so a good document can only be lost by the scan itself
text_garbage = st.binary(min_size=4, max_size=60).map(lambda b: bytes(32 + c % 90 for c in b))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(text_garbage, st.none()), min_size=1, max_size=9))
def test_every_intact_document_between_garbage_is_found(tmp_path_factory, pieces):
    documents = {n: encoded(n, category_id=n + 5) for n, piece in enumerate(pieces) if piece is None}
    data = b"".join(documents[n] if piece is None else piece for n, piece in enumerate(pieces))
    path = write(tmp_path_factory, data)
    if not documents:
        with pytest.raises(ValueError, match="no usable product"):
            build_index(path)
        return
    rows, log = build_index(path)
    assert rows["product_id"].tolist() == list(documents)
    assert rows["category_id"].tolist() == [n + 5 for n in documents]
    for row, document in zip(rows, documents.values(), strict=True):
        assert data[row["offset"] : row["offset"] + row["length"]] == document
    runs_of_garbage = sum(p is not None and (n == 0 or pieces[n - 1] is None) for n, p in enumerate(pieces))
    assert log.counts.total() == runs_of_garbage
    assert set(log.counts) <= {ProblemKind.GARBAGE}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3), st.integers(1, 10**6))
def test_a_file_cut_anywhere_keeps_what_is_whole(tmp_path_factory, n_whole, cut):
    documents = [encoded(n) for n in range(4)]
    tail = documents[n_whole][: cut % len(documents[n_whole])]
    path = write(tmp_path_factory, b"".join(documents[:n_whole]) + tail)
    if n_whole == 0:
        with pytest.raises(ValueError, match="is empty" if not tail else "offset 0|no usable"):
            build_index(path)
        return
    rows, log = build_index(path)
    assert rows["product_id"].tolist() == list(range(n_whole))
    assert [p.where for p in log.named] == ([f"offset {sum(map(len, documents[:n_whole]))}"] if tail else [])


def test_a_document_cut_in_the_middle_of_the_file_costs_only_itself(tmp_path_factory):
    first, second, third = (encoded(n) for n in range(3))
    rows, log = build_index(write(tmp_path_factory, first + second[:20] + third))
    assert rows["product_id"].tolist() == [0, 2]
    assert [(p.kind, p.where) for p in log.named] == [(ProblemKind.GARBAGE, f"offset {len(first)}")]


def id_last(i: int, **fields: object) -> bytes:
    """What a writer other than pymongo may make; pymongo itself always puts the _id first."""
    elements = bson.encode(fields)[4:-1] + bson.encode({"_id": i})[4:-1]
    return (len(elements) + 5).to_bytes(4, "little") + elements + b"\0"


@pytest.mark.parametrize("fields", [{"category_id": 7, "imgs": []}, {"imgs": [{"picture": b"x"}]}])
def test_documents_that_do_not_start_with_their_id_are_found_after_garbage(tmp_path_factory, fields):
    documents = [id_last(n, **fields) for n in range(3)]
    assert list(bson.decode(documents[0])) == [*fields, "_id"]
    rows, log = build_index(write(tmp_path_factory, documents[0] + b"????" + b"".join(documents[1:])))
    assert rows["product_id"].tolist() == [0, 1, 2]
    assert log.counts[ProblemKind.GARBAGE] == 1


@pytest.mark.parametrize("announced", [MAX_DOCUMENT + 1, 2**31 - 1, -1, 0, 4])
def test_a_length_that_no_document_has_is_garbage(tmp_path_factory, announced):
    head = announced.to_bytes(4, "little", signed=True)
    rows, log = build_index(write(tmp_path_factory, encoded(1) + head + encoded(2)))
    assert rows["product_id"].tolist() == [1, 2]
    assert dict(log.counts) == {ProblemKind.GARBAGE: 1}


def test_the_end_of_every_scan_is_reported_as_progress(tmp_path_factory):
    path = write(tmp_path_factory, b"".join(encoded(n) for n in range(3)))
    seen = []
    build_index(path, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size,) * 2


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"nothing", "not BSON"),
        (bson.encode({"imgs": []}), "_id is missing"),
        (bson.encode({"_id": 1.5}), "_id is float '1.5', expected an integer, a text, an ObjectId or a UUID"),
        (bson.encode({"_id": 2.0**60}), "_id is float .*expected an integer"),
        (bson.encode({"_id": float("nan")}), "_id is float 'nan', expected"),
        (bson.encode({"_id": False}), "_id is bool 'False', expected"),
        (bson.encode({"_id": {"a": 1}}), "_id is dict .*expected"),
        (bson.encode({"_id": datetime(2026, 1, 1)}), "_id is datetime '2026-01-01.*expected"),
        (bson.encode({"_id": b"0123456789abcdef"}), "_id is bytes .*expected"),
        (bson.encode({"_id": Binary(b"0123456789", 4)}), "_id is Binary .*expected"),
        (bson.encode({"_id": Binary(b"0123456789abcdef", 5)}), "_id is Binary .*expected"),
        (bson.encode({"_id": Code("1")}), "_id is Code .*expected"),
        (bson.encode({"_id": " "}), "_id: it is empty"),
        (bson.encode({"_id": " a b "}), "_id: ' a b ' has blanks around it"),
        (bson.encode({"_id": "a\nb"}), "_id: 'a.*control characters"),
        (bson.encode({"_id": "x" * 1001}), "_id: 'xxx.*longer than the 1000 characters"),
        (bson.encode({"_id": "XYZ"}).replace(b"XYZ", b"X\xff\xfe"), "_id: 'X"),
    ],
)
def test_a_document_that_cannot_be_used_says_why(raw, message):
    with pytest.raises(ValueError, match=message):
        parse_document(raw)


UUID_BYTES = bytes(range(16))
UUID_TEXT = "00010203-0405-0607-0809-0a0b0c0d0e0f"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (12, 12),
        (bson.Int64(2**40), 2**40),
        (12.0, 12),
        ("12", 12),
        ("-12", -12),
        ("00012", "00012"),
        ("12.0", "12.0"),
        ("MH01-gray", "MH01-gray"),
        ("a b", "a b"),
        ("=1+1", "=1+1"),
        ("9" * 19, "9" * 19),
        ("x" * 1000, "x" * 1000),
        (bson.ObjectId("65a1b2c3d4e5f60718293a4b"), "65a1b2c3d4e5f60718293a4b"),
        (Binary(UUID_BYTES, 4), UUID_TEXT),
        (Binary(UUID_BYTES, 3), UUID_TEXT),
    ],
)
def test_what_an_id_may_be(written, read):
    document = parse_document(bson.encode({"_id": written, "category_id": 7}))
    assert (document.product_id, type(document.product_id)) == (read, type(read))
    assert document.category_id == 7
    # a category's text is read as a cell of the tree's file is
    category_id = {"12.0": 12}.get(written, read)
    document = parse_document(bson.encode({"_id": 7, "category_id": written, "imgs": [{"picture": b"x"}]}))
    assert (document.category_id, type(document.category_id)) == (category_id, type(category_id))
    assert not document.problems


@pytest.mark.parametrize("written", [{"a": 1}, True, ["x"], b"0123456789abcdef", "a\0b", "2,87E+18", "x" * 1001])
def test_a_category_that_is_none_is_named_and_the_product_is_kept(written):
    document = parse_document(bson.encode({"_id": 1, "category_id": written, "imgs": [{"picture": b"x"}]}))
    assert (document.product_id, document.category_id, document.pictures) == (1, None, (b"x",))
    assert [kind for kind, _ in document.problems] == [ProblemKind.BAD_CATEGORY]
    assert document.problems[0][1].startswith(("category_id is ", "category_id: "))


@pytest.mark.parametrize(
    ("written", "read", "n_problems"),
    [(1000010653.0, 1000010653, 0), (-0.0, 0, 0), (12.5, None, 1), (float("nan"), None, 1), (2.0**60, None, 1)],
)
def test_a_category_written_as_a_double_is_read_when_it_is_a_whole_number(written, read, n_problems):
    document = parse_document(bson.encode({"_id": 1, "category_id": written, "imgs": [{"picture": b"x"}]}))
    assert (document.category_id, len(document.problems)) == (read, n_problems)
    assert read is None or type(document.category_id) is int


def test_what_one_document_says():
    raw = bson.encode({"_id": bson.Int64(5), "category_id": None, "imgs": [{"picture": b"a"}, None, {"picture": "b"}]})
    document = parse_document(raw)
    assert (document.product_id, type(document.product_id)) == (5, int)
    assert (document.category_id, document.pictures) == (None, (b"a",))
    assert [(kind, detail) for kind, detail in document.problems] == [
        (ProblemKind.BAD_PHOTO_ENTRY, "photo 2"),
        (ProblemKind.BAD_PHOTO_ENTRY, "photo 3"),
    ]


def test_a_missing_category_is_written_as_minus_one(tmp_path_factory):
    rows, _ = build_index(write(tmp_path_factory, encoded(1) + encoded(2, category_id=3)))
    assert rows["category_id"].tolist() == [NO_CATEGORY, 3]


def test_the_fingerprint_sees_length_and_sampled_content(tmp_path_factory):
    rng = np.random.default_rng(0)
    data = bytearray(rng.bytes(2**16 * 3))
    same = [fingerprint(write(tmp_path_factory, bytes(data)), 4, 2**12) for _ in range(2)]
    assert same[0] == same[1]
    assert fingerprint(write(tmp_path_factory, bytes(data) + b"\0"), 4, 2**12) != same[0]
    # first and last block are always among the sampled ones
    for at in (0, -1):
        changed = data.copy()
        changed[at] ^= 1
        assert fingerprint(write(tmp_path_factory, bytes(changed)), 4, 2**12) != same[0]
