"""The Python API and `fusion explain`: typed answers that agree with the prediction, and pushes that add up."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import rayonnage
from catalog.catalog import Catalog
from catalog.photos.batch import decode_in_threads
from catalog.photos.confined import end_decoders
from catalog.product import ProblemKind, Product
from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.decide import Decision
from fusion.heads.evidence import gather_evidence
from fusion.heads.means import Mean
from fusion.heads.registry import HEADS
from fusion.heads.tree_pool import TreePool
from fusion.model import Model
from fusion.prediction.answers import Answer, answers_to_table
from fusion.prediction.embedding import embedder_of
from fusion.prediction.explanation import explain
from fusion.prediction.pushes import Pushes
from mosaic.inference import loading
from mosaic.inference.embedding import embed_catalog, general_embedder
from mosaic.inference.expert import MosaicExpert
from tests.fusion.small import TREE, expert
from tests.support.command_line import call, refused
from tests.support.trained import picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(trained) -> Model:
    run = Workspace(trained / "runs").require("fusion")
    return Model.load(run.folder, trained / "runs")


def test_products_given_as_bytes_and_as_paths_get_the_same_answer(model, tmp_path):
    photos = [picture(3, 1), picture(3, 2)]
    for number, photo in enumerate(photos):
        (tmp_path / f"{number}.jpg").write_bytes(photo)
    by_bytes, by_path, by_name = model.predict(
        [photos, [tmp_path / "0.jpg", tmp_path / "1.jpg"], [str(tmp_path / "0.jpg"), photos[1]]]
    )
    assert [a.product_id for a in (by_bytes, by_path, by_name)] == [0, 1, 2]
    assert by_bytes.candidates == by_path.candidates == by_name.candidates
    dense = model.predictor.predict([Product(7, tuple(photos))]).fused[0]
    assert by_bytes.best.probability == pytest.approx(float(dense.max()), abs=1e-5)
    assert by_bytes.best.category_id == int(model.tree.leaf_ids[dense.argmax()])
    assert by_bytes.best.path == model.tree.paths[int(dense.argmax())]
    cat1, cat2, leaf = by_bytes.probabilities
    assert 1 + 1e-5 >= cat1 >= cat2 - 1e-6 >= leaf - 2e-6
    assert by_bytes.votes
    assert len(by_bytes.candidates) == 5


def test_every_kind_of_input_gives_the_answer_of_the_photos_bytes(model, tmp_path):
    photos = [picture(3, 1), picture(3, 2)]
    paths = [tmp_path / "0.jpg", tmp_path / "1.jpg"]
    for path, photo in zip(paths, photos, strict=True):
        path.write_bytes(photo)
    pictures = [Image.open(path) for path in paths]
    [expected] = model.predict([photos])
    kinds = [
        [[str(paths[0]), paths[1]]],
        [pictures],
        [[np.array(each) for each in pictures]],
        {"A-17": photos},
        pa.table({"product_id": [7], "photos": [photos]}),
        pd.DataFrame({"product_id": ["x", "x"], "photo": photos}),
        [Product(7, tuple(photos))],
    ]
    for kind in kinds:
        [answer] = model.predict(kind)
        assert [each.category_id for each in answer.candidates] == [each.category_id for each in expected.candidates]
        assert answer.probabilities == pytest.approx(expected.probabilities, abs=1e-4)
        assert (answer.decision, answer.given) == (expected.decision, expected.given)
        assert not answer.problems


def test_an_answer_carries_what_a_page_shows(model, trained):
    labelled = Catalog(trained / "train.bson")[0]
    known, unknown = model.predict([list(labelled.images), [picture(3, 1), b"no photo"]])
    for answer in (known, unknown):
        for candidate in answer.candidates:
            assert len(candidate.probabilities) == len(candidate.path)
            assert candidate.probabilities[-1] == pytest.approx(candidate.probability, abs=1e-6)
            assert list(candidate.probabilities) == sorted(candidate.probabilities, reverse=True)
        assert answer.best.probabilities == pytest.approx(answer.probabilities, abs=1e-6)
        assert len(answer.needed) == len(answer.best.path)
        assert all(needed is None or 0 <= needed <= 1 for needed in answer.needed)
        assert {vote.expert for vote in answer.votes}.isdisjoint(one.expert for one in answer.silent)
    assert (known.n_images, known.n_readable) == (len(labelled.images), len(labelled.images))
    assert (unknown.n_images, unknown.n_readable) == (2, 1)
    [fault] = unknown.faults
    assert (fault.kind, fault.photo) == (ProblemKind.UNREADABLE_PHOTO, 1)
    assert unknown.copies == ()


def test_own_ids_come_back_and_stand_in_the_table(model):
    answers = model.predict({f"A-{leaf}": [picture(leaf, 1), b"nothing"] for leaf in range(5)})
    assert [answer.product_id for answer in answers] == [f"A-{leaf}" for leaf in range(5)]
    assert [answer.best.category_id for answer in answers] == [1, 2, 3, 4, 5]
    table = answers_to_table(answers)
    assert table["product_id"].to_pylist() == [answer.product_id for answer in answers]
    assert table["category_id"].to_pylist() == [1, 2, 3, 4, 5]
    assert all(len(problems) == 1 and problems[0].startswith("photo 2: ") for problems in table["problems"].to_pylist())


def test_a_catalogue_is_answered_as_the_command_does(model, trained):
    catalog = rayonnage.open_catalog(trained / "train.bson")
    answers = model.predict(catalog)
    assert [answer.product_id for answer in answers] == catalog.product_ids.tolist()
    # of its own training products, none is known by itself
    found = model.predictor.predict(catalog[:20], in_training=True)
    assert [answer.probabilities for answer in answers[:20]] == list(map(tuple, found.paths.probabilities.tolist()))


def test_probabilities_of_leaves_and_of_nodes(model):
    photos = [picture(leaf, 1) for leaf in range(5)]
    leaves = model.predict_proba(photos)
    assert leaves.shape == (5, len(model.tree))
    assert leaves.dtype == np.float32
    assert leaves.sum(axis=1) == pytest.approx(1, abs=1e-4)
    answers = model.predict(photos)
    assert [int(model.tree.leaf_ids[leaf]) for leaf in leaves.argmax(axis=1)] == [a.best.category_id for a in answers]
    assert (model.predict_proba(photos, 3) == leaves).all()
    for level in (1, 2):
        nodes = model.predict_proba(photos, level)
        assert nodes.shape == (5, model.tree.n_nodes(level))
        along = nodes[np.arange(5), model.tree.ancestor(level)[leaves.argmax(axis=1)]].tolist()
        assert along == pytest.approx([answer.probabilities[level - 1] for answer in answers], abs=1e-5)
    assert model.predict_proba([]).shape == (0, len(model.tree))
    with pytest.raises(ValueError, match="level is 4: give 1, 2 or 3"):
        model.predict_proba(photos, 4)


def test_vectors_of_the_general_network(model, trained, tmp_path):
    photos = [picture(0, 1), picture(0, 2), picture(2, 3)]
    vectors = model.embed([*photos, [b"nothing"], photos])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0, 1], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    # as `mosaic embed` writes them
    catalog = Catalog(trained / "train.bson")
    embedder = general_embedder(Workspace(trained / "runs"))
    written, _ = embed_catalog(catalog, embedder, tmp_path, "product")
    assert model.embed(catalog[:7]) == pytest.approx(written.rows(np.arange(7)), abs=5e-4)
    # the copy of the network inside the fusion run is known for the same
    assert embedder_of(model.predictor.experts).digest == embedder.digest


def test_a_model_without_general_network_says_so(model):
    with pytest.raises(ValueError, match="the model has no general network"):
        embedder_of([expert for expert in model.predictor.experts if expert.name == "copies"])


def test_one_model_answers_sixteen_threads(model):
    products = {f"product {number}": [picture(number % 5, 40 + number)] for number in range(96)}
    alone = {answer.product_id: answer for answer in model.predict(products)}
    # what the other has computed, it does not know
    shared = Model(model.predictor)
    together = Barrier(16)

    def predict(thread: int) -> list[Answer]:
        together.wait()
        share = list(products)[thread::16]
        return [answer for own_id in share for answer in shared.predict({own_id: products[own_id]})]

    with ThreadPoolExecutor(16) as pool:
        answers = [answer for some in pool.map(predict, range(16)) for answer in some]
    assert {answer.product_id for answer in answers} == set(products)
    for answer in answers:
        expected = alone[answer.product_id]
        assert [each.category_id for each in answer.candidates] == [each.category_id for each in expected.candidates]
        assert answer.probabilities == pytest.approx(expected.probabilities, abs=1e-5)


def test_no_process_is_left_behind(trained):
    # what is not plain is decoded in a child
    out = io.BytesIO()
    Image.open(io.BytesIO(picture(2, 1))).convert("CMYK").save(out, "JPEG")
    end_decoders()
    before = child_processes()
    with rayonnage.load(trained / "runs") as model:
        [answer] = model.predict([out.getvalue()])
        assert not answer.problems
        assert child_processes() > before
    assert child_processes() == before
    # it may be asked again
    assert model.predict([out.getvalue()]) == [answer]
    model.close()
    assert child_processes() == before


def child_processes() -> set[str]:
    """Ids of this process's children: each thread has those that it started."""
    return {pid for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()}


