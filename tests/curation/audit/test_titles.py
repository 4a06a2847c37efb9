"""Titles that speak against labels, alone and beside what a run has held out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities
from catalog.runs.workspace import Workspace
from curation.audit import title_opinion as module
from curation.audit.audit import AuditOptions, run_audit
from curation.audit.evidence import AUDITED, CatalogLabels
from curation.audit.evidence_source import By, find_evidence
from curation.audit.pooling import UNTOLD, with_titles
from curation.audit.title_opinion import spread_folds, title_opinion
from curation.cli import main
from tests.curation.audit.cases import said
from tests.support.command_line import output_of, refused
from tests.support.pages import text_of
from tests.support.products import TAXONOMY, make_product
from tests.support.text_shop import TextProduct, sheet_rows, write_shop
from text.title_model import TitleModel

WORDS = ("roman", "poeme", "guide", "disque", "vinyle", "mug", "bol", "poele")
N = 64
call = partial(output_of, main)
WRONG = {i: int(TAXONOMY.leaf_ids[(i + 3) % 8]) for i in (3, 20, 41)}
"""Products by what they are labelled with against their titles."""


def documents(n: int = N, wrong: dict[int, int] = WRONG) -> list[dict]:
    """Products of which each eighth is of one leaf, and called so, with a word of its own."""
    ids = TAXONOMY.leaf_ids.tolist()
    names = [path[-1] for path in TAXONOMY.paths]
    return [
        {
            **make_product(i, wrong.get(i, ids[i % 8])),
            "title": f"{names[i % 8]} {' '.join(TAXONOMY.paths[i % 8][:2])} modele {i}",
        }
        for i in range(n)
    ]


@pytest.fixture
def titled(write_bson) -> Catalog:
    return Catalog(write_bson(*documents()))


def test_titles_alone_find_the_wrong_labels(titled, tmp_path):
    evidence = find_evidence(titled, TAXONOMY, Workspace(tmp_path / "none"))
    assert len(evidence.scores) == N
    assert any("catalog split" in warning for warning in evidence.warnings)
    found = set(titled.product_ids[evidence.positions[~evidence.scores.correct[:, -1]]].tolist())
    assert found == set(WRONG)
    assert find_evidence(titled, TAXONOMY, Workspace(tmp_path / "none"), by=By.TITLES).warnings == []
    with pytest.raises(FileNotFoundError, match="catalog split"):
        find_evidence(titled, TAXONOMY, Workspace(tmp_path / "none"), by=By.RUN)


def test_nobody_is_judged_by_a_model_that_has_learnt_its_label(titled, monkeypatch):
    """A title that stands once is in the words of no model that speaks of it."""
    seen = []
    fit, predict = TitleModel.fit, TitleModel.predict_proba

    def fitted(titles, leaf, **more):
        model = fit(titles, leaf, **more)
        object.__setattr__(model, "figures", {"learnt": {title.key for title in titles}})
        return model

    def predicted(model, titles):
        seen.append([title.key for title in titles])
        assert model.figures["learnt"].isdisjoint(seen[-1])
        return predict(model, titles)

    monkeypatch.setattr(TitleModel, "fit", staticmethod(fitted))
    monkeypatch.setattr(TitleModel, "predict_proba", predicted)
    opinion = title_opinion(CatalogLabels.of(titled, TAXONOMY))
    assert opinion is not None
    assert sum(map(len, seen)) == N
    assert sorted(opinion.product_ids.tolist()) == titled.product_ids.tolist()


def test_the_only_product_of_a_category_is_left_out(write_bson):
    """What is known of it from others is nothing: that speaks against no label."""
    alone = documents(wrong={})
    alone = [one for one in alone if one["_id"] % 8 != 7 or one["_id"] == 7]
    opinion = title_opinion(CatalogLabels.of(Catalog(write_bson(*alone)), TAXONOMY))
    assert opinion is not None
    assert 7 not in opinion.product_ids
    assert len(opinion) == len(alone) - 1


@pytest.mark.parametrize("n", [0, module.MIN_TITLES - 1])
def test_too_few_titles_say_nothing(write_bson, n):
    few = [one if one["_id"] < n else {**one, "title": "  "} for one in documents()]
    catalog = Catalog(write_bson(*few))
    assert title_opinion(CatalogLabels.of(catalog, TAXONOMY)) is None


def test_folds_spread_every_leaf():
    leaf = np.random.default_rng(0).integers(0, 40, 200)
    fold = spread_folds(leaf, 5, 0)
    for one in np.unique(leaf):
        of_leaf = fold[leaf == one]
        assert len(np.unique(of_leaf)) == min(len(of_leaf), 5)
    assert np.bincount(fold).tolist() == [40] * 5


def opinions(catalog: Catalog) -> tuple[Probabilities, Probabilities]:
    """What photos say of the first 40 products, and what titles say of the last 50."""
    rng = np.random.default_rng(0)
    dense = rng.dirichlet(np.ones(8), N).astype(np.float32)
    other = rng.dirichlet(np.ones(8), N).astype(np.float32)
    titles = replace(said(other[14:], ids=catalog.product_ids[14:]), expert="title")
    return said(dense[:40], ids=catalog.product_ids[:40]), titles


def test_both_are_averaged_where_both_speak(titled):
    labels = CatalogLabels.of(titled, TAXONOMY)
    photos, titles = opinions(titled)
    both = with_titles(labels.by_probabilities(photos, "photos"), labels, titles)
    assert both.counts == {AUDITED: N}
    assert (titled.product_ids[both.positions] == both.scores.product_ids).all()
    assert (both.label == labels.leaf[both.positions]).all()
    for row, position in enumerate(both.positions.tolist()):
        speaking = [
            expert.dense(np.flatnonzero(expert.product_ids == titled.product_ids[position]), 8)[0]
            for expert in (photos, titles)
            if titled.product_ids[position] in expert.product_ids
        ]
        mean = np.mean(speaking, axis=0)
        assert len(speaking) == 1 + (14 <= position < 40)
        assert both.scores.p_truth[row, -1] == pytest.approx(mean[labels.leaf[position]], abs=1e-6)
        assert both.scores.likeliest[row, -1] == mean.argmax()


def test_scores_that_are_kept_alone_stay(titled):
    labels = CatalogLabels.of(titled, TAXONOMY)
    photos, titles = opinions(titled)
    scores = labels.by_probabilities(photos, "photos").scores
    both = with_titles(labels.by_scores(scores, "fused"), labels, titles.select(np.arange(20)))
    assert both.scores.select(np.arange(40)).p_truth.tolist() == scores.p_truth.tolist()
    assert both.counts == {AUDITED: 40, UNTOLD: N - 40}


def test_from_a_table_to_a_corrected_catalogue(tmp_path):
    """Nothing but titles and labels that are paths: no tree, no split, no training."""
    call, paths = (
        (lambda *arguments, **more: output_of(main, *arguments, **more)),
        [" > ".join(p) for p in TAXONOMY.paths],
    )
    products = [
        TextProduct(f"SKU-{i:03}", paths[(i + (i in WRONG)) % 8], document["title"], "", (i,))
        for i, document in enumerate(documents(wrong={}))
    ]
    shop = write_shop(tmp_path / "shop", products)
    told = call("audit", shop, "--output", tmp_path / "a", "--by", "titles", "--workspace", tmp_path / "none")
    assert "3 labels suspected (4.7%)" in told
    rows = sheet_rows(tmp_path / "a" / "suspects.csv")
    assert list(rows[0])[:4] == ["product_id", "corrected_category_id", "title", "label_category_id"]
    assert {row["product_id"] for row in rows} == {f"SKU-{i:03}" for i in WRONG}
    by_id = {product.product_id: product for product in products}
    assert all(row["title"] == by_id[row["product_id"]].title for row in rows)
    assert all(row["label_category_id"] == by_id[row["product_id"]].category for row in rows)
    page = text_of(tmp_path / "a" / "audit.html")
    assert f"“{by_id['SKU-003'].title}”" in page
    sheet = tmp_path / "a" / "suspects.csv"
    text = sheet.read_text("utf-8-sig")
    for row in rows:
        text = text.replace(f"{row['product_id']},,", f"{row['product_id']},suggested,")
    sheet.write_text(text, "utf-8-sig")
    told = call("audit", shop, "--apply", sheet, "--output", tmp_path / "corrected.bson", "--workspace", tmp_path / "n")
    assert "3 labels changed" in told


def test_labels_of_which_no_tree_can_be_made_are_told(titled, tmp_path):
    shop = write_shop(tmp_path / "shop", [TextProduct(f"SKU-{i}", " > > ", f"roman {i}", "", (i,)) for i in range(30)])
    options = ("--by", "titles", "--output", tmp_path / "a", "--workspace", tmp_path / "none")
    assert "no label names a category" in refused(main, "audit", shop, *options)
    assert "labels are ids alone" in refused(main, "audit", titled.address, *options)


def test_labels_that_are_names_of_the_tree_are_shown_as_they_stand_and_can_be_corrected(tmp_path):
    paths = [" > ".join(path) for path in TAXONOMY.paths]
    products = [
        TextProduct(f"SKU-{i:03}", paths[(i + (i in WRONG)) % 8], document["title"], "", (i,))
        for i, document in enumerate(documents(wrong={}))
    ]
    shop, tree = write_shop(tmp_path / "shop", products), tmp_path / "tree.csv"
    TAXONOMY.to_csv(tree)
    given = ("audit", shop, "--tree", tree, "--workspace", tmp_path / "none")
    assert "3 labels suspected" in call(*given, "--output", tmp_path / "a", "--by", "titles")
    sheet = tmp_path / "a" / "suspects.csv"
    rows = sheet_rows(sheet)
    # what the catalogue says, and the id that the tree has for what is suggested
    assert {row["label_category_id"] for row in rows} == {paths[(i + 1) % 8] for i in WRONG}
    suggested = {row["product_id"]: int(row["suggested_category_id"]) for row in rows}
    assert suggested == {f"SKU-{i:03}": int(TAXONOMY.leaf_ids[i % 8]) for i in WRONG}
    text = sheet.read_text("utf-8-sig")
    for row in rows:
        text = text.replace(f"{row['product_id']},,", f"{row['product_id']},suggested,")
    sheet.write_text(text, "utf-8-sig")
    assert "3 labels changed" in call(*given, "--apply", sheet, "--output", tmp_path / "corrected.bson")
    corrected = Catalog(tmp_path / "corrected.bson")
    assert corrected.leaves(TAXONOMY).tolist() == [i % 8 for i in range(N)]


def test_variants_that_are_labelled_otherwise_are_told(write_bson, tmp_path):
    """Five colours of one article, one of them on another shelf."""
    ids = TAXONOMY.leaf_ids.tolist()
    every = [{**make_product(i, ids[i // 5 % 8]), "title": f"{WORDS[i // 5 % 8]} {i // 5}"} for i in range(80)]
    every[12]["category_id"] = 33
    catalog = Catalog(write_bson(*every))
    done = run_audit(catalog, TAXONOMY, Workspace(tmp_path / "none"), tmp_path, AuditOptions(by=By.TITLES))
    assert len(done.suspects) == 1
    (row,) = sheet_rows(tmp_path / "suspects.csv")
    assert row["product_id"] == "12"
    assert "4 of 4 other products of its title are labelled otherwise" in row["reason"]


def test_a_run_beside_titles_says_what_each_says(make_room, write_bson):
    catalog = Catalog(write_bson(*documents()))
    room = make_room("heldout", catalog)
    room.photos()
    evidence = find_evidence(catalog, room.tree, room.workspace)
    assert len(evidence.scores) == N
    assert not any("--folds" in warning for warning in evidence.warnings)
    assert f"({len(room.held_out)} products), and the titles of the catalogue" in evidence.expert
    photos_alone = find_evidence(catalog, room.tree, room.workspace, by=By.RUN)
    assert len(photos_alone.scores) == len(room.held_out)


def test_of_a_later_state_what_titles_audit_is_not_said_to_be_left_out(make_room, write_bson):
    every = documents()
    room = make_room("kfold", Catalog(write_bson(*every)))
    room.photos()
    later = Catalog(write_bson(*every, make_product(1000, 11) | {"title": "roman 1000"}, name="later.bson"))
    found = find_evidence(later, room.tree, room.workspace)
    assert 1000 in found.scores.product_ids
    assert "Not audited" not in found.warnings[0]
    assert "Audited by titles alone, if at all, because they were not held out or are new: 1." in found.warnings[0]
    by_run = find_evidence(later, room.tree, room.workspace, by=By.RUN)
    assert "Not audited, because they were not held out or are new: 1." in by_run.warnings[0]
