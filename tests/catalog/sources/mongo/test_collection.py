"""A collection is the same catalogue as a BSON file of its documents, whatever the connection does meanwhile."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
from pathlib import Path
from uuid import UUID

import bson
import numpy as np
import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from catalog.catalog import Catalog
from catalog.product import ProblemKind
from catalog.sources.bson.document import document_of, parse_document, texts_of
from catalog.sources.bson.document_ids import product_id_in
from catalog.sources.mongo import collection as mongo_source
from catalog.sources.mongo import index as mongo_index
from catalog.sources.mongo.collection import MongoCollection, requests
from catalog.sources.mongo.connection import TOLERANT
from catalog.sources.mongo.index import BATCH
from catalog.sources.source import ROW
from curation.cli import main
from tests.support.command_line import invoke
from tests.support.mongo_server import uri_of
from tests.support.products import make_photo, make_product


def kinds(catalog: Catalog) -> dict[str, int]:
    return {kind.name: count for kind, count in catalog.problems.counts.items()}


def named(catalog: Catalog) -> list[tuple[str, int, str]]:
    """The problems of products, without their places, which a file and a collection call by other names."""
    return [(p.kind.name, p.product_id, p.detail) for p in catalog.problems.named if p.product_id is not None]


def by_id(documents: list[dict]) -> list[dict]:
    return sorted(documents, key=lambda document: document["_id"])


def test_products_come_in_the_order_of_their_id_whatever_was_written_first(mongo, tmp_path):
    ids = (5, -3, 2, 2**40, 0, 2**31, 1, -(2**62))
    documents = [{**make_product(n, 11 if n % 2 else None, 1 + n % 4), "_id": i} for n, i in enumerate(ids)]
    mongo.insert_many(documents)
    catalog = Catalog(uri_of(mongo))
    ordered = by_id(documents)
    assert catalog.product_ids.tolist() == [d["_id"] for d in ordered]
    assert catalog.category_ids.tolist() == [d.get("category_id", -1) for d in ordered]
    assert [p.images for p in catalog] == [tuple(i["picture"] for i in d["imgs"]) for d in ordered]
    assert [p.product_id for p in catalog[2:5]] == [d["_id"] for d in ordered[2:5]]
    assert [p.product_id for p in catalog.take([7, 0, 7, 3])] == [ordered[i]["_id"] for i in (7, 0, 7, 3)]
    assert [len(chunk) for _, chunk in catalog.batches(3)] == [3, 3, 2]
    assert not kinds(catalog)
    path = tmp_path / "same.bson"
    path.write_bytes(b"".join(map(bson.encode, ordered)))
    assert np.array_equal(catalog.md5s(), Catalog(path).md5s())


def is_id(value: object) -> bool:
    try:
        return bool(str(product_id_in(value)))
    except ValueError:
        return False


pictures = st.binary(max_size=5)
entries = st.one_of(
    pictures.map(lambda b: {"picture": b}),
    pictures.map(lambda b: {"picture": b, "thumbnail": b"t"}),
    st.sampled_from([None, 3, "x", {}, [], [{"picture": b"x"}]]),
    st.sampled_from([{"picture": "text"}, {"picture": None}, {"picture": [b"x"]}]),
)
UUID_4 = Binary(bytes(range(16)), 4)
whole = st.integers(-(2**63), 2**63 - 1).map(Int64)
fields = st.fixed_dictionaries(
    {},
    optional={
        "imgs": st.one_of(
            st.lists(entries, max_size=6), st.sampled_from([None, "", 0, "none", {"picture": b"x"}, b"x"])
        ),
        "category_id": st.one_of(
            whole, st.sampled_from([None, -1, "12", True, 1.5, 7.0, [], "shoes", ObjectId("1" * 24), UUID_4])
        ),
        "title": st.text(max_size=5),
    },
)
ids = st.one_of(
    whole,
    st.integers(-50, 50),
    st.sampled_from(["12", True, 1.5, 3.5, {"a": 1}, ObjectId("0" * 24), b"id", Decimal128("7.5"), float("nan")]),
    st.sampled_from(["", "a", "012", "\u00e9", "e\u0301", "0" * 24, str(UUID(bytes=bytes(range(16)))), UUID_4, "a\n"]),
    st.integers(-50, 50).map(str),
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ids, fields), min_size=1, max_size=7, unique_by=lambda pair: repr(pair[0])))
def test_a_collection_is_the_catalogue_of_a_bson_file_with_its_documents(mongo, tmp_path_factory, drawn):
    documents = [{"_id": i, **more} for i, more in drawn]
    mongo.drop()
    mongo.insert_many(documents)
    path = tmp_path_factory.mktemp("same") / "same.bson"
    path.write_bytes(b"".join(bson.encode(d) for d in mongo.find(sort=[("_id", 1)])))
    if not any(is_id(d["_id"]) for d in documents):
        for address in (path, uri_of(mongo)):
            with pytest.raises(ValueError, match="no usable product"):
                Catalog(address)
        return
    expected, catalog = Catalog(path), Catalog(uri_of(mongo))
    assert catalog.product_ids.tolist() == expected.product_ids.tolist()
    assert catalog.category_ids.tolist() == expected.category_ids.tolist()
    assert list(catalog) == list(expected)
    assert kinds(catalog) == kinds(expected)
    assert catalog.shop_ids() == expected.shop_ids()
    named = [
        sorted((p.kind, str(p.product_id), p.detail) for p in c.problems.named if p.product_id)
        for c in (catalog, expected)
    ]
    assert named[0] == named[1]
    assert np.array_equal(catalog.md5s(), expected.md5s())
    raw = list(catalog.raw(np.arange(len(catalog))))
    assert raw == list(expected.raw(np.arange(len(expected))))


def test_photos_as_base64_text_are_refused_as_that(mongo):
    mongo.insert_many([{"_id": 1, "imgs": [{"picture": "/9j/" * 100}, {"picture": "text"}]}, {"_id": 2.0, "imgs": []}])
    with pytest.raises(ValueError, match="photo given as text, in base64 perhaps"):
        Catalog(uri_of(mongo))
    mongo.insert_one({"_id": 3, "imgs": [{"picture": b"x"}]})
    catalog = Catalog(uri_of(mongo))
    assert catalog.product_ids.tolist() == [1, 2, 3]
    assert [len(product.images) for product in catalog] == [0, 0, 1]
    assert kinds(catalog) == {"TEXT_PHOTO": 1, "BAD_PHOTO_ENTRY": 1, "NO_PHOTO": 2}


def test_documents_with_other_ids_are_counted_and_the_first_are_named(mongo):
    mongo.insert_many([make_product(1), {"_id": " a"}, {"_id": "x" * 1001}, {"_id": b"x"}])
    mongo.insert_many([{"_id": {"n": n}} for n in range(1200)])
    catalog = Catalog(uri_of(mongo))
    assert catalog.product_ids.tolist() == [1]
    assert kinds(catalog) == {"BAD_DOCUMENT": 1203}
    places = [str(p) for p in catalog.problems.named if p.kind is ProblemKind.BAD_DOCUMENT]
    assert len(places) == 1000
    assert [place.split(": ")[0] for place in places[:3]] == ["_id ' a'", f"_id '{'x' * 59}", "_id b'x'"]
    assert "(_id: ' a' has blanks around it)" in places[0]
    assert places[3].startswith("_id {'n': 0}: document without an _id that can be used (")
    assert places[3].endswith("(_id is dict, expected an integer, a text, an ObjectId or a UUID)")


KINDS_OF_IDS = [3, Int64(2**40), 12.0, "0012", "MH01-gray", "a b", "=1+1", UUID_4, ObjectId("65a1b2c3d4e5f60718293a4b")]


def any_id(written: object, n: int, **fields: object) -> dict:
    return {**make_product(n), "_id": written, "title": f"title {n}", **fields}


def test_products_of_any_kind_of_id_are_those_of_a_file(mongo, tmp_path):
    documents = [any_id(one, n, category_id=KINDS_OF_IDS[-n]) for n, one in enumerate(KINDS_OF_IDS)]
    mongo.insert_many(documents)
    (tmp_path / "same.bson").write_bytes(b"".join(bson.encode(d) for d in mongo.find(sort=[("_id", 1)])))
    file, catalog = Catalog(tmp_path / "same.bson"), Catalog(uri_of(mongo))
    shown = {str(product_id_in(one)) for one in KINDS_OF_IDS}
    for opened in (catalog, Catalog(uri_of(mongo)), pickle.loads(pickle.dumps(catalog))):
        assert {str(one) for one in opened.shop_ids()} == shown
        assert opened.shop_ids() == file.shop_ids()
        assert list(opened) == list(file)
        assert list(opened.titles()) == list(file.titles())
        assert list(opened.raw(range(9))) == list(file.raw(range(9)))
        assert [p.product_id for p in opened.take([8, 0, 8, 5])] == [file[n].product_id for n in (8, 0, 8, 5)]
        kinds_of_ids = [type(one) for one in opened.document_ids(range(9))]
        assert kinds_of_ids == [int, int, int, str, str, str, str, Binary, ObjectId]
        assert kinds(opened) == kinds(file) == {"ALIKE_IDS": 2}
    assert file.document_ids(range(9)) == catalog.document_ids(range(9))


@pytest.mark.parametrize("with_photos", [(0, 1), (1, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize(
    "pair", [(12, "12"), ("0" * 24, ObjectId("0" * 24)), (str(UUID_4.as_uuid()), UUID_4), ("e\u0301", "\u00e9")]
)
def test_two_documents_of_one_id_are_one_product_and_the_other_is_named(mongo, pair, with_photos):
    documents = [
        {"_id": one, "title": f"title {n}", "imgs": [{"picture": b"%d" % n}] * with_photos[n]}
        for n, one in enumerate(pair)
    ]
    mongo.insert_many([*documents, {"_id": "other", "imgs": [{"picture": b"x"}]}])
    kept = 1 if with_photos == (0, 1) else 0
    catalog = Catalog(uri_of(mongo))
    shown = product_id_in(pair[kept])
    position = catalog.shop_ids().index(shown)
    assert len(catalog) == 2
    assert catalog[position].images == (b"%d" % kept,) * with_photos[kept]
    assert catalog.titles()[position] == f"title {kept}"
    assert list(catalog.raw([position])) == [bson.encode(documents[kept])]
    (repeated,) = (p for p in catalog.problems.named if p.kind is ProblemKind.REPEATED_ID)
    assert repeated.product_id == shown
    if shown != "e\u0301" and shown != "\u00e9":
        other = pair[1 - kept]
        assert repeated.where == f"_id {other.as_uuid() if isinstance(other, Binary) else other!r}"


@pytest.mark.slow
def test_many_documents_over_several_batches(mongo):
    n = 2 * BATCH + 7
    mongo.insert_many([{"_id": 3 * i, "imgs": [{"picture": b"%d" % i}]} for i in range(n)])
    seen = []
    catalog = Catalog(MongoCollection.at(uri_of(mongo)), lambda done, total: seen.append((done, total)))
    assert catalog.product_ids.tolist() == list(range(0, 3 * n, 3))
    assert [p.images for p in catalog] == [(b"%d" % i,) for i in range(n)]
    assert seen[-1] == (n, n)


def of_some_kind(n: int) -> object:
    """Ids of all kinds, in the server's order."""
    if n < 75:
        return n if n < 40 else f"text {n}"
    return Binary(bytes(range(n, n + 16)), 4) if n < 110 else ObjectId(bytes(range(n, n + 12)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_dropped_connections_lose_and_repeat_nothing(mongo, proxy, monkeypatch, seed):
    monkeypatch.setattr(mongo_index, "BATCH", 40)
    documents = [make_product(i, 11, 1 + i % 2) for i in range(150)]
    for n, document in enumerate(documents):
        document["_id"] = of_some_kind(n)
    mongo.insert_many(documents)
    through = proxy(seed, cuts=6, smallest=2500, largest=7000)
    catalog = Catalog(uri_of(mongo, through.port))
    after_index, through.left, through.largest = through.n_cut, 6, 60_000
    assert catalog.shop_ids() == [product_id_in(of_some_kind(n)) for n in range(150)]
    assert [p.images for p in catalog] == [tuple(i["picture"] for i in d["imgs"]) for d in documents]
    assert list(catalog.raw(np.arange(150))) == list(map(bson.encode, documents))
    assert after_index > 0
    assert through.n_cut > after_index


def test_a_server_that_is_away_for_a_while_is_waited_for(mongo, proxy, caplog):
    mongo.insert_many([make_product(i) for i in range(60)])
    through = proxy(0, cuts=0)
    chunks = Catalog(uri_of(mongo, through.port) + "&serverSelectionTimeoutMS=100").batches(20)
    seen = [product.product_id for product in next(chunks)[1]]
    through.down(0.4)
    with caplog.at_level(logging.WARNING):
        seen += [product.product_id for _, chunk in chunks for product in chunk]
    assert seen == list(range(60))
    # nobody sits before a silent terminal meanwhile
    assert f"waiting for mongodb://127.0.0.1:{through.port} (" in caplog.text
    assert "attempt 2 of 9" in caplog.text


def test_a_connection_that_never_holds_ends_with_a_plain_error(mongo, proxy):
    mongo.insert_many([make_product(i) for i in range(40)])
    through = proxy(0, cuts=0)
    catalog = Catalog(uri_of(mongo, through.port))
    through.left, through.smallest, through.largest = 10**9, 3000, 3000
    with pytest.raises(ConnectionError, match=r"the connection was dropped 9 times in a row.*the same command again"):
        list(catalog)


def ids_in_worker(catalog: Catalog) -> list[int]:
    return [product.product_id for product in catalog]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_reopen_the_collection_without_looking_through_it(mongo, monkeypatch, method):
    mongo.insert_many([make_product(i) for i in range(5)])
    catalog = Catalog(uri_of(mongo))
    assert len(catalog[:1]) == 1
    monkeypatch.setattr(MongoCollection, "index", lambda *a: pytest.fail("looked through again"))
    assert len(pickle.dumps(catalog)) < 1500
    assert ids_in_worker(pickle.loads(pickle.dumps(catalog))) == [0, 1, 2, 3, 4]
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(ids_in_worker, (catalog,)) == [0, 1, 2, 3, 4]
    assert len(catalog[1:]) == 4


def test_the_index_is_kept_until_the_collection_changes(mongo):
    mongo.insert_many([make_product(1), make_product(2)])
    first = Catalog(uri_of(mongo))
    assert Catalog(uri_of(mongo)).stamp == first.stamp
    mongo.insert_one(make_product(3))
    assert Catalog(uri_of(mongo)).product_ids.tolist() == [1, 2, 3]
    mongo.drop()
    mongo.insert_many([make_product(1), make_product(2), make_product(3, 5)])
    last = Catalog(uri_of(mongo))
    assert last.category_ids.tolist() == [-1, -1, 5]
    assert last.fingerprint != first.fingerprint


def test_every_write_that_the_server_counts_makes_another_stamp(mongo, monkeypatch):
    # the server of these tests counts no writes: what MongoDB would say is put in its place, of two shards
    mongo.insert_many([make_product(1, 5), make_product(2)])
    shards = [[10, 1000, 3], [20, 2000, 4]]

    def told(self, pipeline, **more):
        assert pipeline == [{"$collStats": {"storageStats": {}, "latencyStats": {}}}]
        return [
            {"storageStats": {"count": count, "size": size}, "latencyStats": {"writes": {"ops": ops}}}
            for count, size, ops in shards
        ]

    monkeypatch.setattr(Collection, "aggregate", told)
    stamp = MongoCollection.at(uri_of(mongo)).stamp()
    assert (stamp["count"], stamp["size"], stamp["writes"], stamp["last"]) == (30, 3000, 7, "2")
    assert MongoCollection.at(uri_of(mongo)).stamp() == stamp
    for shard in shards:
        for i in range(3):
            shard[i] += 1
            assert MongoCollection.at(uri_of(mongo)).stamp() != stamp
            shard[i] -= 1
    # without the right to ask, nothing is known
    monkeypatch.setattr(Collection, "aggregate", forbidden)
    assert MongoCollection.at(uri_of(mongo)).stamp() != MongoCollection.at(uri_of(mongo)).stamp()


def forbidden(self, pipeline, **more):
    raise OperationFailure("not authorized on shop to execute command", 13)


def test_other_fields_do_not_change_the_fingerprint_but_categories_and_photos_do(mongo):
    mongo.insert_many([make_product(1, 5), make_product(2)])

    def fingerprint() -> str:
        return MongoCollection.at(uri_of(mongo)).index().fingerprint

    first = fingerprint()
    mongo.update_one({"_id": 1}, {"$set": {"prediction": {"category_id": 3}}})
    assert fingerprint() == first
    mongo.update_one({"_id": 1}, {"$set": {"category_id": 6}})
    assert fingerprint() != first
    mongo.update_one({"_id": 1}, {"$set": {"category_id": 5}})
    assert fingerprint() == first
    mongo.update_one({"_id": 1}, {"$set": {"imgs": [{"picture": b"short"}]}})
    assert fingerprint() != first


@pytest.mark.parametrize("change", ["gone", "category", "photos"])
def test_a_product_that_changes_under_way_is_not_made_up(mongo, change):
    mongo.insert_many([make_product(i, 5, 2) for i in range(6)])
    catalog = Catalog(uri_of(mongo))
    catalog.md5s()
    changes = {"category": {"category_id": 6}, "photos": {"imgs": [{"picture": make_photo(1)}]}}
    for i in (2, 4):
        mongo.delete_one({"_id": i}) if change == "gone" else mongo.update_one({"_id": i}, {"$set": changes[change]})
    with pytest.raises(ValueError, match=r"2 products were removed or changed since it was indexed \(_id 2, 4\)"):
        list(catalog)
    assert not catalog.source.sidecar(".index").exists()
    assert not catalog.source.sidecar(".md5").exists()
    assert len(list(Catalog(uri_of(mongo)))) == (4 if change == "gone" else 6)
    if change == "gone":
        with pytest.raises(ValueError, match="1 products were removed"):
            list(catalog.raw([1, 2]))


@pytest.mark.parametrize("told", [{}, {"storageStats": {"count": 2}}, {"latencyStats": {"writes": {"ops": 3}}}])
def test_a_server_that_tells_no_statistics_is_looked_through_each_time(mongo, monkeypatch, told):
    mongo.insert_many([make_product(1), make_product(2)])
    source = MongoCollection.at(uri_of(mongo))
    monkeypatch.setattr(type(source.connection.collection), "aggregate", lambda *arguments: [told])
    assert source.stamp() != source.stamp()


def test_a_view_is_a_catalogue_of_which_no_two_stamps_are_equal(mongo):
    mongo.insert_many([make_product(i) for i in range(6)])
    mongo.database.command("create", "some", viewOn=mongo.name, pipeline=[{"$match": {"_id": {"$gt": 2}}}])
    view = MongoCollection.at(uri_of(mongo.database["some"]))
    assert Catalog(view).product_ids.tolist() == [3, 4, 5]
    assert view.stamp() != view.stamp()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 40), max_size=20))
