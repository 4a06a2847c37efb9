"""Vectors in a folder: rounded as is said, their ids to the letter, gone on with after a kill, never half there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import embeddings as embeddings_module
from catalog import unfinished_rows
from catalog.embeddings import ALL_PHOTOS, Embeddings
from catalog.ids.id_names import IdNames
from catalog.product import Problem, ProblemKind
from catalog.unfinished_rows import UnfinishedRows, folder_of_unfinished
from tests.support.embeddings import ORIGIN, PHOTO_ORIGIN, unit, write_embeddings
from tests.support.ids import IDS
from tests.support.processes import Running
from tests.support.small_disk import printed_on_small_disk

VECTORS = unit(np.random.default_rng(0).normal(size=(40, 8)))


def writer(folder: Path, origin=ORIGIN, n: int = 40):
    numbers, photos = np.arange(n), np.full(n, ALL_PHOTOS, np.int8)
    return Embeddings.writer(folder, 8, origin=origin, product_ids=numbers, photos=photos, ids=IdNames.none())


def interrupted(folder: Path, *parts: np.ndarray, problems=(), kill=lambda _: None) -> None:
    """Write some rows, until the user ends it; `kill` is done before."""
    with contextlib.suppress(KeyboardInterrupt), writer(folder) as unfinished:
        for part in parts:
            unfinished.write(part, problems)
            problems = ()
        kill(unfinished)
        raise KeyboardInterrupt


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(IDS, unique=True, max_size=8), st.integers(1, 700), st.integers(0, 999))
def test_what_is_written_is_read_again_rounded_to_16_bits(tmp_path, ids, width, seed):
    vectors = unit(np.random.default_rng(seed).normal(size=(len(ids), width)))
    read = Embeddings.load(write_embeddings(tmp_path / "out", vectors, ids))
    assert (len(read), read.width, read.origin) == (len(ids), width, ORIGIN)
    assert read.ids.take(read.product_ids) == ids
    rows = read.rows(np.arange(len(ids)))
    assert rows.dtype == np.float32
    # as the docstring says
    assert (np.abs(rows - vectors) <= np.maximum(np.abs(vectors) * 2.0**-11, 2.0**-25)).all()
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(ids)), abs=5e-4)
    assert read.present().all()


def test_cosines_of_wide_vectors_move_by_a_hundred_thousandth():
    vectors = unit(np.random.default_rng(1).normal(size=(200, 1280)) + 1)
    kept = vectors.astype(np.float16).astype(np.float32)
    assert np.sqrt(np.square(kept @ kept.T - vectors @ vectors.T).mean()) < 2e-5


def test_zeros_stand_for_no_photo_and_blocks_do_not_matter(tmp_path, monkeypatch):
    vectors = VECTORS.copy()
    vectors[[0, 17, 39]] = 0
    read = Embeddings.load(write_embeddings(tmp_path, vectors, range(40)))
    monkeypatch.setattr(embeddings_module, "BLOCK_BYTES", 7 * 4 * 8)
    assert read.block_rows == 7
    assert np.flatnonzero(~read.present()).tolist() == [0, 17, 39]


def test_rows_of_photos_know_their_place(tmp_path):
    read = Embeddings.load(write_embeddings(tmp_path, VECTORS[:4], ["a", "a", 7, 7], [0, 2, 1, 3]))
    assert read.origin == PHOTO_ORIGIN
    assert read.photos.tolist() == [0, 2, 1, 3]
    assert read.ids.take(read.product_ids) == ["a", "a", 7, 7]


def test_what_stopped_is_gone_on_with_and_the_old_stays_until_then(tmp_path):
    write_embeddings(tmp_path, np.ones((3, 2)), range(3))
    fault = Problem(ProblemKind.UNREADABLE_PHOTO, product_id="a")
    interrupted(tmp_path, VECTORS[:10], VECTORS[10:15], problems=[fault])
    assert len(Embeddings.load(tmp_path)) == 3
    with writer(tmp_path) as unfinished:
        assert unfinished.n_done == 15
        assert [str(problem) for problem in unfinished.problems.named] == ["product a: photo that cannot be decoded"]
        unfinished.write(VECTORS[15:])
    np.testing.assert_array_equal(Embeddings.load(tmp_path).vectors, VECTORS.astype(np.float16))
    assert not folder_of_unfinished(tmp_path).exists()
    # of other rows nothing is gone on with
    interrupted(tmp_path, VECTORS[:10])
    for other in ({"digest": "other"}, {"fingerprint": "other"}):
        with pytest.raises(ValueError, match="0 of 40 rows"), writer(tmp_path, replace(ORIGIN, **other)):
            pass
    with pytest.raises(ValueError, match="0 of 39 rows"), writer(tmp_path, n=39):
        pass


def test_a_kill_between_two_checkpoints_loses_what_follows_the_first(tmp_path, monkeypatch):
    def killed(unfinished: UnfinishedRows) -> None:
        unfinished._save()
        unfinished.write(VECTORS[10:13])
        # nobody saves what follows
        monkeypatch.setattr(UnfinishedRows, "_save", lambda self: None)

    interrupted(tmp_path, VECTORS[:10], kill=killed)
    monkeypatch.undo()
    with writer(tmp_path) as unfinished:
        assert unfinished.n_done == 10
        unfinished.write(VECTORS[10:])
    np.testing.assert_array_equal(Embeddings.load(tmp_path).vectors, VECTORS.astype(np.float16))


def write_slowly(folder: Path) -> None:
    """To be killed: writes row after row, and says which is next."""
    unfinished_rows.CHECKPOINT_S = 0.0
    with writer(folder, n=100_000) as unfinished:
        while True:
            unfinished.write(VECTORS[unfinished.n_done % 40][None])
            print(unfinished.n_done, flush=True)


@pytest.mark.slow
def test_a_killed_process_is_gone_on_with(tmp_path):
    process = Running(write_slowly, tmp_path)
    written = 0
    while written < 25:
        written = int(process.line())
    process.kill()
    with pytest.raises(FileNotFoundError, match=r"not finished: the same `mosaic embed` again goes on"):
        Embeddings.load(tmp_path)
    with writer(tmp_path, n=100_000) as unfinished:
        assert unfinished.n_done >= written - 1
        rest = np.arange(unfinished.n_done, 100_000)
        unfinished.write(VECTORS[rest % 40])
    np.testing.assert_array_equal(Embeddings.load(tmp_path).vectors[:120], np.tile(VECTORS, (3, 1)).astype(np.float16))


@pytest.mark.parametrize("renamed", range(6))
def test_a_kill_while_files_take_their_place_leaves_whole_embeddings_or_none(tmp_path, monkeypatch, renamed):
    write_embeddings(tmp_path, np.ones((3, 8)), range(3))
    replace_file, n_renamed = os.replace, 0

    def killing(source, target):
        nonlocal n_renamed
        if Path(target).parent == tmp_path:
            n_renamed += 1
            if n_renamed > renamed:
                raise KeyboardInterrupt
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", killing)
    # what a killed process cannot do either
    monkeypatch.setattr(UnfinishedRows, "__exit__", lambda self, *error: self._file.close())
    try:
        with writer(tmp_path) as unfinished:
            unfinished.write(VECTORS)
    except KeyboardInterrupt:
        with pytest.raises(FileNotFoundError, match="not finished: the same `mosaic embed` again goes on"):
            Embeddings.load(tmp_path)
    monkeypatch.undo()
    with writer(tmp_path) as unfinished:
        assert unfinished.n_done == 40
    np.testing.assert_array_equal(Embeddings.load(tmp_path).vectors, VECTORS.astype(np.float16))


def test_wrong_rows_are_refused(tmp_path):
    for rows, fault in (
        (np.ones((2, 7)), "expected .40, 8. more numbers, got .2, 7."),
        (np.ones((41, 8)), "got .41, 8."),
        (np.full((2, 8), np.nan), "not finite"),
        (np.full((2, 8), 1e9), "not finite"),
    ):
        with pytest.raises(ValueError, match=fault), writer(tmp_path) as unfinished:
            unfinished.write(rows)


def test_damage_is_named_with_the_way_out(tmp_path):
    write_embeddings(tmp_path, VECTORS, [f"id {i}" for i in range(40)])
    for name in ("vectors.npy", "product_ids.npy", "photos.npy", "ids.npy", "embeddings.json"):
        whole = (tmp_path / name).read_bytes()
        for damaged in (whole[:-2], whole[: len(whole) // 2], b"", b"\x80\x04pickle"):
            (tmp_path / name).write_bytes(damaged)
            with pytest.raises(ValueError, match=f"{name}.*mosaic embed"):
                Embeddings.load(tmp_path)
        (tmp_path / name).write_bytes(whole)
    np.save(tmp_path / "photos.npy", np.zeros(40, np.int8))
    with pytest.raises(ValueError, match=r"photos.npy is damaged"):
        Embeddings.load(tmp_path)
    np.save(tmp_path / "photos.npy", np.full(40, ALL_PHOTOS, np.int8))
    np.save(tmp_path / "vectors.npy", VECTORS)
    with pytest.raises(ValueError, match=r"expected float16 .40, 8., got float32"):
        Embeddings.load(tmp_path)
    np.save(tmp_path / "vectors.npy", np.full((40, 8), np.inf, np.float16))
    with pytest.raises(ValueError, match=r"row 0 .*not finite.*mosaic embed"):
        Embeddings.load(tmp_path).present()
    card = json.loads((tmp_path / "embeddings.json").read_text())
    for wrong in ({"per": "shelf"}, {"metric": "hamming"}, {"digest": 7}, {"else": 1}):
        text = json.dumps({**card, "origin": {**card["origin"], **wrong}})
        (tmp_path / "embeddings.json").write_text(text)
        with pytest.raises(ValueError, match=r"embeddings.json is damaged.*mosaic embed"):
            Embeddings.load(tmp_path)


def test_where_there_are_none_the_sentence_says_what_there_is(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no embeddings .* `mosaic embed` writes them"):
        Embeddings.load(tmp_path / "none")
    np.save(tmp_path / "vectors.npy", VECTORS)
    np.save(tmp_path / "product_ids.npy", np.arange(40))
    for path in (tmp_path, str(tmp_path / "vectors.npy")):
        with pytest.raises(ValueError, match=r"earlier version.*make it anew with `mosaic embed CATALOG"):
            Embeddings.load(path)


FILLING = """
import sys
from pathlib import Path