def test_long_input_is_predicted_chunk_by_chunk(model, monkeypatch):
    photos = [picture(number % 5, number) for number in range(10)]
    whole = model.predict_proba(photos)
    monkeypatch.setattr("fusion.inputs.products.CHUNK", 4)
    assert model.predict_proba(photos) == pytest.approx(whole, abs=1e-5)
    assert [answer.product_id for answer in model.predict(photos)] == list(range(10))


@pytest.mark.parametrize("precision", [2, 0, 1, -0.5, float("nan"), 95])
def test_a_precision_that_is_no_share_is_refused(trained, precision):
    with pytest.raises(ValueError, match=r"precision is .*: give the share that must be right, above 0 and below 1"):
        rayonnage.load(trained / "runs", precision=precision)


def test_a_product_without_usable_photo_is_reviewed_and_its_bad_photo_named(model):
    none, bad, half = model.predict([[], [b"nothing"], [picture(0, 1), b"nothing"]])
    assert (none.decision, none.reason, none.given) == (Decision.REVIEW, "no photo", ())
    assert (bad.decision, bad.reason) == (Decision.REVIEW, "no usable photo")
    assert bad.problems[0].startswith("photo 1")
    # no proof would help these
    assert none.advice == bad.advice == ""
    assert half.problems[0].startswith("photo 2")
    assert half.votes