def test_requests_are_cut_by_bytes_and_keep_every_row_in_order(lengths):
    rows = np.array([(i, length * 2**20, i, 0, 1) for i, length in enumerate(lengths)], ROW)
    parts = list(requests(rows))
    assert [row for part in parts for row in part["offset"].tolist()] == list(range(len(lengths)))
    assert all(len(part) == 1 or part["length"].sum() <= mongo_source.REQUEST_BYTES for part in parts)
    assert all(len(part) for part in parts)


def test_what_is_not_there_is_told_with_what_is(mongo):
    uri = uri_of(mongo)
    with pytest.raises(FileNotFoundError, match=f"there is no database {mongo.database.name}"):
        Catalog(uri)
    mongo.database["others"].insert_one({"_id": 1})
    with pytest.raises(FileNotFoundError, match=r"has no collection products, but others"):
        Catalog(uri)
    mongo.database.create_collection("products")
    with pytest.raises(ValueError, match="products is empty: expected documents"):
        Catalog(uri)
    mongo.insert_one({"sku": 5})
    mongo.delete_many({})
    mongo.insert_one({"_id": True})
    with pytest.raises(ValueError, match=r"holds no usable product.\n1 x document without.*(?s:.*)\$out"):
        Catalog(uri)


def test_no_server_is_a_plain_error_at_once(unused_port):
    address = f"mongodb://127.0.0.1:{unused_port}/shop.products?serverSelectionTimeoutMS=300"
    result = invoke(main, "info", address, code=1)
    assert (
        f"Error: {address}: no server answers (127.0.0.1:{unused_port}: [Errno 111] Connection refused" in result.output
    )
    assert "Traceback" not in result.output


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_info_and_split(mongo, tree_csv, tmp_path):
    leaves = [11, 12, 13, 21, 22, 31, 32, 33]
    mongo.insert_many([make_product(i, leaves[i % 8], 1 + i // 8 % 4) for i in range(60)])
    uri, room = uri_of(mongo), tmp_path / "runs"
    told = invoke(main, "info", uri, "--tree", tree_csv, "--strict")
    assert uri in told.output
    assert "products                60   labelled 60" in told.output
    invoke(main, "split", uri, "--tree", tree_csv, "--workspace", room)
    from catalog.runs.workspace import Workspace

    assert len(Workspace(room).training_catalog()) == 60


def test_nothing_is_kept_beside_a_collection(mongo, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    mongo.insert_many([make_product(1)])
    catalog = Catalog(uri_of(mongo))
    catalog.md5s()
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]
    assert catalog.name == f"{mongo.database.name}.products"
    assert catalog.source.sidecar(".index").is_file()


def test_titles_of_a_collection_are_those_of_a_file_of_its_documents(mongo, tmp_path):
    texts = [{"title": "Mug", "description": ["White", "30 cl"]}, {}, {"title": 1984.0}, {"description": {"en": "x"}}]
    documents = [{**make_product(number), **fields} for number, fields in enumerate(texts)]
    mongo.insert_many(documents)
    path = tmp_path / "same.bson"
    path.write_bytes(b"".join(map(bson.encode, documents)))
    collection, file = Catalog(uri_of(mongo)), Catalog(path)
    assert list(collection.titles()) == list(file.titles()) == ["Mug\nWhite 30 cl", "", "1984", ""]
    assert [product.text for product in collection] == [product.text for product in file]
    assert str(collection.titles().problems.named[0]) == str(file.titles().problems.named[0])
    # the second look finds them beside the index
    assert list(Catalog(uri_of(mongo)).titles()) == list(file.titles())


@pytest.mark.parametrize("texts", [{}, {"title": None, "price": 5}])
def test_a_collection_without_titles_is_not_asked_for_them(mongo, monkeypatch, texts):
    mongo.insert_many([{**make_product(number), **texts} for number in range(3)])
    monkeypatch.setattr(MongoCollection, "texts", None)
    assert list(Catalog(uri_of(mongo)).titles()) == ["", "", ""]


def test_a_title_in_another_encoding_is_known_as_in_a_file():
    # MongoDB's server takes any bytes for a text, the one of these tests does not
    raw = bson.encode({"_id": "A-1", "title": "XYZ", "imgs": [{"picture": b"x"}]}).replace(b"XYZ", b"X\xff\xfe")
    fields = bson.decode(raw, TOLERANT)
    assert document_of(fields) == parse_document(raw)
    assert texts_of(fields).faults == ("title is text in another encoding than UTF-8, expected a text",)


def test_a_product_that_is_gone_has_no_title_made_up_for_it(mongo):
    mongo.insert_many([{**make_product(number), "title": "Mug"} for number in range(3)])
    catalog = Catalog(uri_of(mongo))
    mongo.delete_one({"_id": 1})
    with pytest.raises(ValueError, match=r"1 products were removed or changed since it was indexed \(_id 1\)"):
        catalog.titles()
