"""`ocr train | predict | evaluate | read` over a tiny catalogue, with an engine that reads what the test wrote."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import bson
import numpy as np
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities, Silence
from catalog.product import ProblemLog
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from ocr import loading, training
from ocr.cli import main as ocr
from ocr.config import OcrConfig
from ocr.details import OcrDetails
from ocr.lines import Line
from ocr.transcript import OcrFailure, PhotoReading, Transcript
from tests.support.command_line import call, invoke, refused

LEAVES = [
    (1, ("CUISINE", "TASSES", "MUG")),
    (2, ("LIBRAIRIE", "LITTERATURE", "POESIE")),
    (3, ("LIBRAIRIE", "LITTERATURE", "ROMAN")),
    (4, ("LIBRAIRIE", "TOURISME", "GUIDE")),
]
WORDS = {2: "poemes sonnets rimes", 3: "roman passion destin", 4: "guide voyage plages"}


class WrittenEngine:
    """Reads the text whose number is the photo's grey value; 0 nothing, 250 fails."""

    name = "written"
    settings = "written 1"
    max_side = 1000

    def __init__(self) -> None:
        self.n_read = 0

    def read(self, photos: Sequence[np.ndarray]) -> list[PhotoReading]:
        self.n_read += len(photos)
        return [self._one(round(float(photo.mean()) / 10)) for photo in photos]

    def _one(self, number: int) -> PhotoReading:
        if number == 25:
            return OcrFailure("engine stopped")
        return Transcript(tuple(Line(WORDS[number], 0.9, (0, 0, 9, 9)).words(0)) if number in WORDS else ())

    def close(self) -> None:
        """Nothing was started."""