import numpy as np

from catalog.embeddings import Embeddings
from tests.support.embeddings import write_embeddings

disk = Path(sys.argv[1])
rows = np.ones((2000, 64), np.float32)
try:
    write_embeddings(disk / "out", rows, range(2000))
except OSError as error:
    print(error.errno, error.filename)
(disk / "in the way").unlink()
write_embeddings(disk / "out", rows, range(2000))
print(Embeddings.load(disk / "out").present().all())
"""


@pytest.mark.slow
def test_a_full_disk_is_named_and_with_room_it_goes_on(tmp_path):
    fill = f"head -c 300000 /dev/zero > '{tmp_path}/in the way'"
    printed = printed_on_small_disk(tmp_path, "400k", FILLING, fill)
    named = folder_of_unfinished(tmp_path / "out") / "vectors.npy"
    assert printed.splitlines() == [f"{errno.ENOSPC} {named}", "True"]


def test_two_writers_take_turns(tmp_path):
    order, inside = [], Event()

    def first() -> None:
        with writer(tmp_path) as unfinished:
            inside.set()
            unfinished.write(VECTORS)
            order.append("first")

    thread = Thread(target=first)
    thread.start()
    inside.wait()
    with writer(tmp_path) as unfinished:
        order.append("second")
        assert unfinished.n_done == 0
        unfinished.write(-VECTORS)
    thread.join()
    assert order == ["first", "second"]
    np.testing.assert_array_equal(Embeddings.load(tmp_path).vectors, -VECTORS.astype(np.float16))


def test_no_rows_at_all(tmp_path):
    read = Embeddings.load(write_embeddings(tmp_path, np.zeros((0, 8)), []))
    assert (len(read), read.width, read.present().tolist()) == (0, 8, [])
