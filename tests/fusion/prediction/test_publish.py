"""Predictions beside their products: nothing else is touched, and any number of attempts end in the same state."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import bson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bson import Binary, ObjectId

from catalog.catalog import Catalog
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_numbers
from catalog.sources.bson.document_ids import product_id_in
from catalog.sources.mongo import writer as mongo_writer
from fusion.cli import main as fusion
from fusion.prediction import publish
from fusion.prediction.columns import schema_of
from fusion.prediction.publish import FIELD, Publication
from tests.support.command_line import call, invoke
from tests.support.mongo_server import PASSWORD, uri_of
from tests.support.predictions import predicted, write_predictions
from tests.support.products import make_product
from tests.support.trained import document

ROWS = [predicted(i, 1000 + i % 3, ("review", "accept")[i % 2], distance=0.3 + i / 100) for i in range(60)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Predictions of 60 products, one with an `_id` beyond 32 bits."""
    write_predictions(tmp_path / "out", [*ROWS, predicted(2**40, 2000, "parent", given="KITCHEN > CUPS")])
    return tmp_path / "out" / "predictions.parquet"


def catalogue(*product_ids: ShopId, address: str = "/data/test.bson") -> SimpleNamespace:
    """A catalogue of a source that has no documents."""
    return SimpleNamespace(
        address=address,
        product_ids=id_numbers(product_ids),
        ids=IdNames.of(product_ids),
        document_ids=lambda positions: [product_ids[position] for position in positions],
    )


PREDICTED = catalogue(*range(60), 2**40)


def names(collection) -> set[str]:
    return set(collection.database.list_collection_names())


def test_the_prediction_stands_beside_the_product_and_nothing_else_changes(mongo, table):
    products = [{**make_product(row["product_id"], 7), "price": 5, "prediction": "old"} for row in ROWS]
    mongo.insert_many([*products, {"_id": "other"}, {"_id": 2**40, "imgs": []}])
    place = Publication.to(uri_of(mongo))
    written = place.write(table, PREDICTED, {"run": "fusion-1", "target_precision": 0.95}).written
    assert (written.sent, written.matched, written.modified, written.upserted) == (61, 61, 61, 0)
    after = {document["_id"]: document for document in mongo.find()}
    for product, row in zip(products, ROWS, strict=True):
        assert {**after[product["_id"]], FIELD: "old"} == product
        found = after[product["_id"]][FIELD]
        assert found["category_id"] == row["category_id"]
        assert found["path"] == [row["cat1"], row["cat2"], row["cat3"]]
        assert found["probabilities"] == pytest.approx([row["p_cat1"], row["p_cat2"], row["p_cat3"]], abs=1e-6)
        assert (found["decision"], found["given"], found["reason"]) == (row["decision"], row["given"], row["reason"])
        assert [top["category_id"] for top in found["top"]] == row["top_category_ids"]
        assert [top["probability"] for top in found["top"]] == pytest.approx(row["top_probabilities"], abs=1e-6)
        assert (found["run"], found["target_precision"]) == ("fusion-1", 0.95)
    assert after[2**40][FIELD]["given"] == "KITCHEN > CUPS"
    assert after["other"] == {"_id": "other"}
    again = place.write(table, PREDICTED, {"run": "fusion-1", "target_precision": 0.95})
    assert {document["_id"]: document for document in mongo.find()} == after
    assert again.text() == "0 changed, 61 as they were"


def test_products_that_the_collection_does_not_hold_are_counted_and_named_not_inserted(mongo, table, monkeypatch):
    monkeypatch.setattr(publish, "ROWS", 7)
    mongo.insert_many([make_product(i) for i in range(60) if i not in (8, 20)])
    place = Publication.to(uri_of(mongo))
    said = place.look(PREDICTED)
    assert "58 of the 61 products" in said
    assert "other 3 are written to the files alone (--insert-missing adds them)" in said
    assert "right collection" not in said
    assert place.write(table, PREDICTED, {"run": "r"}).text() == (
        f"58 changed, 0 as they were, 3 left out, as the collection does not hold them (8, 20, {2**40})"
    )
    assert mongo.count_documents({}) == 58
    mongo.delete_many({"_id": {"$gte": 3}})
    assert "3 of the 61 products" in place.look(PREDICTED)
    assert "Is it the right collection?" in place.look(PREDICTED)
    assert place.write(table, PREDICTED, {"run": "r"}).text() == (
        "0 changed, 3 as they were, 58 left out, as the collection does not hold them (3, 4, 5, 6, 7, ...)"
    )
    assert mongo.count_documents({}) == 3
    assert place.look(catalogue(0, 1, 2)) == ""


