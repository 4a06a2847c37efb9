"""Parquet tables that hold the photos themselves."""

from __future__ import annotations

import pickle
from pathlib import Path

import bson
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.sources.table import parquet
from catalog.sources.table.parquet import ParquetTable
from curation.convert import convert
from curation.explore.explore import explore
from tests.support.photo_files import kinds, put

CASE = Path(__file__).parents[4].parent / "shared/data/cases/binary-parquet/hf2.parquet"
HF = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def jpeg(name: str, size: int = 10) -> bytes:
    return b"\xff\xd8\xff" + name.encode().ljust(size, b"\0")


def hf(name: str | None) -> dict[str, object] | None:
    return None if name is None else {"bytes": jpeg(name), "path": f"{name}.jpg"}


def write(path: Path, columns: dict[str, object], group: int = 1000, **options: object) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=group, **options)
    return path


def photos_of(catalog: Catalog) -> dict[int, tuple[bytes, ...]]:
    return {product.product_id: product.images for product in catalog}


EXPECTED = {7: (jpeg("a"), jpeg("b")), -3: (jpeg("c"),), 5: ()}
NAMES = [["a", "b"], ["c"], []]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[hf("a"), hf("b")], [hf("c")], None], pa.list_(HF)),
        pa.array([[hf("a"), None, hf("b")], [hf("c")], []], pa.large_list(HF)),
        pa.array([[hf("a"), hf("b")], [hf("c"), None], [None, None]], pa.list_(HF, 2)),
        pa.array([[jpeg(n) for n in names] for names in NAMES], pa.list_(pa.binary())),
        pa.array([[jpeg(n) for n in names] for names in NAMES], pa.list_(pa.large_binary())),
        pa.array([[jpeg(n) for n in names] for names in NAMES], pa.list_(pa.binary(13))),
        pa.array([[{"picture": jpeg(n)} for n in names] for names in NAMES]),
        pa.array([[hf("a"), {"bytes": b"", "path": None}, hf("b")], [hf("c")], []], pa.list_(HF)),
    ],
    ids=["hf", "hf-large", "hf-fixed", "binary", "large-binary", "fixed-binary", "as-in-bson", "empty-bytes"],
)
@pytest.mark.parametrize("group", [1, 1000])
def test_lists_of_photos(tmp_path, column, group):
    table = {"product_id": [7, -3, 5], "category_id": [1, None, 2], "images": column}
    catalog = Catalog(write(tmp_path / "t.parquet", table, group))
    assert photos_of(catalog) == EXPECTED
    assert catalog.category_ids.tolist() == [1, -1, 2]
    assert kinds(catalog) == {"NO_PHOTO": 1}
    assert catalog.where(0, 2) == "row 0, photo 2"


@pytest.mark.parametrize("kind", [HF, pa.binary(), pa.dictionary(pa.int32(), pa.binary())])
def test_a_row_for_each_photo_wherever_it_stands(tmp_path, kind):
    cells = [hf(n) if kind is HF else jpeg(n) for n in "acb"]
    table = {"product_id": [7, -3, 7, 5], "category_id": [1, 2, 1, 3], "image": pa.array([*cells, None], kind)}
    assert photos_of(Catalog(write(tmp_path / "t.parquet", table, 1))) == EXPECTED


def test_a_column_for_each_photo(tmp_path):
    table = {"_id": [7, -3, 5], "image_2": pa.array([hf("b"), None, None], HF), "image_1": [jpeg("a"), jpeg("c"), None]}
    assert photos_of(Catalog(write(tmp_path / "t.parquet", table))) == EXPECTED


