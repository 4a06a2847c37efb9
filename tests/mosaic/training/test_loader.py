"""Worker processes: the same batches as without, from every kind of source, and none that outlives its training."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training import shared_memory
from mosaic.training.batches import CountBatchSampler, Examples
from mosaic.training.dataset import MosaicDataset, TrainingBatch
from mosaic.training.hand_over import PackedLoader
from mosaic.training.loader import batch_loader
from mosaic.training.shrunken_photos import ShrunkenPhotos
from mosaic.training.worker_death import WorkersDied, died_with
from mosaic.training.worker_processes import IMPORTED, WorkerWatch
from mosaic.views import View
from tests.support.mongo_server import uri_of
from tests.support.processes import Running
from tests.support.products import make_product

ROOT = Path(__file__).parents[3]
DOCUMENTS = [make_product(i, 11, 1 + i % 3) for i in range(24)]


def config(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", ["photos_per_batch=8", *overrides])


def loader_of(catalog: Catalog, n_workers: int, n: int = 24, **options: object) -> PackedLoader:
    settings = config(f"workers={n_workers}")
    examples = Examples.of(View(), np.arange(n), np.arange(n) % 3, np.resize(catalog.n_images, n))
    sampler = CountBatchSampler(examples, 8, settings.training, settings.seed)
    return batch_loader(MosaicDataset(catalog, examples, settings, 48, **options), sampler)


def prepared(loader: PackedLoader) -> list[TrainingBatch]:
    batches = [batch.unpacked() for batch in loader]
    loader.close()
    return batches


def as_bson(folder: Path) -> Path:
    import bson

    path = folder / "products.bson"
    path.write_bytes(b"".join(map(bson.encode, DOCUMENTS)))
    return path


def as_folder(folder: Path) -> Path:
    for document in DOCUMENTS:
        place = folder / "shop" / "11" / str(document["_id"])
        place.mkdir(parents=True)
        for k, image in enumerate(document["imgs"]):
            (place / f"{k}.jpg").write_bytes(image["picture"])
    return folder / "shop"


def as_csv(folder: Path) -> Path:
    shop, lines = as_folder(folder), ["product_id,category_id,photos"]
    for document in DOCUMENTS:
        photos = [f"{shop.name}/11/{document['_id']}/{k}.jpg" for k in range(len(document["imgs"]))]
        lines.append(f"{document['_id']},11,{'|'.join(photos)}")
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    return folder / "shop.csv"


def as_parquet(folder: Path) -> Path:
    photos = [[image["picture"] for image in document["imgs"]] for document in DOCUMENTS]
    columns = {"product_id": range(24), "category_id": [11] * 24, "photos": pa.array(photos, pa.list_(pa.binary()))}
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), folder / "shop.parquet")
    return folder / "shop.parquet"


def assert_same_with_workers(catalog: Catalog, **options: object) -> None:
    # the server of all tests, which has imported what any of them needs: the loader would have it import less
    forkserver.ensure_running()
    alone, by_workers = (prepared(loader_of(catalog, n_workers, **options)) for n_workers in (0, 2))
    assert len(alone) == len(by_workers) > 4
    for expected, batch in zip(alone, by_workers, strict=True):
        assert [torch.equal(a, b) for a, b in zip(expected[:3], batch[:3], strict=True)] == [True] * 3
        assert expected[3:7] == batch[3:7]
        assert [np.array_equal(a, b) for a, b in zip(expected.encoded, batch.encoded, strict=True)] == [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize("write", [as_bson, as_folder, as_csv, as_parquet])
def test_two_workers_prepare_the_same_batches(tmp_path, write):
    assert_same_with_workers(Catalog(write(tmp_path)))


@pytest.mark.slow
def test_two_workers_hand_over_the_photos_that_the_device_decodes(tmp_path):
    catalog = Catalog(as_bson(tmp_path))
    assert len(prepared(loader_of(catalog, 0, encoded=True))[0].encoded.places) > 1
    assert_same_with_workers(catalog, encoded=True, reassembly=0.5)


@pytest.mark.slow
def test_two_workers_prepare_the_same_batches_from_a_database(mongo):
    mongo.insert_many(DOCUMENTS)
    catalog = Catalog(uri_of(mongo))
    # as a training has done by then: the connection is open
    assert len(catalog[:1]) == 1
    assert_same_with_workers(catalog)


def test_what_a_worker_is_sent_does_not_grow_with_the_catalogue(tmp_path):
    shrunken = ShrunkenPhotos(tmp_path, np.arange(40_000), np.zeros((40_000, 16), np.uint8))
    loader = loader_of(Catalog(as_bson(tmp_path)), 2, n=40_000, shrunken=shrunken)
    assert len(pickle.dumps(loader.dataset)) < 1500


@pytest.mark.slow
def test_what_workers_share_is_imported_without_the_trainer_and_without_a_gpu():
    code = (
        "import sys, torch\n"
        f"import {IMPORTED}\n"
        "print(*{'lightning', 'timm', 'click'} & {*sys.modules}, torch.cuda.is_initialized())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_an_index_that_cannot_be_kept_is_not_made_anew_by_each_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(Catalog, "is_kept", False)
    assert loader_of(Catalog(as_bson(tmp_path)), 2).num_workers == 0


def test_want_of_shared_memory_is_told_once_with_what_would_fit(tmp_path, monkeypatch, caplog):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shared_memory, "SHARED_MEMORY", tmp_path)
    batch = 256 * 180 * 180 * 3

    def told(free: int, n_processes: int = 1) -> str:
        caplog.clear()
        shared_memory._warn.cache_clear()
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(n_processes))
        monkeypatch.setattr(shared_memory.shutil, "disk_usage", lambda _: usage(free, 0, free))
        for _ in range(2):
            shared_memory.warn_if_short(8, 256, 180)
        return "\n".join(caplog.messages)

    with caplog.at_level(logging.WARNING):
        assert told(18 * batch) == ""
        assert told(18 * batch, 2).count("16 processes that prepare photos may fill 854 MiB") == 1
        assert "(--set workers=3)" in told(18 * batch, 2)
        assert "(--set workers=7)" in told(18 * batch - 1)
        small = told(2**20)
    assert "1 MiB free" in small
    assert "--shm-size=2g" in small
    assert "workers=" not in small
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert told(2**20) == ""


def test_a_death_is_noticed_while_the_training_waits_for_something_else():
    # in a process of its own: signals reach the main thread of this one whatever libraries have made of it
    assert Running(wait_with_workers).finish() == ""


def wait_with_workers() -> None:
    forks = multiprocessing.get_context("fork")
    processes = [forks.Process(target=time.sleep, args=(600,)) for _ in range(2)]
    for process in processes:
        process.start()

    def fail(dead: BaseProcess) -> None:
        raise died_with(dead)

    before, watch = signal.getsignal(signal.SIGCHLD), WorkerWatch(processes, lambda: False, fail)
    reader, _ = os.pipe()
    # not before the test is ready for what follows
    threading.Timer(0.2, processes[1].kill).start()
    try:
        with pytest.raises(WorkersDied, match=rf"process {processes[1].pid}, killed by SIGKILL"):
            os.read(reader, 1)
    finally:
        watch.stop()
        processes[0].kill()
    assert signal.getsignal(signal.SIGCHLD) == before


def session_of(leader: int) -> list[str]:
    """What runs in the session of this process, zombies apart."""
    running = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        state, _, _, session = text.rpartition(")")[2].split()[:4]
        if int(session) == leader and state != "Z":
            running.append(text)
    return running


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_training_that_is_killed_leaves_no_process_behind(tmp_path):
    command = [sys.executable, "-m", "tests.support.doomed_training", str(tmp_path), "SIGKILL:self"]
    started = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, text=True)
    with started as training:
        assert training.stdout is not None
        try:
            assert len(training.stdout.readline().split()) == 2
            assert training.wait(600) == -signal.SIGKILL
            deadline = time.monotonic() + 300
            while session_of(training.pid) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert not session_of(training.pid)
        finally:
            # they would hold the pipe open
            with suppress(ProcessLookupError):
                os.killpg(training.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_script_that_does_not_ask_for_its_name_trains_once(tmp_path):
    script = tmp_path / "own_training.py"
    script.write_text(
        "from pathlib import Path\n"
        "from tests.support.doomed_training import train\n"
        "print('begun', flush=True)\n"
        f"train(Path({str(tmp_path)!r}), [])\n"
        "print('trained')\n"
    )
    done = subprocess.run(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, workers, last = done.stdout.splitlines()
    assert (first, len(workers.split()), last) == ("begun", 2, "trained")