def test_missing_products_are_inserted_when_asked(mongo, table):
    mongo.insert_one(make_product(5))
    place = Publication.to(uri_of(mongo), inserts=True)
    assert place.look(PREDICTED) == ""
    assert place.write(table, PREDICTED, {"run": "r"}).text() == "1 changed, 0 as they were, 60 new documents"
    assert set(mongo.find_one({"_id": 2**40})) == {"_id", FIELD}
    assert place.write(table, PREDICTED, {"run": "r"}).text() == "0 changed, 61 as they were"
    other = mongo.database["predictions"]
    assert Publication.to(uri_of(other), inserts=True).write(table, PREDICTED, {"run": "r"}).written.upserted == 61
    # where the products themselves lie, a removed one would come back without photos
    with pytest.raises(ValueError, match=r"--insert-missing is for another collection.*leave it out"):
        place.look(catalogue(1, address=uri_of(mongo) + "?readPreference=nearest"))


OBJECT_ID, UUID_4 = ObjectId("65a1b2c3d4e5f60718293a4b"), Binary(bytes(range(16)), 4)
ANY_IDS = [7, 12.0, "MH01-gray", "0012", "=1+1", OBJECT_ID, UUID_4]


@pytest.fixture
def any_ids(tmp_path: Path, write_bson) -> SimpleNamespace:
    """A catalogue of products of all kinds of ids, and its predictions."""
    catalog = Catalog(write_bson(*({**make_product(n), "_id": one} for n, one in enumerate(ANY_IDS))))
    rows = [predicted(n, 1000 + n % 3) for n in range(len(ANY_IDS))]
    table = pa.Table.from_pylist(
        [
            {
                **row,
                "product_id": str(shown),
                "category_id": str(row["category_id"]),
                "top_category_ids": ["women/shoes", "0012"],
            }
            for row, shown in zip(rows, catalog.shop_ids(), strict=True)
        ],
        schema_of(3, pa.string(), pa.string()),
    )
    pq.write_table(table, tmp_path / "predictions.parquet")
    return SimpleNamespace(catalog=catalog, table=tmp_path / "predictions.parquet")


def test_products_of_any_id_are_reached_in_the_form_that_the_collection_has(mongo, any_ids):
    mongo.insert_many([{"_id": one, "stock": n} for n, one in enumerate(ANY_IDS)])
    # of nobody in the catalogue: a UUID as text in capitals, an ObjectId, another number
    others = [str(UUID_4.as_uuid()).upper(), ObjectId(), 8]
    mongo.insert_many([{"_id": one} for one in others])
    place = Publication.to(uri_of(mongo))
    assert place.look(any_ids.catalog) == ""
    written = place.write(any_ids.table, any_ids.catalog, {"run": "r"})
    assert written.text() == "7 changed, 0 as they were"
    for n, one in enumerate(ANY_IDS):
        document_ = mongo.find_one({"_id": one})
        assert (document_["stock"], document_[FIELD]["category_id"]) == (n, 1000 + n % 3)
        assert [top["category_id"] for top in document_[FIELD]["top"]] == ["women/shoes", "0012"]
    assert [FIELD in mongo.find_one({"_id": one}) for one in others] == [False] * 3
    assert place.write(any_ids.table, any_ids.catalog, {"run": "r"}).text() == "0 changed, 7 as they were"


def test_a_table_of_texts_reaches_object_ids_uuids_and_numbers(mongo, any_ids):
    # as where the catalogue is a CSV, and the collection has the ids as texts, or the other way round
    swapped = ["7", "12", "MH01-gray", "0012", "=1+1", str(OBJECT_ID), str(UUID_4.as_uuid())]
    mongo.insert_many([{"_id": one} for one in swapped])
    place = Publication.to(uri_of(mongo), inserts=True)
    assert place.write(any_ids.table, any_ids.catalog, {"run": "r"}).text() == "7 changed, 0 as they were"
    assert sorted(document_["_id"] for document_ in mongo.find()) == sorted(swapped)


def test_missing_products_of_any_id_are_named_by_the_shops_own(mongo, any_ids):
    mongo.insert_one({"_id": "MH01-gray"})
    place = Publication.to(uri_of(mongo))
    assert "1 of the 7 products" in place.look(any_ids.catalog)
    assert place.write(any_ids.table, any_ids.catalog, {"run": "r"}).text() == (
        "1 changed, 0 as they were, 6 left out, as the collection does not hold them "
        "(7, 12, 0012, =1+1, 65a1b2c3d4e5f60718293a4b, ...)"
    )
    assert mongo.count_documents({}) == 1