def test_a_photo_that_nothing_is_proved_for_is_told_what_it_would_take(trained, tmp_path):
    (tmp_path / "one.jpg").write_bytes(picture(1, 1))
    room = ("--workspace", trained / "runs")
    # 40 held-out products, all of them right, prove 90 % and not 95 %
    printed = call(fusion, "predict", tmp_path / "one.jpg", *room)
    assert "never sure enough" not in printed
    assert "review" in printed
    assert "95 % right is not proved by 40 held-out products" in printed
    assert "held-out products like these" in printed
    assert "`catalog split FILE --tree TREE --folds 5`" in printed
    assert "200 held-out products instead of 40" in printed
    assert "`--precision 0.9` gives" in printed
    bold = call(fusion, "predict", tmp_path / "one.jpg", "--precision", "0.9", *room)
    assert "not proved" not in bold
    assert "advice" not in bold


def test_wrong_input_is_named(model):
    with pytest.raises(ValueError, match="product 1 has 5 photos"):
        model.predict([[b""], [b""] * 5])
    with pytest.raises(TypeError, match="a single photo is given"):
        model.predict_proba(picture(0, 0))


def test_another_precision_changes_what_is_given_and_nothing_else(trained):
    run = Workspace(trained / "runs").require("fusion")
    products = [Product(i, (picture(i % 5, 900 + i),)) for i in range(30)]
    loose = Model.load(run.folder, trained / "runs", precision=0.5).predict(products)
    strict = Model.load(run.folder, trained / "runs", precision=0.999).predict(products)
    assert [a.candidates for a in loose] == [a.candidates for a in strict]
    given = [sum(a.decision is not Decision.REVIEW for a in answers) for answers in (loose, strict)]
    assert given[0] > given[1] == 0