def photo(number: int, seed: int) -> bytes:
    """A PNG of grey value 10 * number, different for each seed."""
    pixels = np.full((24, 24, 3), 10 * number, np.uint8)
    pixels[0, seed % 24] += 1 + seed // 24
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with a plan over 120 products; leaf (i mod 4) + 1, the text on a book's photo is its leaf's."""
    documents = [
        {"_id": i, "category_id": i % 4 + 1, "imgs": [{"picture": photo(0 if i % 4 == 0 else i % 4 + 1, i)}]}
        for i in range(120)
    ]
    (tmp_path / "train.bson").write_bytes(b"".join(bson.encode(d) for d in documents))
    tree = Taxonomy(LEAVES)
    plan, _ = make_plan(Catalog(tmp_path / "train.bson"), tree)
    workspace = Workspace(tmp_path / "runs")
    workspace.save_plan(plan, tree)
    engine = WrittenEngine()
    monkeypatch.setattr(loading, "make_engine", lambda _: engine)
    return workspace


def photo_branch(workspace: Workspace, product_ids: np.ndarray, is_book: np.ndarray) -> Probabilities:
    """What an image branch would say: whether it is a book, nothing about which."""
    tree, plan = workspace.taxonomy(), workspace.plan()
    dense = np.where(is_book[:, None], [0.01, 0.33, 0.33, 0.33], [0.97, 0.01, 0.01, 0.01])
    return Probabilities.from_dense(
        "mosaic", product_ids, np.ones(len(product_ids), np.int8), dense, np.zeros(len(product_ids), np.uint8),
        support=np.arange(4, dtype=np.int32), frequency=np.full(4, 0.25), k=4,
        taxonomy=tree.fingerprint, plan=plan.plan_id,
    )  # fmt: skip


def trained(workspace: Workspace, *overrides: str) -> Run:
    """Train the text branch with the image branch above."""
    from catalog.cli_options import progress_bar

    catalog = workspace.training_catalog()
    ids = catalog.product_ids[workspace.plan().held_out_positions(0)]
    config = load_config(OcrConfig, "ocr", "debug", overrides)
    return training.train(workspace, config, photo_branch(workspace, ids, ids % 4 != 0), progress_bar)


def test_held_out_rows_speak_where_routed_and_say_why_where_not(room):
    run = trained(room)
    held_out = run.held_out()
    books = held_out.product_ids % 4 != 0
    assert (held_out.silence[books] == Silence.SPEAKS).all()
    assert (held_out.silence[~books] == Silence.NOT_ROUTED).all()
    best = room.taxonomy().leaf_ids[held_out.leaves[books, 0]]
    np.testing.assert_array_equal(best, held_out.product_ids[books] % 4 + 1)
    assert run.metrics["all"]["levels"]["3"]["top1"] == 1.0
    assert {p.suffix for p in run.folder.rglob("*") if p.is_file()} <= {".json", ".yaml", ".csv", ".safetensors"}


def test_photos_are_read_once_and_only_in_the_configured_categories(room, monkeypatch):
    engine = loading.make_engine(None)
    trained(room, "route_threshold=0.1")
    # ninety books; the thirty mugs were never read
    assert engine.n_read == 90
    trained(room, "route_threshold=0.1")
    assert engine.n_read == 90


def test_the_threshold_is_chosen_on_held_out_products(room):
    engine = loading.make_engine(None)
    run = trained(room)
    # the curve needs what a low threshold reads: the mugs of the held-out fifth, on which there are no words
    n_mugs = int((run.held_out().product_ids % 4 == 0).sum())
    assert engine.n_read == 90 + n_mugs
    details = run.details_as(OcrDetails)
    assert details.route_threshold == 0.05
    curve = details.route_curve
    assert curve.points[0].photos == len(run.held_out())
    assert curve.points[-1].accuracy == 1.0 > curve.without_text
    assert details.seconds_per_photo > 0


def test_at_most_so_many_products_of_a_leaf_are_read(room):
    engine = loading.make_engine(None)
    run = trained(room, "route_threshold=1", "text.texts_per_leaf=12")
    assert engine.n_read == run.details_as(OcrDetails).n_texts == 36


def test_prediction_names_every_silence(room, tmp_path):
    run = trained(room)
    documents = [
        {"_id": 1000, "imgs": [{"picture": photo(3, 1)}]},
        {"_id": 1001, "imgs": [{"picture": photo(0, 2)}]},
        {"_id": 1002, "imgs": [{"picture": photo(25, 3)}]},
        {"_id": 1003, "imgs": [{"picture": photo(3, 4)}]},
        {"_id": 1004, "imgs": [{"picture": b"no picture"}]},
    ]
    (tmp_path / "test.bson").write_bytes(b"".join(bson.encode(d) for d in documents))
    catalog = Catalog(tmp_path / "test.bson")
    is_book = catalog.product_ids != 1003
    from ocr.commands import predict_catalog, silence_text

    problems = ProblemLog()
    text = predict_catalog(catalog, photo_branch(room, catalog.product_ids, is_book), run, room, problems)
    assert text.silence.tolist() == [
        Silence.SPEAKS, Silence.NOTHING_READ, Silence.FAILED, Silence.NOT_ROUTED, Silence.FAILED,
    ]  # fmt: skip
    assert [(p.product_id, p.photo, p.detail) for p in problems.named] == [
        (1002, 0, "engine stopped"), (1004, 0, "this is not a picture"),
    ]  # fmt: skip
    assert silence_text(text) == "text on 1 of 5 products (1 not routed, 1 nothing read, 2 failed)"
    with pytest.raises(ValueError, match="silent on the product of row 1: nothing read"):
        text.dense(np.array([1]), 4)


def test_photo_probabilities_of_another_plan_are_refused(room):
    from dataclasses import replace

    from catalog.cli_options import progress_bar

    ids = room.training_catalog().product_ids
    photo_probabilities = replace(photo_branch(room, ids, ids % 4 != 0), plan="another")
    with pytest.raises(ValueError, match="another plan"):
        training.train(room, load_config(OcrConfig, "ocr", "debug"), photo_probabilities, progress_bar)


def test_photos_that_fail_in_training_are_named(room, tmp_path):
    documents = bson.decode_all((tmp_path / "train.bson").read_bytes())
    for i in (5, 6):
        documents[i]["imgs"] = [{"picture": photo(25, i)}]
    (tmp_path / "train.bson").write_bytes(b"".join(bson.encode(d) for d in documents))
    tree = room.taxonomy()
    room.save_plan(make_plan(Catalog(tmp_path / "train.bson"), tree)[0], tree)
    run = trained(room)
    details = run.details_as(OcrDetails)
    assert [(p.product_id, p.detail) for p in details.problems.named] == [(5, "engine stopped"), (6, "engine stopped")]
    assert (details.n_texts, details.n_products) == (88, 90)


def test_too_few_texts_are_refused_with_the_way_out(room):
    config = load_config(OcrConfig, "ocr", "debug", ["shelves=[CUISINE]"])
    from catalog.cli_options import progress_bar

    ids = room.training_catalog().product_ids
    with pytest.raises(ValueError, match="train fusion without text"):
        training.train(room, config, photo_branch(room, ids, ids % 4 == 0), progress_bar)


def test_read_writes_json_lines_and_prints_photo_files(room, tmp_path):
    lines = tmp_path / "lines.jsonl"
    arguments = ["read", tmp_path / "train.bson", "--output", str(lines), "--workspace", room.folder]
    result = invoke(ocr, *arguments)
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert [row["product_id"] for row in rows] == list(range(120))
    assert rows[2]["text"] == WORDS[3]
    assert rows[0]["text"] == ""
    (tmp_path / "a.png").write_bytes(photo(4, 1))
    printed = invoke(ocr, "read", tmp_path / "a.png", "--workspace", room.folder)
    assert WORDS[4] in printed.stdout
    # a photo is told by its first bytes where its name says nothing
    (tmp_path / "a.png!d").write_bytes(photo(4, 1))
    printed = invoke(ocr, "read", tmp_path / "a.png", tmp_path / "a.png!d", "--workspace", room.folder)
    assert printed.stdout.count(WORDS[4]) == 2
    (tmp_path / "folder.png").mkdir()
    for wrong, why in (
        ([tmp_path / "a.png", tmp_path / "none.png"], "none.png does not exist"),
        ([tmp_path / "folder.png", "--output", str(lines)], "is a folder without photos"),
        ([tmp_path / "a.png", "--output", str(lines)], "--output is for a catalogue"),
        ([tmp_path / "train.bson", "--output", tmp_path], "give --output the name of a file"),
        ([tmp_path / "train.bson"], "or photos (JPEG, PNG, "),
        ([tmp_path / "a.png", tmp_path / "train.bson"], "train.bson is no photo: give photos alone"),
    ):
        result = invoke(ocr, "read", *wrong, "--workspace", room.folder, code=1)
        assert why in result.stderr
        assert not result.stdout


def test_without_an_image_branch_the_error_names_it(room):
    assert "mosaic train" in refused(ocr, "train", "--workspace", room.folder)


@pytest.mark.slow
def test_predict_and_evaluate_take_what_the_image_branch_saved(room, tmp_path):
    trained(room)
    catalog = room.training_catalog()
    assert "mosaic predict" in refused(ocr, "predict", catalog.address, "--workspace", room.folder)
    ids = catalog.product_ids
    photo_branch(room, ids, ids % 4 != 0).save(tmp_path / "photo.safetensors")
    options = ["--photo-probabilities", tmp_path / "photo.safetensors", "--workspace", room.folder]
    result = invoke(ocr, "predict", catalog.address, "--output", tmp_path / "text.safetensors", *options)
    saved = Probabilities.load(tmp_path / "text.safetensors")
    assert saved.speaks.tolist() == (ids % 4 != 0).tolist()
    for arguments in (["evaluate"], ["evaluate", catalog.address, *options[:2]]):
        result = invoke(ocr, *arguments, "--output", tmp_path, "--workspace", room.folder)
        assert "100.0" in result.stdout
        page = (tmp_path / "ocr.html").read_text(encoding="utf-8")
        for heading in ("Read well", "By number of words read", "By shelf", "What reading costs and brings"):
            assert heading in page
        numbers = json.loads((tmp_path / "ocr.json").read_text(encoding="utf-8"))
        n_books = numbers["systems"]["text"]["by_image_count"]["all"]["n"]
        for table in ("By mean confidence of the words read", "By number of words read", "By shelf"):
            assert sum(row[1] for row in numbers["tables"][table][1:]) == n_books
        assert "written 1" in numbers["facts"]["engine"]
        assert numbers["facts"]["time per photo"].endswith("ms")


def test_photos_that_fail_are_named_and_the_rest_is_read(room, tmp_path):
    documents = [
        {"_id": 7, "imgs": [{"picture": photo(3, 1)}, {"picture": photo(25, 2)}]},
        {"_id": 8, "imgs": [{"picture": b"no picture"}]},
        {"_id": 9, "imgs": [{"picture": photo(2, 3)}]},
    ]
    (tmp_path / "some.bson").write_bytes(b"".join(bson.encode(d) for d in documents))
    arguments = [
        "read",
        tmp_path / "some.bson",
        "--output",
        tmp_path / "lines",
        "--workspace",
        room.folder,
    ]
    result = invoke(ocr, *arguments)
    assert "3 products, text on 2" in result.stdout
    assert "2 x photo that could not be read" in result.stderr
    assert "product 7, photo 2: engine stopped" in result.stderr
    assert "product 8, photo 1: this is not a picture" in result.stderr
    first, second, third = (json.loads(line) for line in (tmp_path / "lines").read_text(encoding="utf-8").splitlines())
    assert [len(photo["words"]) if "words" in photo else photo["failure"] for photo in first["photos"]] == [
        3, "engine stopped",
    ]  # fmt: skip
    assert second["photos"] == [{"failure": "this is not a picture"}]
    assert third["text"] == WORDS[2]


def test_show_draws_what_was_read(room, tmp_path):
    options = ["--output", tmp_path / "shown.png", "--workspace", room.folder]
    result = invoke(ocr, "show", "2", *options)
    assert WORDS[3] in result.stdout
    with Image.open(tmp_path / "shown.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    # boxes of words read with 90 % confidence are green, and nothing else on a grey photo is
    assert (pixels[..., 1] - pixels[..., 0] > 60).any()
    (tmp_path / "a.png").write_bytes(photo(4, 1))
    assert WORDS[4] in call(ocr, "show", tmp_path / "a.png", *options)
    for unknown in ("4711", "x"):
        assert f"no product {unknown}" in refused(ocr, "show", unknown, *options)


def test_the_cache_is_shown_and_pruned(room, monkeypatch):
    room_option = ["--workspace", room.folder]
    assert "nothing was read in this workspace yet" in refused(ocr, "cache", "info", *room_option)
    trained(room)
    result = invoke(ocr, "cache", "info", *room_option)
    assert f"* {loading.make_engine(None).n_read} photos" in result.stdout
    assert "ms per photo: written 1" in result.stdout
    assert "0 entries of other settings removed" in call(ocr, "cache", "prune", "--yes", *room_option)
    monkeypatch.setattr(WrittenEngine, "settings", "written 2")
    asked = invoke(ocr, "cache", "prune", *room_option, code=1, typed="n\n")
    assert "Forget" in asked.stderr
    assert "only written 1" in refused(ocr, "cache", "prune", "--yes", *room_option)
    n_read = loading.make_engine(None).n_read
    call(ocr, "read", room.training_catalog().address, "--output", room.folder / "x", *room_option)
    assert f"{n_read} entries of other settings removed" in call(ocr, "cache", "prune", "--yes", *room_option)
    result = call(ocr, "cache", "info", *room_option)
    assert "written 2" in result
    assert "written 1" not in result
