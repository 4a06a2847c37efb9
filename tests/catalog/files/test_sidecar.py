"""Sidecars: an index is read back, never trusted when it may be wrong, and never the reason of a failure."""

from __future__ import annotations

import os

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.files import sidecar as sidecar_module
from catalog.files.sidecar import read_sidecar, sidecar_path, source_stamp, write_sidecar
from catalog.sources.bson import file as bson_file
from tests.support.products import make_photo, make_product


@pytest.fixture
def scans(monkeypatch) -> list[int]:
    """Grows by one whenever a BSON file is scanned."""
    seen: list[int] = []
    scan = bson_file.scan
    monkeypatch.setattr(bson_file, "scan", lambda *a, **options: seen.append(1) or scan(*a, **options))
    return seen


def test_rows_and_header_come_back(tmp_path):
    rows = np.arange(12, dtype="<i4")
    write_sidecar(tmp_path / "deep" / "a.index", {"stamp": {"size": 1}, "n_rows": 12, "more": "é"}, rows)
    header, found = read_sidecar(tmp_path / "deep" / "a.index", {"size": 1}, rows.dtype)
    assert header["more"] == "é"
    np.testing.assert_array_equal(found, rows)
    assert read_sidecar(tmp_path / "deep" / "a.index", {"size": 2}, rows.dtype) is None
    assert read_sidecar(tmp_path / "deep" / "a.index", {"size": 1}, np.dtype("<i8")) is None
    assert read_sidecar(tmp_path / "none", {"size": 1}, rows.dtype) is None


def test_every_cut_of_a_sidecar_is_noticed(tmp_path):
    path, rows = tmp_path / "a.index", np.arange(3, dtype="<i4")
    write_sidecar(path, {"stamp": {}, "n_rows": 3}, rows)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert read_sidecar(path, {}, rows.dtype) is None


def test_a_read_only_folder_uses_the_cache_and_does_not_scan_again(write_bson, tmp_path, scans):
    path = write_bson(make_product(1), make_product(2))
    tmp_path.chmod(0o555)
    try:
        first = Catalog(path).md5s()
        assert str(sidecar_path(path, ".index")).startswith(os.environ["XDG_CACHE_HOME"])
        np.testing.assert_array_equal(Catalog(path).md5s(), first)
        assert len(scans) == 1
    finally:
        tmp_path.chmod(0o755)


def test_a_folder_deep_below_read_only_ones_has_its_sidecars_in_the_cache_too(tmp_path, caplog):
    folders = [tmp_path.joinpath(*["é" * 60] * 3, name) for name in ("shop", "shoe")]
    for folder in folders:
        (folder / "1").mkdir(parents=True)
        (folder / "1" / "1.jpg").write_bytes(make_photo(1))
    folders[0].parent.chmod(0o555)
    try:
        places = {str(Catalog(folder).source.sidecar(".index")) for folder in folders}
        assert [len(Catalog(folder)) for folder in folders] == [1, 1]
        assert all(os.path.isfile(place) for place in places)
        assert len(places) == 2
        assert not caplog.records
    finally:
        folders[0].parent.chmod(0o755)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_stale_sidecars_in_a_read_only_folder_are_replaced_in_the_cache(write_bson, tmp_path, kind, scans, caplog):
    path = write_bson(make_product(1))
    if kind == "folder":
        path = tmp_path / "shop"
        for name in ("1", "cup"):
            (path / name).mkdir(parents=True)
            (path / name / "1.jpg").write_bytes(make_photo(1))
    n = len(Catalog(path))
    # as after copying both without their times
    os.utime(path if kind == "file" else path / "1" / "1.jpg", ns=(5, 5))
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    tmp_path.chmod(0o555)
    try:
        for _ in range(2):
            catalog = Catalog(path)
            assert (len(catalog), len(list(catalog)), len(catalog.md5s())) == (n, n, n)
        assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before
        assert len(scans) == (2 if kind == "file" else 0)
        assert not caplog.records
        assert str(catalog.source.sidecar(".index")).startswith(os.environ["XDG_CACHE_HOME"])
    finally:
        tmp_path.chmod(0o755)


def test_where_nothing_can_be_written_the_catalogue_still_opens(write_bson, tmp_path, monkeypatch, scans, caplog):
    path = write_bson(make_product(1, 11, 2), make_product(2))
    # a folder of the kernel that nobody, not even root, can write to
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self/fdinfo")
    tmp_path.chmod(0o555)
    try:
        catalog = Catalog(path)
        assert catalog.product_ids.tolist() == [1, 2]
        assert catalog.md5s().shape == (3, 16)
        assert "/proc/self/fdinfo" in caplog.text
        assert len(scans) == 1
    finally:
        tmp_path.chmod(0o755)


def test_a_stale_sidecar_that_cannot_be_replaced_is_not_used(write_bson, tmp_path, monkeypatch):
    path = write_bson(make_product(1))
    Catalog(path).md5s()
    changed = write_bson(make_product(7), make_product(8))
    monkeypatch.setattr(sidecar_module, "write_sidecar", refuse)
    assert Catalog(changed).product_ids.tolist() == [7, 8]
    assert Catalog(changed).md5s().shape == (2, 16)


def refuse(path, *_: object) -> None:
    raise PermissionError(30, "Read-only file system", str(path))


def test_a_touched_file_of_the_same_size_is_scanned_again(write_bson, scans):
    path = write_bson(make_product(1))
    Catalog(path)
    before = source_stamp(path)
    os.utime(path, ns=(0, before["mtime_ns"] + 1))
    Catalog(path)
    assert len(scans) == 2


def test_md5s_of_changed_photos_are_read_again(write_bson):
    before = Catalog(write_bson(make_product(1))).md5s()
    after = Catalog(write_bson(make_product(2))).md5s()
    assert (before != after).any()
    sidecar_path(write_bson(make_product(2)), ".md5").write_bytes(b"nonsense")
    np.testing.assert_array_equal(Catalog(write_bson(make_product(2))).md5s(), after)
