"""`fusion evaluate`: what it measures is what the obvious version says; page and JSON carry the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import bson
import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.metrics.confusions import Confusion
from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.probabilities import Silence
from catalog.reports.evaluation import Evaluation
from catalog.reports.page import Page, Table
from catalog.reports.write import write_page
from catalog.runs.workspace import Workspace
from catalog.split.labels import true_leaves
from fusion.cli import main as fusion
from fusion.evaluation import measurement
from fusion.evaluation.decision_outcomes import DecisionOutcomes
from fusion.evaluation.examples import confused_rows, corrected_by, surest_mistakes
from fusion.evaluation.measurement import Measurement, measure
from fusion.evaluation.page import page_of
from fusion.evaluation.research_tables import risk_gain
from fusion.evaluation.summary import summary_of
from fusion.evaluation.weights_picture import weights_plot, weights_table
from fusion.heads.tree_pool import TreePool
from fusion.prediction.predictor import Predictor
from fusion.prediction.ranking import risk_order
from tests.fusion.evaluation.test_compare import scores_of
from tests.support.command_line import call
from tests.support.pages import read_page, text_of
from tests.support.products import TAXONOMY
from tests.support.trained import LEAVES, document

FIGURES = ("top1", "top5", "nll", "ece", "ece_mass")


@pytest.fixture(scope="module")
def predictor(trained) -> Predictor:
    room = Workspace(trained / "runs")
    return Predictor(room.require("fusion"), room)


@pytest.fixture(scope="module")
def catalog(trained) -> Catalog:
    return Catalog(trained / "train.bson")


@pytest.fixture(scope="module")
def measured(predictor, catalog) -> Measurement:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measurement, "CHUNK", 64)
        return measure(predictor, catalog, true_leaves(catalog, predictor.tree))


@pytest.mark.slow
def test_every_head_and_expert_is_scored_on_every_product(measured, predictor, catalog):
    products = list(catalog)
    found = predictor.predict(products)
    truth = predictor.tree.leaf_index([p.category_id for p in products])
    others = [name for name in predictor.heads if name != predictor.head_name]
    assert [s.name for s in measured.models] == ["fused", *others, *(e.expert for e in found.experts)]
    assert [s.kind for s in measured.models].count("head") == 1 + len(others)
    for model in measured.models[: 1 + len(others)]:
        head = predictor.heads[predictor.head_name if model.name == "fused" else model.name]
        dense = head.predict_proba(found.experts, found.chunk.n_readable)
        np.testing.assert_array_equal(model.scores.product_ids, catalog.product_ids)
        np.testing.assert_allclose(model.scores.p_truth[:, 2], dense[np.arange(len(truth)), truth], atol=1e-4)
    listed = risk_order(found.fused, predictor.tree, 5)
    slow = [[predictor.tree.distance(i, t) for i in own] for own, t in zip(listed, truth, strict=True)]
    np.testing.assert_allclose(measured.risk_distance, np.mean(slow, axis=1), atol=1e-5)
    assert measured.outcomes.level.tolist() == found.given[:, 0].tolist()
    assert measured.models[0].training_counts.sum() == 200
    assert set(measured.without) == {e.expert for e in found.experts}
    for i, expert in enumerate(found.experts):
        others = list(found.experts)
        others[i] = replace(expert, silence=np.full(len(expert), Silence.FAILED, np.uint8))
        dense = predictor.head.predict_proba(others, found.chunk.n_readable)
        assert (measured.without[expert.expert] == (dense.argmax(axis=1) == truth)).mean() > 0.99


@pytest.mark.slow
def test_only_a_share_of_a_large_file_is_asked_again_without_experts(measured, predictor, catalog, monkeypatch):
    monkeypatch.setattr(measurement, "CHUNK", 20)
    monkeypatch.setattr(measurement, "MAX_SILENCED", 50)
    found = measure(predictor, catalog, true_leaves(catalog, predictor.tree))
    assert found.asked.tolist() == [i for i in range(200) if i // 20 % 4 == 0]
    for name, left in found.without.items():
        np.testing.assert_array_equal(left, measured.without[name][found.asked])


@pytest.mark.slow
def test_products_without_a_label_are_left_out_even_where_a_whole_chunk_has_none(predictor, catalog, monkeypatch):
    monkeypatch.setattr(measurement, "CHUNK", 64)
    truth = true_leaves(catalog, predictor.tree)
    truth[:70] = -1
    found = measure(predictor, catalog, truth)
    assert found.fused.product_ids.tolist() == catalog.product_ids[70:].tolist()
    assert len(found.outcomes) == len(found.risk_hit) == 130
    assert found.asked.tolist() == list(range(130))


@pytest.mark.slow
def test_page_and_numbers_agree(trained, tmp_path):
    options = ("--output", tmp_path, "--workspace", trained / "runs")
    text = call(fusion, "evaluate", trained / "train.bson", *options)
    page = read_page(tmp_path / "fusion.html")
    numbers = json.loads((tmp_path / "fusion.json").read_text(encoding="utf-8"))
    lines = text.splitlines()
    told = next(number for number, line in enumerate(lines) if "the figures are too good" in line)
    table, advice = lines[:told], lines[told + 1 : -1]
    assert advice[0] == "what 40 held-out products prove, when 95 % of what is given must be right:"
    for line in advice[1:5]:
        shown = line.replace("`", "").partition(" (")[0]
        assert shown in text_of(tmp_path / "fusion.html")
    assert set(numbers["systems"]) == {line.split("  ")[0] for line in table[1:]}
    assert not re.search(r"""(src|href|url\()\s*=?\s*["']?\s*https?:""", page)
    for system in numbers["systems"].values():
        assert set(system["by_image_count"]) == {"all", "1", "2", "3", "4"}
        for own in system["by_image_count"].values():
            for level in own["levels"].values():
                assert {f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")} < set(level)
            assert own["bands"]
    for title in (
        "Decisions", "Decisions by image count", "The fused result against the others", "By Cat I",
        "Lists of five leaves: likeliest against risk", "Thresholds", "All weights of the tree pool",
        "What could be given unseen",
    ):  # fmt: skip
        assert title in numbers["tables"]
        assert title in page
    assert "Weights of the tree pool" in page
    fused = numbers["systems"]["fused"]["by_image_count"]["all"]["levels"]["3"]
    assert f"{100 * fused['top1']:.1f} % are put on the right leaf" in numbers["summary"][0]
    shares = [row[2]["value"] for row in numbers["tables"]["Decisions"][1:] if row[0] != "given without review"]
    assert sum(shares) == pytest.approx(1)


@pytest.mark.slow
def test_what_is_reported_is_what_is_written(trained, tmp_path):
    """Labels by chance, so that the figures lie between 0 and 1."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 60)
    documents = [{**document(500 + i, labelled=True), "category_id": int(labels[i]) + 1} for i in range(60)]
    (tmp_path / "labelled.bson").write_bytes(b"".join(bson.encode(one) for one in documents))
    room = ("--workspace", trained / "runs")
    call(fusion, "evaluate", tmp_path / "labelled.bson", "--output", tmp_path / "report", *room)
    call(fusion, "predict", tmp_path / "labelled.bson", "--precision", "0.9", "--output", tmp_path / "out", *room)
    numbers = json.loads((tmp_path / "report" / "fusion.json").read_text(encoding="utf-8"))
    reported = numbers["systems"]["fused"]["by_image_count"]["all"]["levels"]
    written = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    for level in (1, 2, 3):
        right = [
            [row[f"cat{above}"] for above in range(1, level + 1)] == list(LEAVES[labels[i]][1 : level + 1])
            for i, row in enumerate(written)
        ]
        assert 0 < np.mean(right) < 1
        assert reported[str(level)]["top1"] == pytest.approx(np.mean(right))
    for row in written:
        path = " > ".join(row[f"cat{level}"] for level in (1, 2, 3))
        assert path.startswith(row["given"])
    assert any(row["given"] for row in written)


def test_the_page_gives_both_choices_of_the_higher_categories():
    measured = made((10, 30, 0, 160))
    (table,) = page_for_managers(measured).section("right").parts
    assert isinstance(table, Table)
    for level, name in ((2, "Cat II"), (1, "Cat I")):
        by_itself = measured.fused.rank[:, level - 1] == 0
        assert re.search(rf"likeliest {name} [^.]*{100 * by_itself.mean():.1f} %", table.note)
        assert table.rows[0][1 + 4 - level].value == pytest.approx(measured.fused.correct[:, level - 1].mean())


def test_examples_are_the_surest_of_their_kind():
    fused, photos, text = scores_of(0, 400, 0.2), scores_of(1, 400), scores_of(2, 400).select(np.arange(0, 400, 2))
    wrong = sorted(np.flatnonzero(~fused.correct[:, 2]), key=lambda i: -fused.confidence[i, 2])
    assert surest_mistakes(fused).tolist() == wrong[:12]
    for row in corrected_by(fused, photos, text):
        assert fused.correct[row, 2]
        assert not photos.correct[row, 2]
        assert row % 2 == 0
    truth, put = int(fused.truth[wrong[0]]), int(fused.predicted[wrong[0], 2])
    rows = confused_rows(fused, Confusion(truth, put, 0, 0)).tolist()
    assert rows == [i for i in wrong if (fused.truth[i], fused.predicted[i, 2]) == (truth, put)][:3]


def test_the_gain_of_ordering_by_risk_is_relative_and_has_its_interval():
    rng = np.random.default_rng(0)
    plain = rng.uniform(0.5, 1.5, 500).astype(np.float32)
    found = risk_gain(plain, plain * 0.8)
    assert (found.value, found.low, found.high) == pytest.approx((-0.2, -0.2, -0.2))
    assert risk_gain(np.zeros(4, np.float32), np.zeros(4, np.float32)).value is None


@pytest.mark.slow
def test_the_picture_of_weights_shows_what_was_seen_in_fitting(predictor):
    pool = predictor.heads["tree"]
    assert isinstance(pool, TreePool)
    table, plot = weights_table(pool), weights_plot(pool)
    assert plot is not None
    assert plot.svg.startswith("<svg")
    for level, who, count, *cells in table.rows:
        weights = pool.levels[["Cat I", "Cat II", "Cat III"].index(level)]
        members = sum(1 << pool.expert_names.index(name) for name in who.split(" + "))
        assert weights.by_set[members].any()
        for b, cell in enumerate(cells):
            inside = members >> b & 1
            assert cell == (f"{weights.table()[count, members, b]:.2f}" if inside else "")


def test_a_pool_without_weights_has_no_picture():
    pool = TreePool(TAXONOMY, ["a", "b"])
    assert weights_plot(pool) is None
    assert weights_table(pool).rows == []


def made(n_given: tuple[int, int, int, int], *, strength: float = 0.3) -> Measurement:
    """A measurement of 200 products, so many of them reviewed, given Cat I, Cat II, the leaf; all of it right."""
    fused, flat, text = scores_of(0, 200, strength), scores_of(1, 200, 0.1), scores_of(2, 200).select(np.arange(50))
    level = np.repeat([0, 1, 2, 3], n_given)
    models = [
        EvaluatedModel("fused", "tree", fused, 1.0, "head"),
        EvaluatedModel("flat", "pool", flat, 1.0, "head"),
        EvaluatedModel("text", "words", text, 0.25),
    ]
    without = {"text": np.zeros(200, bool), "photo": fused.correct[:, 2]}
    outcomes = DecisionOutcomes(
        3, level, right=level > 0, n_given=level, n_true=np.full(200, 3), overlap=level,
        leaf_right=fused.correct[:, 2], n_images=fused.n_images,
    )  # fmt: skip
    return Measurement(models, outcomes, fused.distance5, fused.rank[:, 2] < 5, np.arange(200), without, [])


def test_the_summary_says_what_the_figures_say():
    found = made((10, 30, 0, 160))
    right = 100 * found.fused.correct[:, 2].mean()
    said = summary_of(found, cast(Predictor, SimpleNamespace(head_name="tree")))
    assert said[0].startswith(f"Of 200 labelled products {right:.1f} % are put on the right leaf")
    assert said[1].startswith("160 products (80.0 %) can be accepted unseen: 100.0 % of the leaves are right")
    assert said[2].startswith("30 products (15.0 %) can be given a Cat I unseen, right for 100.0 %; ")
    assert said[2].endswith("10 products (5.0 %) must be reviewed.")
    assert "head 'tree'" in said[3]
    assert "'flat': the fused result is better" in said[3]
    assert "'text' (words): it speaks on 25 % of the products" in said[4]
    assert f"'text' adds +{right:.1f} points" in said[5]
    assert said[5].endswith("Of 'photo' it is not shown: the others say the same.")
    assert "chance alone" in said[6]
    none = summary_of(made((200, 0, 0, 0)), cast(Predictor, SimpleNamespace(head_name="tree")))
    assert none[1:3] == ["No product is sure enough to be accepted unseen.", "200 products (100.0 %) must be reviewed."]


def page_for_managers(measured: Measurement, target: float = 0.95) -> Page:
    evaluation = Evaluation("t", "s", measured.models, TAXONOMY, ["A sentence for researchers."])
    return page_of(measured, evaluation, target, [])


def test_the_page_speaks_first_to_who_manages_the_catalogue(tmp_path):
    measured = made((10, 30, 0, 160))
    right = f"{100 * measured.fused.correct[:, 2].mean():.1f} %"
    page = page_for_managers(measured)
    assert [(card.what, card.figure) for card in page.cards] == [
        ("Right category", right), ("Accepted unseen", "80.0 %"), ("Given a higher category", "15.0 %"),
        ("Must be looked at", "5.0 %"),
    ]  # fmt: skip
    accuracy, accepted, parents, open_ones = page.section("short").sentences
    assert accuracy.startswith(f"Of 200 products whose category is known, {right} were put on the right one")
    assert accepted.startswith("160 products (80.0 %) can be accepted unseen: 100.0 % of them are right (97.7–100.0)")
    assert accepted.endswith("95 % were asked for: that is kept.")
    assert parents == (
        "Only a higher category is sure enough of others: the Cat I of 30 products (15.0 %), right for 100.0 %."
    )
    first, among_five = measured.fused.correct[:10, 2].mean(), measured.risk_hit[:10].mean()
    assert open_ones == (
        f"10 products (5.0 %) must be looked at. The first suggestion is right for {100 * first:.1f} % of these, and "
        f"one of the first five for {100 * among_five:.1f} %."
    )
    folded = [section.title for section in page.sections if section.folded]
    assert folded[0] == "The figures in sentences"
    assert {"Accuracy", "All figures", "Calibration"} < set(folded)
    shown = text_of(write_page(tmp_path / "page.html", page)).partition(" For researchers Tables behind")[0]
    for word in ("head", "expert", "NLL", "HD@", "nats", "leaf", "ECE", "Calibration"):
        assert not re.search(rf"\b{word}\b", shown), word


def test_the_table_by_cat1_adds_up_and_begins_where_most_must_be_looked_at():
    measured = made((60, 20, 20, 100))
    table = page_for_managers(measured).section("decisions").parts[-1]
    assert isinstance(table, Table)
    cat1 = np.array([TAXONOMY.paths[leaf][0] for leaf in measured.fused.truth])
    level = measured.outcomes.level
    assert sum(row[1] for row in table.rows) == 200
    assert [row[5] for row in table.rows] == sorted((row[5] for row in table.rows), reverse=True)
    for name, n, right, accepted, right_of_these, n_open, share_open in table.rows:
        inside = cat1 == name
        assert (n, n_open) == (inside.sum(), (inside & (level == 0)).sum())
        assert right.value == pytest.approx(measured.fused.correct[inside, 2].mean())
        assert accepted.value == pytest.approx((level[inside] == 3).mean())
        assert right_of_these.value == 1
        assert share_open.value == pytest.approx(n_open / n)


@pytest.mark.slow
def test_what_to_do_next_follows_from_the_figures():
    kept = page_for_managers(made((0, 0, 0, 200)), target=0.9).section("next").sentences
    assert "Where 80 % right are enough, `fusion predict FILE --precision 0.8` accepts more unseen." in kept
    assert page_for_managers(made((0, 0, 0, 200))).section("short").sentences[-1] == "No product must be looked at."
    missed = made((0, 0, 0, 200))
    wrong = replace(missed.outcomes, right=np.zeros(200, bool), overlap=np.zeros(200, np.int64))
    page = page_for_managers(replace(missed, outcomes=wrong), target=0.9)
    assert "accepted too easily" in page.section("short").sentences[1]
    assert any("--precision 0.95" in step for step in page.section("next").sentences)
    one_photo = replace(missed.fused, n_images=np.where(missed.fused.correct[:, 2], 2, 1).astype(np.int8))
    counts = np.where(np.arange(len(TAXONOMY)) % 2, 5, 500)
    model = EvaluatedModel("fused", "tree", one_photo, 1.0, "head", counts)
    steps = page_for_managers(replace(missed, models=[model, *missed.models[1:]])).section("next").sentences
    assert (
        steps[-1] == "Products with one photo are right for 0.0 %, those with more for 100.0 %: a second photo helps."
    )
    assert len(page_for_managers(made((200, 0, 0, 0))).section("next").sentences) == 4