def test_photos_without_bytes_are_files(tmp_path):
    photo = put(tmp_path / "p" / "x.jpg")
    cells = [{"bytes": None, "path": "p/x.jpg"}, hf("a"), {"bytes": None, "path": "gone.jpg"}]
    catalog = Catalog(write(tmp_path / "t.parquet", {"product_id": [1, 2, 3], "image": pa.array(cells, HF)}))
    assert photos_of(catalog) == {1: (photo,), 2: (jpeg("a"),), 3: ()}
    assert kinds(catalog) == {"MISSING_PHOTO": 1, "NO_PHOTO": 1}
    assert catalog.where(0, 1) == "p/x.jpg"


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([1, 2]), "int64"),
        (pa.array([[1, 2], [3]]), "list<element: int64>|list<item: int64>"),
        (pa.array([1.5, 2]), "double"),
        (pa.array([{"url": "x"}, {"url": "y"}]), "struct<url: string>"),
        (pa.array([[[[1, 2]]], [[[3]]]]), "list<"),
        (pa.array([True, False]), "bool"),
    ],
)
def test_columns_that_hold_no_photos_are_refused_by_name(tmp_path, column, said):
    path = write(tmp_path / "t.parquet", {"product_id": [1, 2], "image": column})
    with pytest.raises(ValueError, match=f"the column image holds ({said}).*, expected paths .text., photos .binary."):
        Catalog(path)
    assert [left.name for left in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.parametrize("column", ["product_id", "category_id"])
@pytest.mark.parametrize("cells", [pa.array([b"1", b"2"]), pa.array([[1], [2]]), pa.array([{"a": 1}, {"a": 2}])])
def test_ids_of_another_type_are_refused_by_name(tmp_path, column, cells):
    table = {"product_id": [1, 2], "category_id": [1, 2], "image": [jpeg("a"), jpeg("b")], column: cells}
    with pytest.raises(ValueError, match=f"the column {column} holds .*, expected integers"):
        Catalog(write(tmp_path / "t.parquet", table))


def test_text_in_a_binary_column_is_refused(tmp_path):
    path = write(tmp_path / "t.parquet", {"product_id": [1, 2], "image": [None, b"p/a.jpg"]})
    with pytest.raises(ValueError, match=r"the column image is binary and holds text \('p/a.jpg'\)"):
        Catalog(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("url", ["https://cdn.shop.com/1.jpg", "HTTP://x/1.jpg", "s3://bucket/1.jpg", "//cdn.x/1.jpg"])
def test_addresses_on_the_web_are_told_in_a_sentence(tmp_path, ending, url):
    path = tmp_path / f"t.{ending}"
    if ending == "csv":
        path.write_text("product_id,photos\n" + "".join(f"{i},{url}\n" for i in range(30)))
    else:
        write(path, {"product_id": list(range(30)), "photos": [[url]] * 30})
    with pytest.raises(
        ValueError, match=r"has addresses on the web for photos .*, and nothing is downloaded: "
    ) as refused:
        Catalog(path)
    assert "\n" not in str(refused.value)


def test_a_few_addresses_among_files_are_named(tmp_path):
    put(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("product_id,photos\n1,a.jpg\n2,https://x/1.jpg\n")
    assert kinds(Catalog(tmp_path / "t.csv")) == {"WEB_ADDRESS": 1, "NO_PHOTO": 1}


@pytest.fixture
def long_table(tmp_path):
    """200 products of a photo each in row groups of 20."""
    names = [f"{i}" for i in range(200)]
    table = {"product_id": range(200), "image": pa.array([hf(n) for n in names], HF)}
    return write(tmp_path / "t.parquet", table, 20)


def test_single_products_are_read_from_their_row_group_alone(long_table, monkeypatch):
    catalog = Catalog(long_table)
    read: list[int] = []
    batches = ParquetTable.batches

    def counted(self, group, columns):
        read.append(group)
        return batches(self, group, columns)

    monkeypatch.setattr(ParquetTable, "batches", counted)
    assert catalog[55].images == (jpeg("55"),)
    assert read == [2]
    order = np.random.default_rng(0).permutation(200)
    assert [product.product_id for product in catalog.take(order)] == order.tolist()
    assert sorted(read[1:]) == list(range(10))
    read.clear()
    assert len(list(Catalog(long_table))) == 200
    assert read == list(range(10))


def test_memory_holds_a_part_of_a_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_OF_PHOTOS", 8)
    cells = pa.array([np.random.default_rng(i).bytes(2**16) for i in range(1024)])
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"product_id": range(1024), "image": cells}), path, write_batch_size=8, use_dictionary=False
    )
    del cells
    before, pool = pa.total_allocated_bytes(), pa.default_memory_pool()
    held = []
    table = ParquetTable(path)
    for _ in table.rows():
        held.append(pool.bytes_allocated() - before)
    assert len(held) == 1024
    assert max(held) < 16 * 2**20