@pytest.mark.parametrize("name", HEADS)
def test_the_steps_of_an_explanation_are_those_of_the_head_that_decides(model, monkeypatch, name, tmp_path):
    monkeypatch.setattr(model.predictor, "head_name", name)
    monkeypatch.setattr(model.predictor, "head", model.predictor.heads[name])
    product = Product(5, (picture(3, 1), picture(3, 2)))
    explanation = explain(model.predictor, product)
    found = model.predictor.predict([product])
    p = 1.0
    for step in explanation.steps:
        assert step.chosen == explanation.answer.best.path[: step.level]
        p *= step.p_chosen
        assert dict(step.probabilities)[step.chosen[-1]] == step.p_chosen
    assert p == pytest.approx(float(found.fused[0].max()), rel=1e-3)
    assert p == pytest.approx(explanation.answer.best.probability, rel=1e-3)
    votes = [vote for step in explanation.steps for vote in step.votes]
    assert votes
    # a pool down the tree is the sum of its pushes: chosen against rival they are the log odds of the step
    weighted = isinstance(model.predictor.head, TreePool)
    assert all((vote.weight is not None) == weighted for vote in votes)
    for step in explanation.steps:
        if step.votes and weighted:
            shown = dict(step.probabilities)
            odds = np.log(shown[step.chosen[-1]] / max(shown[step.rival[-1]], 1e-9))
            assert sum(vote.push for vote in step.votes) == pytest.approx(odds, abs=0.05)
    text = str(explanation)
    assert "Cat I:" in text
    assert any(" weight " in line for line in text.splitlines()[:-1]) == weighted
    assert f"(the head that decided: {name}, {HEADS[name].what};" in text
    explanation.draw(tmp_path / "why.svg")


def test_a_push_is_what_the_odds_lose_where_an_expert_is_silent():
    photo = expert("photo", np.array([[0.7, 0.1, 0.05, 0.05, 0.02, 0.04, 0.02, 0.02]]))
    text = expert("text", np.array([[0.2, 0.5, 0.1, 0.1, 0.04, 0.02, 0.02, 0.02]]))
    counts = np.ones(1, np.int64)
    head = Mean(TREE, ["photo", "text"], geometric=False)
    pushes = Pushes(head, [photo, text], counts, head.predict_proba([photo, text], counts))
    leaves = gather_evidence([photo, text], np.arange(1), TREE)[2]
    parent = int(TREE.parent(3)[0])
    both = np.log(0.45 / 0.3)
    for b, alone in enumerate((np.log(0.2 / 0.5), np.log(0.7 / 0.1))):
        weight, push = pushes.of(b, leaves, parent, 0, 1)
        assert weight is None
        assert push == pytest.approx(both - alone, abs=1e-4)


def test_explain_writes_a_picture_and_says_why(trained, tmp_path):
    room = ("--workspace", trained / "runs")
    printed = call(fusion, "explain", 7, "--output", tmp_path / "why.png", *room)
    assert "why" in printed
    assert str(tmp_path / "why.png") in printed
    with Image.open(tmp_path / "why.png") as drawn:
        assert drawn.width > 800
    (tmp_path / "one.jpg").write_bytes(picture(1, 1))
    call(fusion, "explain", tmp_path / "one.jpg", "--output", tmp_path / "why.svg", *room)
    assert "<svg" in (tmp_path / "why.svg").read_text(encoding="utf-8")


def test_a_product_that_cannot_be_explained_is_refused_plainly(trained, tmp_path):

    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    for name, why in ((str(tmp_path / "bad.jpg"), "no usable photo"), ("987654", "has no product 987654")):
        assert why in refused(fusion, "explain", name, "--workspace", trained / "runs")


def test_experts_are_listed_with_networks_that_do_not_speak(trained):
    room = Workspace(trained / "runs")
    text = call(fusion, "experts", "--workspace", room.folder)
    assert "held-out products" in text
    assert room.latest("mosaic", "any").folder.name in text
    assert "copies" in text


def test_a_model_decodes_by_what_its_networks_configuration_asks_for(trained, monkeypatch):
    asked = []

    def recorded(photos, at_most):
        asked.append(len(photos))
        return decode_in_threads(photos, at_most)

    monkeypatch.setattr(loading, "_gpu_decoder", lambda: recorded)
    run = Workspace(trained / "runs").require("fusion")
    products = [[picture(3, 1), picture(3, 2)], picture(5, 0)]
    with Model.load(run.folder, trained / "runs") as own:
        expected, vectors = own.predict(products), own.embed(products)
        assert asked == []
        for expert in own.predictor.experts:
            if isinstance(expert, MosaicExpert):
                expert.config = expert.config.model_copy(update={"decode": "gpu"})
        assert own.predict(products) == expected
        assert (own.embed(products) == vectors).all()
    assert asked == [3, 3]
