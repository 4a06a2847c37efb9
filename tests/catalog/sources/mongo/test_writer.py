"""A collection is written as a whole or not at all, and sending a bulk twice does no harm."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import bson
import pytest
from bson import Binary, DatetimeMS, Int64, ObjectId
from pymongo import UpdateOne

from catalog.catalog import Catalog
from catalog.sources.mongo import writer as mongo_writer
from catalog.sources.mongo.address import MongoAddress
from catalog.sources.mongo.connection import Connection
from catalog.sources.mongo.writer import PARTIAL, CollectionSink, Writer, mongo_sink
from curation.cli import main
from tests.support.command_line import invoke
from tests.support.mongo_server import uri_of
from tests.support.products import make_product


def write(uri: str, documents: list[dict], overwrite: bool = False) -> None:
    with mongo_sink(uri, overwrite) as sink:
        for document in documents:
            sink.write(bson.encode(document))


def everything(collection) -> list[dict]:
    return list(collection.find(sort=[("_id", 1)]))


DOCUMENTS = [
    {**make_product(i, 11), "_id": i if i % 2 else Int64(2**40 + i), "title": f"é {i}", "stock": {"n": Int64(i)}}
    for i in range(30)
]


def test_every_field_arrives_as_it_was(mongo):
    write(uri_of(mongo), DOCUMENTS)
    expected = sorted(DOCUMENTS, key=lambda d: d["_id"])
    assert everything(mongo) == expected
    assert list(Catalog(uri_of(mongo)).raw(range(30))) == list(map(bson.encode, expected))
    assert mongo.database.list_collection_names() == ["products"]


def test_values_that_python_cannot_hold_are_sent_as_they_are():
    # the server of these tests is written in Python and refuses them, MongoDB's does not
    document = bson.encode({"_id": 1, "until": DatetimeMS(2**60), "name": "XYZ"}).replace(b"XYZ", b"X\xff\xfe")
    sink = CollectionSink(Connection(MongoAddress.parse("mongodb://nowhere/db.c", {})))
    sink.write(document)
    assert b"X\xff\xfe" in bson.encode({"whole": sink.writer._bulk[0]._doc})


ANY_IDS = [1, 2.0, Int64(2**40), "0012", "12", "MH01-gray", Binary(bytes(range(16)), 4), ObjectId("65a1" * 6)]


@pytest.mark.parametrize("category_id", [7, "0012", ObjectId("65b2" * 6), Binary(bytes(range(1, 17)), 3)])
def test_ids_of_all_kinds_keep_their_types_there_and_back(mongo, tmp_path, category_id):
    documents = [{"_id": one, "category_id": category_id, "imgs": [{"picture": b"x"}]} for one in ANY_IDS]
    data = b"".join(map(bson.encode, documents))
    (tmp_path / "there.bson").write_bytes(data)
    for _ in range(2):
        invoke(main, "convert", tmp_path / "there.bson", uri_of(mongo), "--overwrite")
    invoke(main, "convert", uri_of(mongo), tmp_path / "back.bson")
    # in the server's order of ids: numbers, texts, binary values, ObjectIds
    assert (tmp_path / "back.bson").read_bytes() == data


def test_an_id_of_text_names_a_document_that_is_too_large(mongo):
    with pytest.raises(ValueError, match="product 00010203-0405-0607-0809-0a0b0c0d0e0f has"):
        write(uri_of(mongo), [{"_id": ANY_IDS[-2], "imgs": [{"picture": bytes(17_000_000)}]}])


def test_what_is_there_is_replaced_only_when_asked(mongo):
    mongo.insert_many([{"_id": ObjectId()}, make_product(1)])
    before = everything(mongo)
    with pytest.raises(FileExistsError, match=r"products holds documents already.*--overwrite"):
        write(uri_of(mongo), DOCUMENTS)
    assert everything(mongo) == before
    write(uri_of(mongo), DOCUMENTS, overwrite=True)
    assert len(everything(mongo)) == 30
    assert mongo.database.list_collection_names() == ["products"]


def test_an_error_under_way_leaves_all_as_it_was(mongo, monkeypatch):
    monkeypatch.setattr(mongo_writer, "BULK_COUNT", 4)
    mongo.insert_one({"_id": 1})

    def failing() -> None:
        with mongo_sink(uri_of(mongo), True) as sink:
            for document in DOCUMENTS[:20]:
                sink.write(bson.encode(document))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        failing()
    assert everything(mongo) == [{"_id": 1}]
    assert mongo.database.list_collection_names() == ["products"]


def test_two_that_write_at_once_do_not_mix(mongo):
    first = mongo_sink(uri_of(mongo), False)
    sink = first.__enter__()
    sink.write(bson.encode({"_id": 1}))
    sink.writer.flush()
    mongo.database["products" + PARTIAL].insert_one({"_id": 2})
    with pytest.raises(ValueError, match=r"1 documents were written .* but 2 are there"):
        first.__exit__(None, None, None)


def test_a_document_larger_than_mongodb_takes_is_named(mongo):
    with pytest.raises(ValueError, match=r"product 7 has 17,\d{3},\d{3} bytes, MongoDB takes at most 16,777,216"):
        write(uri_of(mongo), [make_product(1), {"_id": 7, "imgs": [{"picture": bytes(17_000_000)}]}])
    assert mongo.database.list_collection_names() == []


@pytest.mark.parametrize("seed", range(3))
def test_dropped_connections_lose_and_repeat_nothing(mongo, proxy, monkeypatch, seed):
    monkeypatch.setattr(mongo_writer, "BULK_COUNT", 3)
    through = proxy(seed, cuts=10, smallest=4000, largest=20_000)
    write(uri_of(mongo, through.port), DOCUMENTS)
    assert everything(mongo) == sorted(DOCUMENTS, key=lambda d: d["_id"])
    assert mongo.database.list_collection_names() == ["products"]
    assert through.n_cut > 3


SLOWLY = """
import sys, bson
from catalog.sources.mongo import writer
writer.BULK_COUNT = 5
with writer.mongo_sink(sys.argv[1], True) as sink:
    print("started", flush=True)
    for i in range(400):
        sink.write(bson.encode({"_id": i, "imgs": [{"picture": b"%d" % i}]}))
