"""An evaluation: numbers as JSON, and a page that says the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from catalog.metrics.confusions import Confusion
from catalog.metrics.evaluated_model import EvaluatedModel, leaderboard
from catalog.metrics.product_scores import ProductScores, score
from catalog.reports.estimate import Estimate
from catalog.reports.evaluation import Evaluation, cat1_table
from catalog.reports.page import Example, Plot, Section, Table
from catalog.tree.taxonomy import Taxonomy
from tests.support.pages import check_fetches_nothing, read_page
from tests.support.products import TAXONOMY, make_photo


@pytest.fixture
def tree() -> Taxonomy:
    return TAXONOMY


def scores(tree: Taxonomy, seed: int, n: int = 60) -> ProductScores:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(tree), n)
    dense = rng.dirichlet(np.ones(len(tree)), size=n)
    dense[np.arange(n), truth] += rng.random(n)
    return score(dense / dense.sum(axis=1, keepdims=True), truth, np.arange(n), 1 + np.arange(n) % 4, tree)


def evaluation(tree: Taxonomy, **changed: object) -> Evaluation:
    counts = np.array([0, 5, 50, 500, 5000, 50_000, 7, 70])
    models = [
        EvaluatedModel("fused", "all <together>", scores(tree, 0), 1.0, "head", counts),
        EvaluatedModel("text", "words", scores(tree, 1, 30), 0.5, training_counts=counts),
    ]
    example = Example([make_photo(1), make_photo(2, kind="PNG"), make_photo(3, kind="WEBP")], ["said <b>so</b>"])
    tables = [
        cat1_table(models, tree),
        Table("Small", ["a", "b"], [["x", 0.12345], ["y", np.float32(2.0)]], "note", folded=True),
        Table("Gains", ["gain"], [[Estimate(0.0123, -0.004, 0.03, signed=True)], [Estimate(None)]]),
    ]
    return replace(
        Evaluation(
            "A title & more", "held out", models, tree,
            summary=["All is <well>."],
            sections=[Section("own", "Own", parts=[Plot("Own", "caption", "<svg></svg>"), *tables])],
            examples={"Wrong": [example], "None": []},
            facts={"products": np.int64(60)},
        ),
        **changed,
    )  # fmt: skip


def test_the_page_fetches_nothing_and_holds_the_numbers_of_the_json(tree, tmp_path):
    report = evaluation(tree)
    page_path = report.write(tmp_path / "new" / "folder", "evaluation")
    page = read_page(page_path)
    numbers = json.loads((page_path.parent / "evaluation.json").read_text(encoding="utf-8"))
    check_fetches_nothing(page)
    for name, system in numbers["systems"].items():
        own = next(s for s in report.models if s.name == name)
        everything = system["by_image_count"]["all"]
        assert everything["levels"]["3"]["top1"] == pytest.approx(own.scores.correct[:, 2].mean())
        for count in "1234":
            expected = own.scores.correct[own.scores.n_images == int(count)].mean(axis=0)
            found = [system["by_image_count"][count]["levels"][level]["top1"] for level in "123"]
            assert found == pytest.approx(expected)
        rows = [r for r in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if f"<td>{name}" in r]
        assert len(rows) == 1 + 5 + 1 + 1  # leaf accuracy, figures of each count and all, calibration, bands
        figures = [everything["levels"][level][what] for what in ("top1", "top5") for level in "123"]
        for value in [*figures, everything["macro_top1"]]:
            assert f">{100 * value:.1f}<i>" in rows[1]
        leaf = everything["levels"]["3"]
        assert f"{100 * leaf['top1_low']:.1f}–{100 * leaf['top1_high']:.1f}</i>" in rows[1]
        for what in ("ece", "ece_mass", "ece_floor", "ece_mass_floor"):
            assert f">{leaf[what]:.3f}<" in rows[-2]
        for band in everything["bands"]:
            assert f">{100 * band['macro_top1']:.1f}<i>" in rows[-1]
        assert len(system["reliability"]) <= 15
        assert sum(b["n"] for b in system["reliability"]) == len(own.scores)
        assert system["risk_coverage"][-1][:2] == pytest.approx([own.coverage, 1 - leaf["top1"]], abs=1e-5)
    assert numbers["facts"] == {"products": 60}
    assert numbers["tables"]["Small"] == [["a", "b"], ["x", 0.12345], ["y", 2.0]]
    assert numbers["tables"]["Gains"][1] == [{"value": 0.0123, "low": -0.004, "high": 0.03}]
    assert "+1.2<i>-0.4 to +3.0</i>" in page
    assert numbers["summary"] == ["All is <well>."]
    assert numbers["examples"]["Wrong"] == [["said <b>so</b>"]]


def test_what_sellers_write_never_becomes_markup(tree, tmp_path):
    page = read_page(evaluation(tree).write(tmp_path))
    assert "said &lt;b&gt;so&lt;/b&gt;" in page
    assert "all &lt;together&gt;" in page
    assert "All is &lt;well&gt;." in page
    assert page.count("<svg") == 4
    for kind in ("jpeg", "png", "webp"):
        assert f"data:image/{kind};base64," in page


def test_confusions_are_the_most_frequent_wrong_pairs(tree, tmp_path):
    dense = np.full((6, 8), 0.01)
    truth = np.array([0, 0, 0, 1, 2, 2])
    put = np.array([3, 3, 0, 1, 4, 4])
    dense[np.arange(6), put] = 1
    model = EvaluatedModel("a", "", score(dense, truth, np.arange(6), np.ones(6, int), tree), 1.0)
    shown = {Confusion(0, 3, 2, 3): [Example([make_photo(1)], ["product 7"])]}
    report = Evaluation("t", "s", [model], tree, confused=shown)
    assert report.confusions == [Confusion(0, 3, 2, 3), Confusion(2, 4, 2, 2)]
    page = read_page(report.write(tmp_path))
    names = [" &gt; ".join(path) for path in tree.paths]
    assert f"2 of 3 products of {names[0]} are put on {names[3]}" in page
    assert "product 7" in page
    assert f"<td>{names[2]}</td><td>{names[4]}</td>" in page
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["confusions"]
    assert [c["examples"] for c in found] == [[["product 7"]], []]


def test_an_expert_that_never_speaks_has_no_figures_but_breaks_nothing(tree, tmp_path):
    models = evaluation(tree).models
    silent = models[0].scores.select(np.zeros(60, bool))
    report = evaluation(tree, models=[*models, EvaluatedModel("silent", "nothing to read", silent, 0.0)])
    assert report.to_json()["systems"]["silent"]["by_image_count"] == {}
    report.write(tmp_path)
    assert leaderboard(report.models).splitlines()[-1].split() == ["silent", *["-"] * 7]
    assert [row[-1] for row in cat1_table(report.models, tree).rows] == ["–"] * 3


def test_an_evaluation_in_which_nothing_speaks_is_said_plainly(tree, tmp_path):
    silent = scores(tree, 0).select(np.zeros(60, bool))
    with pytest.raises(ValueError, match="mosaic speaks on no labelled product"):
        Evaluation("t", "s", [EvaluatedModel("mosaic", "", silent, 0.0)], tree).write(tmp_path)


def test_the_leaderboard_shows_percentages_by_count_and_level(tree):
    systems = evaluation(tree).models
    header, *rows = leaderboard(systems).splitlines()
    assert re.split(r"\s{2,}", header.strip()) == [
        "1 photo", "2 photos", "3 photos", "4 photos", "Cat I", "Cat II", "Cat III",
    ]  # fmt: skip
    for row, system in zip(rows, systems, strict=True):
        own = system.scores
        by_count = [own.correct[own.n_images == n, 2].mean() for n in (1, 2, 3, 4)]
        expected = [f"{100 * share:.1f}" for share in [*by_count, *own.correct.mean(axis=0)]]
        assert row.split() == [system.name, *expected]


def test_cat1_rows_add_up(tree):
    systems = evaluation(tree).models
    table = cat1_table(systems, tree)
    assert sum(row[1] for row in table.rows) == 60
    for row in table.rows:
        inside = [tree.paths[leaf][0] == row[0] for leaf in systems[1].scores.truth]
        assert row[3].value == pytest.approx(systems[1].scores.correct[inside, 2].mean())
        assert row[3].low <= row[3].value <= row[3].high