def test_memory_of_a_request_is_bounded_too(long_table, monkeypatch):
    monkeypatch.setattr("catalog.sources.table.table.RUN_BYTES", 50)
    assert [product.images[0] for product in Catalog(long_table)] == [jpeg(f"{i}") for i in range(200)]


def test_a_worker_reads_from_the_file_of_its_own(long_table):
    catalog = Catalog(long_table)
    first = catalog[3].images
    packed = pickle.dumps(catalog)
    assert len(packed) < 10_000
    assert pickle.loads(packed)[3].images == first
    assert catalog.md5s(n_workers=2).shape == (200, 16)


def test_any_photo_that_changes_is_noticed(long_table):
    first = Catalog(long_table)
    names = [f"{i}" for i in range(199)] + ["x99"]
    write(long_table, {"product_id": range(200), "image": pa.array([hf(n) for n in names], HF)}, 20)
    assert Catalog(long_table).fingerprint != first.fingerprint
    assert Catalog(long_table)[199].images == (jpeg("x99"),)


def test_a_damaged_file_is_named(tmp_path):
    path = write(tmp_path / "t.parquet", {"product_id": range(5), "image": [jpeg("a", 3000)] * 5}, compression="zstd")
    content = bytearray(path.read_bytes())
    at = content.index(b"\x28\xb5\x2f\xfd", 100)
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.parquet is damaged"):
        Catalog(path)


def test_a_photo_that_cannot_be_read_any_more_is_empty_and_never_copied(long_table, caplog):
    catalog = Catalog(long_table)
    names = [f"{i}" if i != 30 else "longer than before" for i in range(200)]
    stamp = long_table.stat()
    write(long_table, {"product_id": range(200), "image": pa.array([hf(n) for n in names], HF)}, 20)
    assert long_table.stat() != stamp
    assert [product.images[0] for product in catalog.take([29, 30, 31])] == [jpeg("29"), b"", jpeg("31")]
    assert "row 31 cannot be read any more" in caplog.text
    with pytest.raises(OSError, match="changed or is damaged"):
        list(catalog.raw([30]))


def test_it_is_explored(long_table):
    figures = {card.what: card.figure for card in explore(Catalog(long_table), decode="none").cards}
    assert figures["Products"] == figures["Photos"] == "200"


def test_it_becomes_a_bson_file(long_table, tmp_path):
    written = convert(long_table, tmp_path / "t.bson")
    assert written.n_products == 200
    document = bson.decode(next(Catalog(tmp_path / "t.bson").raw([5])))
    assert document == {"_id": 5, "imgs": [{"picture": jpeg("5")}]}


@pytest.mark.skipif(not CASE.is_file(), reason=f"no {CASE}")
def test_hugging_face_s_own(tmp_path):
    (tmp_path / "hf2.parquet").write_bytes(CASE.read_bytes())
    catalog = Catalog(tmp_path / "hf2.parquet")
    assert catalog.product_ids.tolist() == [1, 2, 3]
    assert catalog.category_ids.tolist() == [1000010653] * 3
    cells = pq.read_table(CASE).column("image").to_pylist()
    assert [product.images for product in catalog] == [(cell["bytes"],) for cell in cells]
    assert not kinds(catalog)