"""


def test_a_kill_at_any_moment_leaves_the_old_or_the_new(mongo):
    mongo.insert_one({"_id": -1})
    rng, uri = random.Random(0), uri_of(mongo)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", SLOWLY, uri], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert [d["_id"] for d in everything(mongo)] in ([-1], list(range(400)))
    subprocess.run([sys.executable, "-c", SLOWLY, uri], check=True, stdout=subprocess.DEVNULL)
    assert [d["_id"] for d in everything(mongo)] == list(range(400))
    assert mongo.database.list_collection_names() == ["products"]


def test_bulks_are_bounded_by_bytes_and_by_count(mongo, monkeypatch):
    monkeypatch.setattr(mongo_writer, "BULK_COUNT", 4)
    monkeypatch.setattr(mongo_writer, "BULK_BYTES", 100)
    writer = Writer(Connection(MongoAddress.parse(uri_of(mongo))))
    sizes = []
    flush = Writer.flush
    monkeypatch.setattr(Writer, "flush", lambda self: sizes.append(len(self._bulk)) or flush(self))
    for i, size in enumerate([10, 10, 10, 10, 60, 60, 500, 1, 1]):
        writer.add(UpdateOne({"_id": i}, {"$set": {"x": 1}}, upsert=True), size)
    writer.flush()
    assert sizes == [4, 1, 1, 1, 2]
    assert (writer.written.sent, writer.written.upserted, writer.written.matched) == (9, 9, 0)


def test_convert_goes_there_and_back(mongo, tmp_path):
    ordered = b"".join(bson.encode(d) for d in sorted(DOCUMENTS, key=lambda d: d["_id"]))
    (tmp_path / "there.bson").write_bytes(ordered)
    uri = uri_of(mongo).replace("://", "://someone:TOPSECRET@") + "?authMechanism=SCRAM-SHA-256&authSource=admin"
    refused = invoke(main, "convert", tmp_path / "there.bson", uri, code=1)
    assert "TOPSECRET" not in refused.output
    there = invoke(main, "convert", tmp_path / "there.bson", uri_of(mongo))
    assert f"{uri_of(mongo)}: 30 products" in there.output
    invoke(main, "convert", uri_of(mongo), tmp_path / "back.bson")
    assert (tmp_path / "back.bson").read_bytes() == ordered
    again = invoke(main, "convert", tmp_path / "there.bson", uri_of(mongo), code=1)
    assert "holds documents already" in again.output
    invoke(main, "convert", uri_of(mongo), uri_of(mongo), "--overwrite")
    assert everything(mongo) == sorted(DOCUMENTS, key=lambda d: d["_id"])
