"""`fusion predict`: a row for every product, the same bytes after any kill, a run folder that is enough."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import random
import re
import shutil
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import bson
import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog import recent_rows
from catalog.catalog import Catalog
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from curation.convert import convert
from fusion.cli import main as fusion
from fusion.head_artifacts import HeadArtifacts
from fusion.prediction import predict_catalog as prediction
from fusion.prediction.folder import PredictionFolder
from fusion.prediction.predictor import Predictor
from mosaic.inference.expert import MosaicExpert
from tests.support.command_line import call, invoke, refused
from tests.support.predictions import read_rows
from tests.support.processes import Running
from tests.support.trained import document, picture

pytestmark = pytest.mark.slow
REVIEWED = ("review.csv", "audit.csv")


def write_test(path: Path, n: int) -> list[int]:
    """n good products and some bad ones; returns the ids that must get a row, in order."""
    documents = [document(i, labelled=False) for i in range(1000, 1000 + n)]
    documents[3]["imgs"] = []
    documents[4]["imgs"] = [{"picture": b"not a picture"}]
    documents[5]["imgs"] = [{"picture": picture(1, 1)}, {"picture": b""}, {"picture": picture(1, 2)}]
    documents[6]["imgs"] = [{"picture": picture(2, i)} for i in range(6)]
    documents.insert(8, {**documents[7], "imgs": documents[9]["imgs"]})
    whole = b"".join(bson.encode(d) for d in documents)
    path.write_bytes(whole + bson.encode(document(9999, labelled=False))[:-40])
    return [d["_id"] for i, d in enumerate(documents) if i != 8]


def submission(folder: Path) -> list[tuple[int, int]]:
    with (folder / "submission.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["_id", "category_id"]
    return [(int(a), int(b)) for a, b in rows[1:]]


def test_every_product_gets_a_row_and_problems_are_named(trained, tmp_path):
    ids = write_test(tmp_path / "test.bson", 40)
    room = ("--workspace", trained / "runs")
    result = invoke(fusion, "predict", tmp_path / "test.bson", "--output", tmp_path / "out", *room)
    rows = submission(tmp_path / "out")
    assert [i for i, _ in rows] == ids
    assert {c for _, c in rows} <= {1, 2, 3, 4, 5}
    table = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    by_id = {row["product_id"]: row for row in table}
    assert (by_id[1003]["decision"], by_id[1003]["reason"]) == ("review", "no photo")
    assert (by_id[1004]["decision"], by_id[1004]["reason"]) == ("review", "no usable photo")
    assert (by_id[1005]["n_images"], by_id[1005]["n_readable"]) == (3, 2)
    assert by_id[1006]["n_images"] == 4
    for row in table:
        assert row["p_cat1"] >= row["p_cat2"] - 1e-6 >= row["p_cat3"] - 2e-6
        assert len(row["top_category_ids"]) == 5
        assert row["top_category_ids"][0] == row["category_id"]
    for words in ("no photo", "cannot be decoded", "more than four", "repeated _id", "ends inside a document"):
        assert words in result.stderr
    assert "product 1004" in result.stderr
    assert "95 % right is not proved by 40 held-out products, so nothing is given unseen" in result.stderr
    assert by_id[1005]["photos_md5"] == [hashlib.md5(p).hexdigest() for p in (picture(1, 1), b"", picture(1, 2))]
    files = {name: {int(row["product_id"]) for row in read_rows(tmp_path / "out" / name)} for name in REVIEWED}
    accepted = {row["product_id"] for row in table if row["decision"] == "accept"}
    assert files == {"review.csv": by_id.keys() - accepted, "audit.csv": accepted}
    strict = invoke(fusion, "predict", tmp_path / "test.bson", "--output", tmp_path / "out", "--strict", *room, code=1)
    assert "--strict" in strict.stderr


@pytest.mark.parametrize("name", ["shop", "shop.csv"])
def test_a_folder_or_a_table_is_predicted_as_its_bson_file(trained, tmp_path, name):
    ids = write_test(tmp_path / "test.bson", 14)
    convert(tmp_path / "test.bson", tmp_path / name)
    room = ("--workspace", trained / "runs")
    for given, output in (("test.bson", "a"), (name, "b")):
        call(fusion, "predict", tmp_path / given, "--output", tmp_path / output, *room)
    assert dict(submission(tmp_path / "a")) == dict(submission(tmp_path / "b"))
    assert sorted(i for i, _ in submission(tmp_path / "b")) == sorted(ids)


def test_chunking_does_not_change_a_product(trained, tmp_path, monkeypatch):
    write_test(tmp_path / "test.bson", 50)
    predictor = Predictor(Workspace(trained / "runs").require("fusion"), Workspace(trained / "runs"))
    catalog = Catalog(tmp_path / "test.bson")
    whole = prediction.predict_file(predictor, catalog, Workspace(tmp_path), tmp_path / "whole")
    monkeypatch.setattr(prediction, "PART", 10)
    monkeypatch.setattr(prediction, "CHUNK", 5)
    small = prediction.predict_file(predictor, catalog, Workspace(tmp_path), tmp_path / "small")
    assert submission(whole.files.path) == submission(small.files.path)


def test_a_part_has_the_same_bytes_whichever_parts_were_made_before_it_or_beside_it(trained, tmp_path, monkeypatch):
    """Copies of photos lie in several parts: what was computed for one must not be what another says."""
    documents = [document(i, labelled=False) for i in range(1000, 1040)]
    for later, earlier in ((13, 2), (14, 7), (27, 2), (31, 13), (32, 30)):
        documents[later]["imgs"] = documents[earlier]["imgs"]
    (tmp_path / "test.bson").write_bytes(b"".join(map(bson.encode, documents)))
    monkeypatch.setattr(prediction, "PART", 10)
    monkeypatch.setattr(prediction, "CHUNK", 5)
    catalog, workspace = Catalog(tmp_path / "test.bson"), Workspace(trained / "runs")
    predictor, computed = Predictor(workspace.require("fusion"), workspace), defaultdict(list)
    schema = prediction._schema(predictor, catalog)
    compute = MosaicExpert._compute

    def counted(expert, keys, chunk):
        computed[chunk.products[0].product_id].append(len(keys))
        return compute(expert, keys, chunk)

    monkeypatch.setattr(MosaicExpert, "_compute", counted)

    def make(name: str, starts: list[int], n_threads: int = 1) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir()
        with ThreadPoolExecutor(n_threads) as pool:
            for start in starts:
                part = folder / f"part-{start}.parquet"
                pool.submit(prediction._predict_part, predictor, catalog, start, part, schema, None)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    in_order = make("in-order", [0, 10, 20, 30])
    work = dict(computed)
    computed.clear()
    assert make("backwards", [30, 20, 10, 0]) == in_order
    # bytes alone could be the same by good luck: nothing was taken over from another part either
    assert computed == work
    assert make("together", [20, 0, 30, 10], n_threads=4) == in_order
    assert make("alone", [20]) == {name: part for name, part in in_order.items() if name.startswith("part-20.")}
    assert len(in_order) == 8


def test_a_second_run_continues_and_gives_the_same_bytes(trained, tmp_path, monkeypatch):
    write_test(tmp_path / "test.bson", 60)
    monkeypatch.setattr(prediction, "PART", 16)
    monkeypatch.setattr(prediction, "CHUNK", 8)
    predictor = Predictor(Workspace(trained / "runs").require("fusion"), Workspace(trained / "runs"))
    catalog = Catalog(tmp_path / "test.bson")
    whole = prediction.predict_file(predictor, catalog, Workspace(tmp_path), tmp_path / "whole")
    good, calls = predictor.predict, []

    def dies_at_the_fifth(products, **options):
        calls.append(len(products))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return good(products, **options)

    monkeypatch.setattr(predictor, "predict", dies_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        prediction.predict_file(predictor, catalog, Workspace(tmp_path), tmp_path / "cut")
    assert not (tmp_path / "cut" / "submission.csv").exists()
    monkeypatch.setattr(predictor, "predict", good)
    resumed = prediction.predict_file(predictor, catalog, Workspace(tmp_path), tmp_path / "cut")
    assert resumed.n_resumed == 2
    for name in ("submission.csv", "predictions.parquet", "review.csv", "audit.csv", "problems.json"):
        assert (resumed.files.path / name).read_bytes() == (whole.files.path / name).read_bytes()
    assert sorted(p.name for p in resumed.files.path.iterdir()) == sorted(p.name for p in whole.files.path.iterdir())


class Watched:
    """Writes down every batch that the networks are given: the network, the shape, the content; dies at the n-th."""

    def __init__(self, predictor: Predictor, dies_at: int | None) -> None:
        self.dies_at, self.batches = dies_at, list[tuple[object, ...]]()
        for expert in predictor.experts:
            for view, network in getattr(expert, "networks", {}).items():
                expert.networks[view] = replace(network, backend=partial(self.passed_on, view, network.backend))

    def passed_on(self, view, backend, mosaics):
        if len(self.batches) == self.dies_at:
            raise KeyboardInterrupt
        self.batches.append((view, mosaics.shape, hashlib.md5(mosaics).hexdigest()))
        return backend(mosaics)


# so little memory that rows are forgotten within a part, and as much as there is
@pytest.mark.parametrize("rows", [6, 2**14])
def test_a_resumed_run_gives_the_networks_the_same_batches(trained, tmp_path, monkeypatch, rows):
    """On a GPU the last bits of an answer depend on what else is in its batch."""
    documents = [document(i, labelled=False) for i in range(1000, 1060)]
    # copies within a chunk, within a part, and from part to part
    for later, earlier in ((3, 2), (13, 9), (19, 2), (21, 9), (37, 33), (38, 19), (50, 13), (51, 38)):
        documents[later]["imgs"] = documents[earlier]["imgs"]
    (tmp_path / "test.bson").write_bytes(b"".join(map(bson.encode, documents)))
    monkeypatch.setattr(prediction, "PART", 16)
    monkeypatch.setattr(prediction, "CHUNK", 8)
    monkeypatch.setattr(recent_rows, "CACHE_BYTES", rows * recent_rows.ENTRY_BYTES)
    catalog, workspace, make = Catalog(tmp_path / "test.bson"), Workspace(trained / "runs"), prediction._predict_part

    def run(name: str, dies_at: int | None = None) -> dict[int, list[tuple[object, ...]]]:
        """The batches of each part that was made, by its first row; each run has loaded its networks anew."""
        predictor, of_part = Predictor(workspace.require("fusion"), workspace), {}
        watched = Watched(predictor, dies_at)

        def noted(predictor, catalog, start, *rest):
            before = len(watched.batches)
            make(predictor, catalog, start, *rest)
            of_part[start] = watched.batches[before:]

        monkeypatch.setattr(prediction, "_predict_part", noted)
        with contextlib.suppress(KeyboardInterrupt):
            prediction.predict_file(predictor, catalog, workspace, tmp_path / name)
        return of_part

    whole = run("whole")
    assert list(whole) == [0, 16, 32, 48]
    assert min(map(len, whole.values())) > 4
    middle_of_third = len(whole[0]) + len(whole[16]) + len(whole[32]) // 2
    assert run("cut", middle_of_third) == {start: whole[start] for start in (0, 16)}
    assert run("cut") == {start: whole[start] for start in (32, 48)}


def predict_in_small_parts(*arguments: object) -> None:
    """`fusion predict` for a process of its own."""
    prediction.PART, prediction.CHUNK = 8, 4
    fusion(["predict", *map(str, arguments)])


def test_sigkill_at_random_moments_loses_nothing(trained, tmp_path):
    write_test(tmp_path / "test.bson", 120)
    room = ("--workspace", trained / "runs")

    def start(folder: str) -> Running:
        return Running(predict_in_small_parts, tmp_path / "test.bson", "--output", tmp_path / folder, *room)

    began = time.monotonic()
    start("whole").finish()
    whole_run = time.monotonic() - began
    rng = random.Random(0)
    for kill in range(5):
        running = start("cut")
        if kill > 2:
            # at any moment: while loading, between parts, while the parts are joined
            running.process.join(rng.uniform(0.2, 1) * whole_run)
        parts = tmp_path / "cut" / "parts"
        already = len(list(parts.glob("*.parquet"))) if parts.exists() else 0
        deadline = time.monotonic() + 600
        while kill <= 2 and running.is_running and time.monotonic() < deadline:
            if parts.exists() and len(list(parts.glob("*.parquet"))) > already:
                time.sleep(rng.uniform(0, 0.05))
                break
            time.sleep(0.005)
        running.kill()
        if kill == 0:
            assert 0 < len(list(parts.glob("*.parquet"))) < 120 / 8
    start("cut").finish()
    for name in ("submission.csv", "predictions.parquet", "review.csv", "audit.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_resume_continues_and_does_not_go_with_overwrite(trained, tmp_path):
    write_test(tmp_path / "test.bson", 12)
    arguments = ["predict", tmp_path / "test.bson", "--output", tmp_path / "out", "--workspace", trained / "runs"]
    call(fusion, *arguments)
    before = (tmp_path / "out" / "predictions.parquet").stat().st_mtime_ns
    call(fusion, *arguments, "--resume")
    assert (tmp_path / "out" / "predictions.parquet").stat().st_mtime_ns == before
    assert "--overwrite removes it" in refused(fusion, *arguments, "--resume", "--overwrite")
    assert (tmp_path / "out" / "predictions.parquet").stat().st_mtime_ns == before


def test_a_kill_while_old_predictions_are_removed_never_passes_them_off_as_new(trained, tmp_path, monkeypatch):
    write_test(tmp_path / "one.bson", 12)
    write_test(tmp_path / "two.bson", 20)
    workspace = Workspace(trained / "runs")
    predictor = Predictor(workspace.require("fusion"), workspace)
    one, two = Catalog(tmp_path / "one.bson"), Catalog(tmp_path / "two.bson")
    out, unlink = tmp_path / "out", Path.unlink
    for dies_at in range(8):
        prediction.predict_file(predictor, one, workspace, out, overwrite=True)
        calls = []

        def dying(self, missing_ok=False, calls=calls, dies_at=dies_at):
            calls.append(self)
            if len(calls) == dies_at + 1:
                raise KeyboardInterrupt
            unlink(self, missing_ok=missing_ok)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", dying)
            with contextlib.suppress(KeyboardInterrupt):
                prediction.predict_file(predictor, two, workspace, out, overwrite=True)
        if len(calls) <= dies_at:
            break
        # finished or refused, but never the old rows under the new input's name
        with contextlib.suppress(ValueError):
            prediction.predict_file(predictor, two, workspace, out)
            assert [i for i, _ in submission(out)] == two.product_ids.tolist()


def test_two_processes_do_not_disturb_each_other(trained, tmp_path, monkeypatch):
    write_test(tmp_path / "test.bson", 30)
    monkeypatch.setattr(prediction, "PART", 8)
    workspace, catalog = Workspace(trained / "runs"), Catalog(tmp_path / "test.bson")
    predictor = Predictor(workspace.require("fusion"), workspace)
    (tmp_path / "out").mkdir()
    # no process has this number
    (tmp_path / "out" / f".predictions.parquet.{2**22}.tmp").write_bytes(b"left by a kill")
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(prediction.predict_file, predictor, catalog, workspace, tmp_path / "out") for _ in range(2)]
        counts = [job.result().record.n_products for job in jobs]
    assert counts == [len(catalog)] * 2
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {
        ".lock", "input.json", "problems.json", "submission.csv", "predictions.parquet", "review.csv", "audit.csv",
    }  # fmt: skip


def test_predictions_of_another_input_are_not_overwritten_unasked(trained, tmp_path):
    write_test(tmp_path / "one.bson", 20)
    write_test(tmp_path / "two.bson", 30)
    options = ["--output", str(tmp_path / "out"), "--workspace", str(trained / "runs")]
    call(fusion, "predict", tmp_path / "one.bson", *options)
    assert "--overwrite" in refused(fusion, "predict", tmp_path / "two.bson", *options)
    assert len(submission(tmp_path / "out")) == 20
    finer = invoke(fusion, "predict", tmp_path / "one.bson", "--precision", "0.5", *options, code=1)
    assert "of another precision: choose another --output" in finer.stderr
    call(fusion, "predict", tmp_path / "two.bson", "--overwrite", *options)
    assert len(submission(tmp_path / "out")) == 30


@pytest.fixture
def model(trained, tmp_path) -> Path:
    """A run of its own, which a test may put another one in the place of."""
    return Path(shutil.copytree(Workspace(trained / "runs").require("fusion").folder, tmp_path / "model"))


def put_another_model_there(model: Path, sure_enough: float = 0) -> None:
    """The same name and networks, but all answers are sure enough."""
    tree = Run.load(model).taxonomy()
    learnt = HeadArtifacts.load(model, tree)
    thresholds = replace(learnt.thresholds, table=np.full_like(learnt.thresholds.table, sure_enough))
    replace(learnt, thresholds=thresholds).save(model)


def loaded_from(folder: Path) -> Predictor:
    return Predictor(Run.load(folder, "fusion"), Workspace("runs"))


def cut_after_the_first_part(model: Path, catalog: Catalog, room: Workspace, out: Path, monkeypatch) -> None:
    monkeypatch.setattr(prediction, "PART", 8)
    monkeypatch.setattr(prediction, "CHUNK", 8)
    predictor = loaded_from(model)
    good, calls = predictor.predict, []

    def dies_at_the_second(products, **options):
        calls.append(products)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return good(products, **options)

    monkeypatch.setattr(predictor, "predict", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        prediction.predict_file(predictor, catalog, room, out)
    assert len(list((out / "parts").glob("*.parquet"))) == 1


def test_rows_of_two_models_at_one_path_are_never_mixed(model, tmp_path, monkeypatch):
    write_test(tmp_path / "test.bson", 24)
    catalog, room, out = Catalog(tmp_path / "test.bson"), Workspace(tmp_path / "room"), tmp_path / "out"
    cut_after_the_first_part(model, catalog, room, out, monkeypatch)
    loaded = loaded_from(model)
    put_another_model_there(model)
    other = loaded_from(model)
    with pytest.raises(ValueError, match="of another model: model held something else when they were made: choose"):
        prediction.predict_file(other, catalog, room, out)
    # what was loaded before goes on: it is still the model that began
    done = prediction.predict_file(loaded, catalog, room, out)
    assert (done.n_resumed, done.was_whole) == (1, False)
    whole = prediction.predict_file(other, catalog, room, tmp_path / "other")
    assert whole.record.decisions["accept"] > done.record.decisions.get("accept", 0)
    replaced = prediction.predict_file(other, catalog, room, out, overwrite=True)
    assert replaced.files.table.read_bytes() == whole.files.table.read_bytes()


def test_finished_predictions_of_another_model_are_not_passed_off_as_new(model, tmp_path):
    write_test(tmp_path / "test.bson", 12)
    arguments = ["predict", tmp_path / "test.bson", "--run", model, "--output", tmp_path / "out"]
    arguments += ["--workspace", tmp_path / "room"]
    assert "lay there already" not in invoke(fusion, *arguments).stderr
    assert "nothing was predicted: this model's answers" in invoke(fusion, *arguments).stderr
    put_another_model_there(model)
    said = refused(fusion, *arguments)
    assert "of another model: model held something else when they were made" in said
    assert "--overwrite" in said
    call(fusion, *arguments, "--overwrite")
    assert "accept" in pq.read_table(tmp_path / "out" / "predictions.parquet")["decision"].to_pylist()
    # where no folder is named, it is named after the run, which says as little
    unnamed = [*arguments[:4], *arguments[6:]]
    call(fusion, *unnamed)
    put_another_model_there(model, sure_enough=0.1)
    assert "of another model" in refused(fusion, *unnamed)


def test_the_same_model_under_another_name_continues(model, tmp_path, monkeypatch):
    write_test(tmp_path / "test.bson", 24)
    catalog, room, out = Catalog(tmp_path / "test.bson"), Workspace(tmp_path / "room"), tmp_path / "out"
    cut_after_the_first_part(model, catalog, room, out, monkeypatch)
    moved = model.rename(tmp_path / "moved")
    (moved / "fusion.html").write_text("a page that was written since")
    done = prediction.predict_file(loaded_from(moved), catalog, room, out)
    assert done.n_resumed == 1
    assert done.record.n_products == len(catalog)


def test_what_nobody_knows_the_model_of_is_refused(model, tmp_path):
    write_test(tmp_path / "test.bson", 12)
    arguments = ["predict", tmp_path / "test.bson", "--run", model, "--output", tmp_path / "out"]
    arguments += ["--workspace", tmp_path / "room"]
    call(fusion, *arguments)
    place = tmp_path / "out" / "input.json"
    origin = json.loads(place.read_text())
    del origin["model"]
    place.write_text(json.dumps(origin))
    said = refused(fusion, *arguments)
    assert "of an earlier version, which did not note what the model held" in said
    assert "choose another --output, or --overwrite" in said
    # reviewers may go on with them
    assert PredictionFolder(tmp_path / "out").origin().run == "model"
    place.unlink()
    assert "whose input.json is missing" in refused(fusion, *arguments)
    call(fusion, *arguments, "--overwrite")
    assert "model" in json.loads(place.read_text())


def test_a_run_folder_is_enough_and_holds_no_pickle(trained, tmp_path):
    source = Workspace(trained / "runs").require("fusion").folder
    shutil.copytree(source, tmp_path / "model")
    files = [p for p in (tmp_path / "model").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= {".json", ".yaml", ".csv", ".safetensors", ".skops", ".xml", ".bin"}
    write_test(tmp_path / "test.bson", 20)
    options = ["--run", tmp_path / "model", "--workspace", tmp_path / "elsewhere", "--output", tmp_path / "out"]
    call(fusion, "predict", tmp_path / "test.bson", *options)
    assert len(submission(tmp_path / "out")) == 20


def test_one_product_as_photos(trained, tmp_path):
    for i in range(2):
        (tmp_path / f"{i}.jpg").write_bytes(picture(3, i))
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    room = ("--workspace", trained / "runs")
    text = call(fusion, "predict", tmp_path / "0.jpg", tmp_path / "1.jpg", tmp_path / "bad.jpg", *room)
    lines = text.splitlines()
    assert len([line for line in lines if line.lstrip()[0].isdigit()]) == 5
    assert any(line.split(":")[0] in ("accept", "parent", "review") for line in lines)
    assert any(line.startswith("Cat II") for line in lines)
    assert any("skipped" in line and "bad.jpg" in line for line in lines)
    assert "bad.jpg cannot be decoded" in refused(fusion, "predict", tmp_path / "bad.jpg", *room)
    (tmp_path / "photo").write_bytes(picture(3, 0))
    (tmp_path / "notes").write_bytes(b"%PDF-1.7")
    # the same photo under a name that says nothing
    assert call(fusion, "predict", tmp_path / "photo", *room) == call(fusion, "predict", tmp_path / "0.jpg", *room)
    said = refused(fusion, "predict", tmp_path / "photo", tmp_path / "notes", *room)
    assert "notes is no photo, but a PDF document" in said
    assert "at most 4" in refused(fusion, "predict", *[tmp_path / "0.jpg"] * 5, *room)
    assert "the answer for photos is printed" in refused(fusion, "predict", tmp_path / "0.jpg", "--output", "x", *room)


def test_mosaic_predict_saves_what_fusion_uses(trained, tmp_path):
    from catalog.probabilities import Probabilities
    from catalog.runs.saved_probabilities import image_networks
    from mosaic.cli import main as mosaic

    write_test(tmp_path / "test.bson", 20)
    room = ("--workspace", trained / "runs")
    printed = call(mosaic, "predict", tmp_path / "test.bson", "--output", tmp_path / "saved", *room)
    assert str(tmp_path / "saved" / "mosaic.safetensors") in printed
    noted = json.loads((tmp_path / "saved" / "networks.json").read_text())
    assert noted == image_networks(Workspace(trained / "runs"))
    saved = Probabilities.load(tmp_path / "saved" / "mosaic.safetensors")
    catalog = Catalog(tmp_path / "test.bson")
    predictor = Predictor(Workspace(trained / "runs").require("fusion"), Workspace(trained / "runs"))
    own = predictor.predict(list(catalog)).experts[0]
    np.testing.assert_array_equal(saved.product_ids, catalog.product_ids)
    np.testing.assert_allclose(saved.values, own.values, atol=1e-5)
    np.testing.assert_array_equal(saved.silence, own.silence)
    text = call(mosaic, "evaluate", *room)
    assert "Cat III" in text


def test_a_run_of_another_tree_is_refused(trained, tmp_path):
    source = Workspace(trained / "runs").require("fusion").folder
    shutil.copytree(source, tmp_path / "model")
    tree = (tmp_path / "model" / "taxonomy.csv").read_text().replace("ROMAN", "ESSAI")
    (tmp_path / "model" / "taxonomy.csv").write_text(tree)
    refused = invoke(
        fusion, "predict", trained / "train.bson", "--run", tmp_path / "model", "--workspace", tmp_path, code=1
    )
    assert "another category tree" in refused.stderr


def test_evaluate_writes_a_page_and_numbers_that_agree(trained, tmp_path):
    room = ("--workspace", trained / "runs")
    text = call(fusion, "evaluate", trained / "train.bson", "--output", tmp_path, *room)
    assert "fused" in text
    assert "mosaic" in text
    page = (tmp_path / "fusion.html").read_text()
    # namespaces of the plots aside, the page fetches nothing
    assert not re.search(r"""(src|href|url\()\s*=?\s*["']?\s*https?:""", page)
    assert "<svg" in page
    unlabelled = write_test(tmp_path / "test.bson", 20)
    assert "--labels" in refused(fusion, "evaluate", tmp_path / "test.bson", *room)
    labels = "\n".join(["product_id,category_id", *[f"{i},{i % 5 + 1}" for i in unlabelled]])
    (tmp_path / "truth.csv").write_text(labels)
    call(fusion, "evaluate", tmp_path / "test.bson", "--labels", tmp_path / "truth.csv", "--output", tmp_path, *room)
