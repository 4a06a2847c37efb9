"""Shrunken photos: the same training with them as without, whatever became of them, within the room that they have."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import bson
import numpy as np
import pytest
import torch

from catalog.catalog import Catalog
from catalog.files.lease import LEASE_S, Owner
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training import photo_cache
from mosaic.training.batches import Batch, Examples
from mosaic.training.dataset import MosaicDataset
from mosaic.training.photo_cache import GIB, open_photo_cache
from mosaic.training.shrunken_photos import (
    NONE_KEPT,
    PAYS_FROM,
    PhotoUse,
    ShrunkenPhotos,
    entry_bytes,
    entry_path,
    size_folder,
)
from mosaic.views import View
from tests.support.processes import Running
from tests.support.products import make_photo

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
SIZE = 32
ENTRY = entry_bytes(SIZE)


def write_catalog(folder: Path, n: int = 12) -> Path:
    """`n` products of two photos that are large enough to be kept, none of them square."""
    path = folder / "large.bson"
    photos = [make_photo(k, (PAYS_FROM * SIZE, 70 + k % 9)) for k in range(2 * n)]
    documents = [{"_id": i, "imgs": [{"picture": p} for p in photos[2 * i : 2 * i + 2]]} for i in range(n)]
    path.write_bytes(b"".join(map(bson.encode, documents)))
    return path


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(write_catalog(tmp_path))


def examples_of(catalog: Catalog, view: View | None = None) -> Examples:
    n = len(catalog)
    return Examples.of(view or View(), np.arange(n), np.zeros(n, np.int64), catalog.n_images)


def opened(folder: Path, catalog: Catalog, n_entries: float = 1000, size: int = SIZE, view: View | None = None):
    """The cache of a fit with room for so many entries of `SIZE`."""
    shown = [(examples_of(catalog, view), size)]
    return open_photo_cache(folder, n_entries * ENTRY / GIB, catalog, shown, makes_room=True)


def show(catalog: Catalog, shrunken: ShrunkenPhotos = NONE_KEPT, size: int = SIZE) -> tuple[torch.Tensor, PhotoUse]:
    """`(N, 2, S, S, 3)` of the whole catalogue, and where they came from."""
    dataset = MosaicDataset(catalog, examples_of(catalog), CONFIG, size, shrunken=shrunken)
    batch = dataset[Batch(np.arange(len(catalog)), 2, 0, 0, 1)]
    return batch.photos, batch.photo_use


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "cache").rglob("*") if path.is_file())


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in files(folder))


class Closed:
    """A catalogue that is not to be read."""

    def __init__(self, catalog: Catalog) -> None:
        self.n = len(catalog)

    def __len__(self) -> int:
        return self.n

    n_images = np.full(12, 2, np.int8)

    def take(self, *_: object) -> None:
        raise AssertionError("the catalogue was read")

    take_photos = take


def test_what_is_kept_is_shown_as_it_was_decoded_and_the_catalogue_is_not_read(catalog, tmp_path):
    plain, _ = show(catalog)
    first, filling = show(catalog, opened(tmp_path, catalog))
    again, reading = show(Closed(catalog), opened(tmp_path, catalog))
    assert torch.equal(first, plain)
    assert torch.equal(again, plain)
    assert filling == PhotoUse(24, 0, 24)
    assert reading == PhotoUse(24, 24, 0)


def test_only_the_products_with_a_missing_photo_are_read(catalog, tmp_path, monkeypatch):
    shrunken = opened(tmp_path, catalog)
    plain, _ = show(catalog, shrunken)
    Path(entry_path(shrunken.folder, bytes(catalog.md5s()[7]), SIZE)).unlink()
    taken = []
    take = Catalog.take
    monkeypatch.setattr(Catalog, "take", lambda self, positions: taken.extend(positions) or take(self, positions))
    photos, use = show(catalog, shrunken)
    assert torch.equal(photos, plain)
    assert taken == [3]
    assert use == PhotoUse(24, 23, 1)


def test_photos_of_less_than_three_times_the_size_are_never_kept(write_bson, tmp_path):
    sides = [SIZE, 2 * SIZE, 3 * SIZE - 1, 3 * SIZE]
    photos = [make_photo(k, (side // 2, side)) for k, side in enumerate(sides)]
    catalog = Catalog(write_bson(*[{"_id": k, "imgs": [{"picture": photo}] * 2} for k, photo in enumerate(photos)]))
    show(catalog, opened(tmp_path, catalog))
    assert [path.name for path in files(tmp_path)] == [bytes(catalog.md5s()[-1]).hex()]


def test_a_photo_that_cannot_be_decoded_is_white_and_not_kept(write_bson, tmp_path):
    photo = make_photo(0, (200, 200))
    catalog = Catalog(write_bson({"_id": 1, "imgs": [{"picture": photo[:400]}, {"picture": photo}]}))
    for expected in (PhotoUse(2, 0, 1), PhotoUse(2, 1, 0)):
        photos, use = show(catalog, opened(tmp_path, catalog))
        assert (photos[0, 0] == 255).all()
        assert (photos[0, 1] != 255).any()
        assert use == expected


def flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"", lambda c: c[: len(c) // 2], lambda c: c[:-1],
        lambda c: c + b"\0", flipped, lambda c: bytes(len(c)),
    ],
    ids=["empty", "half", "a byte less", "a byte more", "a bit", "zeros"],
)  # fmt: skip
def test_a_broken_entry_is_decoded_again_and_replaced(catalog, tmp_path, damage):
    shrunken = opened(tmp_path, catalog)
    plain, _ = show(catalog, shrunken)
    whole = {path: path.read_bytes() for path in files(tmp_path)}
    for path in list(whole)[::3]:
        path.write_bytes(damage(whole[path]))
    photos, use = show(catalog, shrunken)
    assert torch.equal(photos, plain)
    assert use == PhotoUse(24, 16, 8)
    assert {path: path.read_bytes() for path in files(tmp_path)} == whole


def test_the_entry_of_another_photo_does_not_pass(catalog, tmp_path):
    shrunken = opened(tmp_path, catalog)
    plain, _ = show(catalog, shrunken)
    one, two, *_ = files(tmp_path)
    shutil.copy(one, two)
    photos, use = show(catalog, shrunken)
    assert torch.equal(photos, plain)
    assert use.n_read == 23


def test_no_more_is_kept_than_there_is_room_for(catalog, tmp_path):
    for n_entries in (7.5, 7.5, 3, 7.5):
        plain, _ = show(catalog)
        photos, _ = show(catalog, opened(tmp_path, catalog, n_entries))
        assert torch.equal(photos, plain)
        assert len(files(tmp_path)) == int(n_entries)
    # the same ones each time: what was there is used
    assert show(catalog, opened(tmp_path, catalog, 7.5))[1] == PhotoUse(24, 7, 0)


def test_the_bound_holds_over_sizes_and_the_oldest_go(catalog, tmp_path):
    larger = 3 * SIZE // 4
    n_entries = 28
    show(catalog, opened(tmp_path, catalog, n_entries))
    kept = files(tmp_path)
    assert len(kept) == 24
    for age, path in enumerate(kept):
        os.utime(path, (time.time() - 1000 + age,) * 2)
    half = View(0, "first")
    shrunken = opened(tmp_path, catalog, n_entries, larger, half)
    n_of_other_size = n_entries - 12 * entry_bytes(larger) // ENTRY
    assert n_of_other_size < 24
    assert files(tmp_path) == kept[24 - n_of_other_size :]
    dataset = MosaicDataset(catalog, examples_of(catalog, half), CONFIG, larger, shrunken=shrunken)
    assert dataset[Batch(np.arange(12), 1, 0, 0, 1)].photo_use == PhotoUse(12, 0, 12)
    assert held(tmp_path) <= n_entries * ENTRY
    # and back again
    show(catalog, opened(tmp_path, catalog, n_entries))
    assert held(tmp_path) <= n_entries * ENTRY


def test_the_photos_of_two_sizes_share_the_room(catalog, tmp_path):
    everything = examples_of(catalog)
    room = 20 * ENTRY
    shrunken = open_photo_cache(
        tmp_path, room / GIB, catalog, [(everything, SIZE), (everything, SIZE - 8)], makes_room=True
    )
    show(catalog, shrunken)
    show(catalog, shrunken, SIZE - 8)
    sizes = {size: sum(path.parts[-3] == size_folder(size) for path in files(tmp_path)) for size in (SIZE, SIZE - 8)}
    assert abs(sizes[SIZE] - sizes[SIZE - 8]) <= 1
    assert 0.8 * room < sizes[SIZE] * ENTRY + sizes[SIZE - 8] * entry_bytes(SIZE - 8) <= room


def test_copies_of_a_photo_share_an_entry(write_bson, tmp_path):
    photo = make_photo(0, (200, 200))
    catalog = Catalog(write_bson(*[{"_id": i, "imgs": [{"picture": photo}] * 2} for i in range(5)]))
    show(catalog, opened(tmp_path, catalog, 1))
    assert len(files(tmp_path)) == 1
    assert show(catalog, opened(tmp_path, catalog, 1))[1].n_read == 10


def test_a_network_of_one_photo_keeps_that_one_alone(catalog, tmp_path):
    shrunken = opened(tmp_path, catalog, view=View(0, "rest"))
    assert show(catalog, shrunken)[1] == PhotoUse(24, 0, 12)


def test_zero_keeps_none_and_removes_those_that_lie_there(catalog, tmp_path):
    show(catalog, opened(tmp_path, catalog))
    shrunken = opened(tmp_path, catalog, 0)
    assert show(catalog, shrunken)[1] == PhotoUse(24, 0, 0)
    assert files(tmp_path) == []


def test_half_of_what_a_disk_has_left_is_not_touched(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(photo_cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * ENTRY))
    show(catalog, opened(tmp_path, catalog))
    assert len(files(tmp_path)) == 5


@pytest.mark.parametrize("partly", [False, True])
def test_a_full_disk_ends_the_keeping_not_the_training(catalog, tmp_path, monkeypatch, caplog, partly):
    shrunken, calls, writev = opened(tmp_path, catalog), [], os.writev

    def filling(file: int, pieces: list[bytes]) -> int:
        calls.append(file)
        if len(calls) < 10:
            return writev(file, pieces)
        if partly:
            return writev(file, [pieces[0][:100]])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "writev", filling)
    plain, _ = show(catalog)
    photos, use = show(catalog, shrunken)
    assert torch.equal(photos, plain)
    assert use[:3] == (24, 0, 9)
    assert "No space left" in use.refusal
    assert len(calls) == 10
    assert len(files(tmp_path)) == 9
    # each worker meets it, it is said once
    total = PhotoUse().plus(use).plus(use).plus(PhotoUse(1))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert total[:3] == (49, 0, 18)


def test_a_folder_that_cannot_be_used_is_said(catalog, tmp_path, caplog):
    (tmp_path / "cache").write_text("in the way")
    photos, use = show(catalog, opened(tmp_path, catalog))
    assert torch.equal(photos, show(catalog)[0])
    assert use.n_kept == 0
    assert "cache" in use.refusal
    assert opened(tmp_path / "missing", catalog) is NONE_KEPT
    assert "decoded anew in every epoch" in caplog.text


def fill(folder: Path, repeats: int) -> None:
    """In a process of its own: fills the cache, again and again as if nothing were there."""
    catalog = Catalog(folder / "large.bson")
    shrunken = opened(folder, catalog)
    for _ in range(repeats):
        dataset = MosaicDataset(catalog, examples_of(catalog), CONFIG, SIZE, shrunken=shrunken)
        dataset[Batch(np.arange(len(catalog)), 2, 0, 0, 1)]
        print("filled", flush=True)
        for path in files(folder):
            # what another process is just writing is left to it: it would be there for good
            if not path.suffix:
                path.write_bytes(b"")


@pytest.mark.slow
def test_processes_that_keep_the_same_photos_do_each_other_no_harm(catalog, tmp_path):
    plain, _ = show(catalog)
    catalog.md5s()
    fillers = [Running(fill, tmp_path, 10) for _ in range(2)]
    shrunken = opened(tmp_path, catalog)
    while any(filler.is_running for filler in fillers):
        assert torch.equal(show(catalog, shrunken)[0], plain)
    for filler in fillers:
        filler.finish()
    show(catalog, shrunken)
    assert len(files(tmp_path)) == 24
    assert show(catalog, shrunken)[1] == PhotoUse(24, 24, 0)


@pytest.mark.slow
def test_killed_while_it_fills_and_filled_again(tmp_path):
    catalog = Catalog(write_catalog(tmp_path, 60))
    plain, _ = show(catalog)
    catalog.md5s()
    for pause in (0.0, 0.01, 0.03):
        filler = Running(fill, tmp_path, 1000)
        filler.line()
        time.sleep(pause)
        filler.kill()
        shrunken = opened(tmp_path, catalog)
        assert all(len(path.name) == 32 for path in files(tmp_path))
        assert torch.equal(show(catalog, shrunken)[0], plain)
        assert show(catalog, shrunken)[1] == PhotoUse(120, 120, 0)


def test_what_is_being_written_stays_what_was_left_goes(catalog, tmp_path):
    """Also where room is needed: the half of an entry is another training's."""
    show(catalog, opened(tmp_path, catalog))
    entry, here = files(tmp_path)[0], Owner.of_this_process()
    elsewhere = dataclasses.replace(here, place="0" * 12, started=1)
    writing = [entry.with_name(f"{'a' * 32}.{owner}.tmp") for owner in (here, elsewhere)]
    left = [
        entry.with_name(f"{'b' * 32}.{dataclasses.replace(here, started=1)}.tmp"),
        entry.with_name(f"{'b' * 32}.{elsewhere}.tmp"),
        # as earlier versions named it
        entry.with_name(f"{'b' * 32}.0123456789ab.tmp"),
    ]
    for path in (*writing, *left):
        path.write_bytes(b"half")
    os.utime(left[1], (time.time() - LEASE_S - 60,) * 2)
    opened(tmp_path, catalog)
    assert sorted(path for path in files(tmp_path) if path.suffix) == sorted(writing)


def test_runs_of_before_there_was_a_cache_are_read_as_without():
    values = CONFIG.model_dump()
    del values["photo_cache_gib"]
    assert MosaicConfig.model_validate(values).photo_cache_gib == 0


def test_what_came_from_where_is_logged_in_words(caplog):
    caplog.set_level(logging.INFO)
    assert str(PhotoUse(2000, 1800, 200)) == (
        "2,000 photos shown: 1,800 came from the cache of shrunken photos, 200 were put there"
    )