def test_missing_products_are_inserted_in_the_type_that_the_source_has(mongo, any_ids):
    mongo.insert_one({"_id": str(OBJECT_ID)})
    place = Publication.to(uri_of(mongo), inserts=True)
    assert place.write(any_ids.table, any_ids.catalog, {"run": "r"}).text() == (
        "1 changed, 0 as they were, 6 new documents"
    )
    there = {repr(document_["_id"]) for document_ in mongo.find()}
    assert there == {repr(one) for one in ANY_IDS} - {repr(OBJECT_ID)} | {repr(str(OBJECT_ID))}
    assert place.write(any_ids.table, any_ids.catalog, {"run": "r"}).text() == "0 changed, 7 as they were"
    assert mongo.count_documents({}) == 7
    # a catalogue without documents knows no types: texts, and integers
    other = mongo.database["other"]
    plain = catalogue(*any_ids.catalog.shop_ids())
    for told in ("0 changed, 0 as they were, 7 new documents", "0 changed, 7 as they were"):
        assert Publication.to(uri_of(other), inserts=True).write(any_ids.table, plain, {"run": "r"}).text() == told
    assert [type(document_["_id"]) for document_ in other.find(sort=[("_id", 1)])] == [int] * 2 + [str] * 5


@pytest.mark.parametrize("with_photo", [0, 1])
def test_of_a_number_and_its_text_the_product_that_the_catalogue_has_is_written(mongo, table, with_photo):
    pair = [{"_id": 12, "imgs": []}, {"_id": "12", "imgs": []}]
    pair[with_photo]["imgs"] = [{"picture": b"x"}]
    mongo.insert_many([*pair, *({"_id": n} for n in range(60) if n != 12), {"_id": 2**40}])
    assert Publication.to(uri_of(mongo)).write(table, PREDICTED, {"run": "r"}).text() == "61 changed, 0 as they were"
    kept, other = pair[with_photo]["_id"], pair[1 - with_photo]["_id"]
    assert FIELD in mongo.find_one({"_id": kept})
    assert FIELD not in mongo.find_one({"_id": other})
    catalog = Catalog(uri_of(mongo))
    assert catalog.document_ids([catalog.shop_ids().index(12)]) == [kept]


def test_a_collection_that_is_not_there_or_of_other_products_is_refused_before_anything_is_written(mongo):
    mongo.insert_many([make_product(i) for i in range(60)])
    before = list(mongo.find(sort=[("_id", 1)]))
    misspelt = uri_of(mongo).replace(".products", ".product")
    with pytest.raises(FileNotFoundError, match=r"no collection product, but products. --insert-missing makes it"):
        Publication.to(misspelt)
    assert names(mongo) == {"products"}
    with pytest.raises(ValueError, match=r"not one of the 2 products of .*Is it the right one\? --insert-missing adds"):
        Publication.to(uri_of(mongo)).look(catalogue(60, 61))
    assert list(mongo.find(sort=[("_id", 1)])) == before


def test_publishing_does_not_change_what_the_catalogue_is(mongo, table):
    mongo.insert_many([make_product(i, 5) for i in range(60)])
    before = Catalog(uri_of(mongo))
    place = Publication.to(uri_of(mongo))
    assert place.look(before) == ""
    place.write(table, PREDICTED, {"run": "r"})
    assert Catalog(uri_of(mongo)).fingerprint == before.fingerprint


@pytest.mark.parametrize("seed", range(3))
def test_dropped_connections_lose_and_repeat_nothing(mongo, table, proxy, monkeypatch, seed):
    monkeypatch.setattr(mongo_writer, "BULK_COUNT", 3)
    mongo.insert_many([{**make_product(i), "visits": 1} for i in range(60)])
    Publication.to(uri_of(mongo), inserts=True).write(table, PREDICTED, {"run": "r"})
    expected = list(mongo.find(sort=[("_id", 1)]))
    mongo.update_many({}, {"$unset": {FIELD: ""}})
    through = proxy(seed, cuts=8, smallest=3000, largest=9000)
    written = Publication.to(uri_of(mongo, through.port)).write(table, PREDICTED, {"run": "r"}).written
    assert list(mongo.find(sort=[("_id", 1)])) == expected
    assert written.sent == 61 == written.matched
    assert through.n_cut > 2


PUBLISH = """
import sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from catalog.sources.mongo import writer
from fusion.prediction import publish
from fusion.cli import main as fusion
from fusion.prediction.columns import schema_of
from fusion.prediction.publish import Publication
writer.BULK_COUNT = 2
flush = writer.Writer.flush
writer.Writer.flush = lambda self: (print("bulk", flush=True), flush(self))
place = Publication.to(sys.argv[1])
catalog = SimpleNamespace(product_ids=np.array([*range(60), 2**40]))
place.write(Path(sys.argv[2]), catalog, {"run": "r"})
"""


