"""Several writers and readers, those that are killed, and full disks: the index is the old one or the new one."""

import errno
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from catalog.files.file_lock import exclusive
from search.index import LocalIndex, building, segment, state_file, vector_file, writer
from search.index.state_file import IndexState
from search.index.writer import LOCK
from tests.support.endless_writer import N_PRODUCTS, products_after, write_for_ever
from tests.support.processes import Running
from tests.support.vectors import entries_of, made, unit_vectors


def products_of(index: LocalIndex) -> frozenset[int]:
    """All products, as a search for each one's own vector finds them."""
    hits = index.search(unit_vectors(N_PRODUCTS), 1)
    assert set(hits.product_ids[hits.scores > 0.99].tolist()) <= set(range(N_PRODUCTS))
    found = frozenset(hits.product_ids[hits.scores > 0.99].tolist())
    assert len(index) == index.n_products == len(found)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exact", "compressed"])
def test_a_writer_that_is_killed_leaves_the_old_index_or_the_new_one(tmp_path: Path, kind: str) -> None:
    made(tmp_path, unit_vectors(N_PRODUCTS), kind=kind).close()
    moments = random.Random(0)
    for _ in range(8):
        before = products_of(LocalIndex.open(tmp_path))
        child = Running(write_for_ever, tmp_path)
        child.line()
        time.sleep(moments.random() / 4)
        child.process.kill()
        child.process.join()
        n_done = 1 + sum(1 for _ in iter(child.line, ""))
        child.kill()
        after = products_of(LocalIndex.open(tmp_path))
        assert after in {products_after(n_done, before), products_after(n_done + 1, before)}
    # what they have left goes with the next change
    LocalIndex.open(tmp_path).add(unit_vectors(1), entries_of([0]))
    assert {path.name for path in tmp_path.iterdir()} == IndexState.read(tmp_path).names | {"index.json", LOCK}


@pytest.mark.slow
def test_readers_in_threads_see_whole_states_while_another_process_writes(tmp_path: Path) -> None:
    made(tmp_path, unit_vectors(N_PRODUCTS)).close()
    index = LocalIndex.open(tmp_path)
    states = {products_after(n, frozenset(range(N_PRODUCTS))) for n in range(400)}
    child = Running(write_for_ever, tmp_path)
    child.line()
    seen: set[frozenset[int]] = set()

    def read() -> None:
        while len(seen) < 10:
            hits = index.search(unit_vectors(N_PRODUCTS), 1)
            seen.add(frozenset(hits.product_ids[hits.scores > 0.99].tolist()))

    with ThreadPoolExecutor(4) as readers:
        list(readers.map(lambda _: read(), range(4)))
    child.kill()
    assert seen <= states


@pytest.mark.parametrize("name", ["load_arrays", "VectorFile", "CodedFile"])
def test_files_that_vanish_while_they_are_opened_lead_to_the_next_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    writer_of_all = made(tmp_path, unit_vectors(5), kind="compressed")
    reads, changes = getattr(segment, name), iter(range(3))

    def read_too_late(*args: object, **kwargs: object) -> object:
        if (product := next(changes, None)) is not None:
            with monkeypatch.context() as patch:
                patch.setattr(segment, name, reads)
                writer_of_all.remove(np.array([product]))
                writer_of_all.compact()
        return reads(*args, **kwargs)

    monkeypatch.setattr(segment, name, read_too_late)
    index = LocalIndex.open(tmp_path)
    assert len(index) == len(writer_of_all) == 2
    index.close()


def test_a_file_that_vanishes_before_it_is_mapped_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vectors.bin"
    vector_file.write_vectors(path, [unit_vectors(3)])
    size = path.stat()
    path.unlink()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: size)
    with pytest.raises(FileNotFoundError) as raised:
        vector_file.VectorFile(path, 3, unit_vectors(3).shape[1])
    assert raised.value.filename == str(path)


def test_a_writer_waits_for_another(tmp_path: Path) -> None:
    index = made(tmp_path, unit_vectors(3))
    with exclusive(tmp_path / LOCK):
        waiting = threading.Thread(target=index.remove, args=(np.array([1]),))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        assert len(index) == 3
    waiting.join()
    assert len(index) == 2


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    made(tmp_path, unit_vectors(0))
    vectors = unit_vectors(24)

    def add(number: int) -> None:
        index = LocalIndex.open(tmp_path)
        for row in range(number, 24, 4):
            index.add(vectors[row : row + 1], entries_of([row]))

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(add, range(4)))
    hits = LocalIndex.open(tmp_path).search(vectors, 1)
    np.testing.assert_array_equal(hits.product_ids[:, 0], range(24))


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FULL_AT = [
    (writer, "write_vectors"), (writer, "write_codes"), (writer, "write_entries"), (segment, "save_arrays"),
    (state_file, "write_text"), (vector_file.os, "fsync"), (writer, "whole_file"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), FULL_AT)
def test_a_full_disk_while_adding_leaves_the_index_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    index = made(tmp_path, unit_vectors(10), kind="compressed")
    before = sorted(tmp_path.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(module, name, full)
        with pytest.raises(OSError, match="No space left") as raised:
            index.add(unit_vectors(2, seed=1), entries_of([3, 20]))
    assert raised.value.errno == errno.ENOSPC
    assert sorted(tmp_path.rglob("*")) == before
    np.testing.assert_array_equal(index.search(unit_vectors(10), 1).product_ids[:, 0], range(10))
    index.add(unit_vectors(2, seed=1), entries_of([3, 20]))
    assert len(index) == 11


@pytest.mark.parametrize("name", ["write_vectors", "write_entries", "write_codes"])
def test_a_full_disk_while_compacting_or_making_anew_leaves_the_index_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    index = made(tmp_path, unit_vectors(10), kind="compressed")
    index.remove(np.array([4]))
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(building, name, full)
    with pytest.raises(OSError, match="No space left"):
        index.compact()
    with pytest.raises(OSError, match="No space left"):
        made(tmp_path, unit_vectors(5), kind="compressed")
    assert sorted(tmp_path.rglob("*")) == before
    assert len(LocalIndex.open(tmp_path)) == 9
