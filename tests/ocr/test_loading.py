"""Who predicts pays for reading when the first photo is read, keeps what it can, and may ask in many threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from catalog.product import Product
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from ocr import loading
from ocr.config import OcrConfig
from ocr.engines.base import EngineMissing
from ocr.loading import config_here, load_branch, make_reader
from ocr.reader import PhotoReader
from tests.ocr.test_reader import keyed, png
from tests.ocr.test_training import WrittenEngine, photo, trained
from tests.ocr.test_training import room as room_with_plan

CONFIG = load_config(OcrConfig, "ocr", "debug")
room = room_with_plan
LOADS = """
import sys
from pathlib import Path
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from ocr.loading import load_expert
run = Run.load(Path(sys.argv[1]), "ocr")
load_expert(run, run.taxonomy(), Workspace(Path(sys.argv[2]))).close()
late = ("sklearn", "scipy", "pandas", "torch", "rapidocr", "openvino", "onnxruntime", "pytesseract", "ocr.training")
print(sorted(name for name in late if name in sys.modules))
"""


def test_loading_brings_no_library_that_reading_needs_and_writes_nothing(room, tmp_path):
    run = trained(room)
    command = [sys.executable, "-c", LOADS, str(run.folder), str(tmp_path / "elsewhere")]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert loaded.stdout == "[]\n"
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_text_model_is_refused_when_the_run_is_loaded(room):
    run = trained(room)
    weights = run.folder / "text-model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ValueError, match="not an intact text model"):
        load_branch(run, make_reader(CONFIG, room))


def test_an_engine_that_is_not_installed_is_told_when_the_run_is_loaded(room, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineMissing, match="pip install"):
        make_reader(CONFIG, room)


def test_a_model_that_was_trained_beside_a_gpu_predicts_where_there_is_none(tmp_path, monkeypatch, caplog):
    on_gpu = load_config(OcrConfig, "ocr", overrides=["engine.backend=cuda", "engine.detection_side=640"])
    tree = Taxonomy([(1, ("BOOKS", "NOVELS", "CRIME")), (2, ("BOOKS", "NOVELS", "LOVE"))])
    run = Run.create(tmp_path, "ocr", "ocr", plan="", data="", config=on_gpu.model_dump(), tree=tree)
    monkeypatch.setattr(loading, "has_nvidia_gpu", lambda: False)
    here = config_here(run).engine
    assert (here.backend, here.detection_side) == ("auto", 640)
    assert "there is none here: the processor reads" in caplog.text
    monkeypatch.setattr(loading, "has_nvidia_gpu", lambda: True)
    assert config_here(run) == on_gpu
    # whoever keeps the GPU from a program wants it to go without
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert config_here(run).engine.backend == "auto"


def test_photos_are_read_where_nothing_can_be_kept(tmp_path, monkeypatch, caplog):
    # what lies on a read-only disk cannot be made either; root may write into any folder that is only protected
    (tmp_path / "file").touch()
    monkeypatch.setattr(loading, "make_engine", lambda _: WrittenEngine())
    reader = make_reader(CONFIG, Workspace(tmp_path / "file" / "runs"))
    assert reader.read({}) == {}
    assert not caplog.text
    for grey in (20, 30):
        (reading,) = reader.read(keyed(png(grey))).values()
        assert reading.words
    assert caplog.text.count("photos are read without it") == 1


def test_the_workspace_is_made_when_something_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "make_engine", lambda _: WrittenEngine())
    reader = make_reader(CONFIG, Workspace(tmp_path / "runs"))
    reader.read({})
    assert not (tmp_path / "runs").exists()
    reader.read(keyed(png(20)))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["transcripts.sqlite"]


def test_sixteen_threads_ask_one_branch_that_nobody_has_asked_before(room):
    run, tree = trained(room), room.taxonomy()
    products = [Product(1000 + n, (photo(n % 3 + 2, n), photo(0, n))[: n % 2 + 1]) for n in range(96)]
    alone, branch = (load_branch(run, PhotoReader(WrittenEngine(), None, batch_size=8)) for _ in range(2))
    expected = {p.product_id: alone.read([p], np.array([True])) for p in products}

    def ask(start: int) -> None:
        # each product in the company of others than in the other threads
        some = products[start::16] + products[start + 1 :: 48]
        probabilities, readings = branch.read(some, np.array([n % 5 != 4 for n in range(len(some))]))
        for row, product in enumerate(some):
            if row % 5 == 4:
                assert row not in readings
                continue
            of_one, one_reading = expected[product.product_id]
            assert readings[row].text == one_reading[0].text
            assert probabilities.leaves[row].tolist() == of_one.leaves[0].tolist()
            dense, dense_of_one = (p.dense(np.array([r]), len(tree)) for p, r in ((probabilities, row), (of_one, 0)))
            np.testing.assert_allclose(dense, dense_of_one, atol=1e-5)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, [*range(16)] * 4))