def test_a_kill_at_any_moment_is_made_good_by_the_same_command(mongo, table):
    mongo.insert_many([make_product(i) for i in range(60)])
    command = [sys.executable, "-c", PUBLISH, uri_of(mongo), str(table)]
    counts = []
    for bulks in sorted(random.Random(1).sample(range(2, 28), 3)):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(bulks):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        counts.append(mongo.count_documents({FIELD: {"$exists": True}}))
    assert 0 < counts[0] < 60
    assert counts == sorted(counts)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    killed = list(mongo.find(sort=[("_id", 1)]))
    mongo.update_many({}, {"$unset": {FIELD: ""}})
    Publication.to(uri_of(mongo)).write(table, PREDICTED, {"run": "r"})
    assert list(mongo.find(sort=[("_id", 1)])) == killed
    assert all(FIELD in document for document in killed)


@pytest.mark.slow
def test_predict_reads_a_collection_and_writes_beside_its_products(trained, mongo, tmp_path):
    mongo.insert_many([document(i, labelled=False) for i in range(1000, 1040)])
    before = list(mongo.find(sort=[("_id", 1)]))
    (tmp_path / "same.bson").write_bytes(b"".join(map(bson.encode, before)))
    room = ("--workspace", trained / "runs")
    call(fusion, "predict", tmp_path / "same.bson", "--output", tmp_path / "file", *room)
    command = ["predict", uri_of(mongo), "--output", tmp_path / "out", "--to", uri_of(mongo), *room]
    said = call(fusion, *command)
    for name in ("submission.csv", "predictions.parquet", "review.csv", "audit.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "file" / name).read_bytes()
    assert f"{uri_of(mongo)}, field prediction: 40 changed, 0 as they were" in said
    after = list(mongo.find(sort=[("_id", 1)]))
    rows = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    for product, document_, row in zip(before, after, rows, strict=True):
        prediction = document_.pop(FIELD)
        assert document_ == product
        assert (prediction["category_id"], prediction["decision"]) == (row["category_id"], row["decision"])
        assert prediction["run"].startswith("fusion")
    # what was published changes nothing of the products: the predictions stay those of this input
    assert "40 as they were" in call(fusion, *command)
    # some of the products elsewhere: the others are not added to them unless asked for
    other = mongo.database["other"]
    other.insert_many([{"_id": i} for i in (7, 1003, 1004)])
    command[command.index("--to") + 1] = uri_of(other)
    result = invoke(fusion, *command)
    assert "2 of the 40 products" in result.stderr
    assert "2 changed, 0 as they were, 38 left out" in result.stdout
    assert [document_["_id"] for document_ in other.find() if FIELD in document_] == [1003, 1004]
    assert other.count_documents({}) == 3
    assert "0 changed, 2 as they were, 38 new documents" in call(fusion, *command, "--insert-missing")
    (tmp_path / "one.jpg").write_bytes(b"")
    photos = invoke(fusion, "predict", tmp_path / "one.jpg", "--to", uri_of(mongo), code=1)
    assert "--to writes the predictions of a catalogue" in photos.output


@pytest.mark.slow
def test_predict_writes_beside_products_of_any_id(trained, mongo, tmp_path):
    ids = [*(ObjectId(bytes([n] * 12)) for n in range(5)), *(Binary(bytes([n] * 16), 4) for n in range(5)), "0012", 12]
    mongo.insert_many([{**document(1000 + n, labelled=False), "_id": one} for n, one in enumerate(ids)])
    other = mongo.database["other"]
    room = ("--output", tmp_path / "out", "--workspace", trained / "runs")
    assert "12 changed, 0 as they were" in call(fusion, "predict", uri_of(mongo), "--to", uri_of(mongo), *room)
    said = call(fusion, "predict", uri_of(mongo), "--to", uri_of(other), "--insert-missing", *room)
    assert "0 changed, 0 as they were, 12 new documents" in said
    rows = {row["product_id"]: row for row in pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()}
    assert set(rows) == {str(product_id_in(one)) for one in ids}
    for collection in (mongo, other):
        assert {repr(document_["_id"]) for document_ in collection.find()} == set(map(repr, ids))
        for document_ in collection.find():
            row = rows[str(product_id_in(document_["_id"]))]
            assert document_[FIELD]["category_id"] == row["category_id"]
            assert document_[FIELD]["decision"] == row["decision"]
    lines = (tmp_path / "out" / "submission.csv").read_text().splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == set(rows)


def test_who_may_not_write_is_told_before_anything_is_predicted(locked_port):
    uri = f"mongodb://reader:{quote(PASSWORD, safe='')}@127.0.0.1:{locked_port}/shop.products?authSource=admin"
    with pytest.raises(ValueError, match=r"user reader may not do this"):
        Publication.to(uri)
    with pytest.raises(ValueError, match=r"--to /tmp/out: expected mongodb://"):
        Publication.to("/tmp/out")
