"""The training page: its figures are those of a slow count, and nothing that it is given breaks it."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from catalog.metrics.confusions import Confusion, find_confusions
from catalog.metrics.product_scores import score_probabilities
from catalog.probabilities import Probabilities, Silence
from catalog.tree.taxonomy import Taxonomy, path_text
from mosaic.confusions import MAX_NODES, confusions_csv, heat_map, leaf_accuracies
from mosaic.training.history import EpochRecord, history_csv, read_history
from mosaic.training.page import N_CONFUSIONS, Sample, write_training_page
from tests.support.pages import check_fetches_nothing, read_page, text_of
from tests.support.products import TAXONOMY

EVIL = "<script>alert('\"$x$&')</script>"


def probabilities(tree: Taxonomy, dense: np.ndarray, silence: np.ndarray | None = None, k: int = 5) -> Probabilities:
    n = len(dense)
    return Probabilities.from_dense(
        "general", np.arange(n), (1 + np.arange(n) % 4).astype(np.int8), dense,
        np.zeros(n, np.uint8) if silence is None else silence,
        support=np.arange(len(tree), dtype=np.int32), frequency=np.full(len(tree), 1 / len(tree)),
        k=k, taxonomy=tree.fingerprint,
    )  # fmt: skip


def draw(tree: Taxonomy, n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(tree), n)
    dense = rng.dirichlet(np.ones(len(tree)), size=n)
    dense[np.arange(n), truth] += 0.3 * rng.random(n)
    return dense / dense.sum(axis=1, keepdims=True), truth


def epoch(fit: str = "part 0", number: int = 1, **changed: float | None) -> EpochRecord:
    values: dict = {"loss": 3.0 / number, "accuracy": 0.5, "lr": 1e-3, "seconds": 40.0}
    values |= {"validation_loss": None, "validation_accuracy": None, **changed}
    return EpochRecord(fit=fit, epoch=number, step=10 * number, **values)


def write(folder: Path, tree: Taxonomy, held_out: Probabilities, truth: np.ndarray, **given: object) -> Path:
    rest: dict = {"title": "A training", "facts": {}, "history": [], "samples": [], **given}
    write_training_page(folder / "training.html", held_out=held_out, truth=truth, tree=tree, **rest)
    return folder / "training.html"


@pytest.fixture
def tree() -> Taxonomy:
    return TAXONOMY


def test_the_figures_are_those_of_a_slow_count(tree, tmp_path):
    dense, truth = draw(tree)
    silence = np.zeros(len(truth), np.uint8)
    silence[:7] = Silence.UNREADABLE
    truth[7:10] = -1
    page = text_of(write(tmp_path, tree, probabilities(tree, dense, silence, k=len(tree)), truth))
    judged = range(10, len(truth))
    assert "110 of 120 held out" in page
    assert "10 held-out products are not judged" in page
    for level, name in enumerate(("Cat I", "Cat II", "Cat III"), start=1):
        n_right = 0
        for i in judged:
            # the path of the likeliest leaf is what predictions hold
            n_right += tree.paths[int(dense[i].argmax())][:level] == tree.paths[truth[i]][:level]
        share = n_right / len(judged)
        low, high = re.search(rf"{name} accuracy {100 * share:.1f} % ([\d.]+)–([\d.]+)", page).groups()
        spread = 196 * math.sqrt(share * (1 - share) / len(judged))
        assert float(low) == pytest.approx(100 * share - spread, abs=2)
        assert float(high) == pytest.approx(100 * share + spread, abs=2)
    nll = np.mean([-math.log(dense[i, truth[i]]) for i in judged])
    assert f"NLL (leaf) {nll:.2f} nats" in page
    gaps = [0.0] * 15
    for i in judged:
        gaps[min(int(dense[i].max() * 15), 14)] += (dense[i].argmax() == truth[i]) - dense[i].max()
    assert f"Calibration error (leaf) {sum(map(abs, gaps)) / len(judged):.3f}" in page
    for count in range(1, 5):
        rows = [i for i in judged if 1 + i % 4 == count]
        right = [dense[i].argmax() == truth[i] for i in rows]
        shown = re.search(rf"{count} photos? {len(rows)} [\d.]+ [\d.]+ ([\d.]+)", page)
        assert shown, count
        assert shown[1] == f"{100 * np.mean(right):.1f}"


def test_a_spreadsheet_finds_no_formula_among_the_confusions(tmp_path):
    tree = Taxonomy([(1, ("=1+1", "B", "C")), (2, ("ÉTÉ", "B", "C"))])
    confusions_csv(tmp_path / "confusions.csv", [Confusion(0, 1, 3, 4)], tree)
    written = (tmp_path / "confusions.csv").read_bytes()
    assert written.startswith("\ufeff".encode())
    assert written.decode("utf-8-sig").splitlines()[1] == "1,'=1+1 > B > C,2,ÉTÉ > B > C,3,4,0.7500"


def test_confusions_are_counted_and_written(tree, tmp_path):
    dense, truth = draw(tree, n=300)
    held_out = probabilities(tree, dense)
    page = write(tmp_path, tree, held_out, truth)
    predicted = dense.argmax(axis=1)
    wrong = Counter((int(t), int(p)) for t, p in zip(truth, predicted, strict=True) if t != p)
    assert len(wrong) > N_CONFUSIONS
    confusions = find_confusions(score_probabilities(held_out, truth, tree))
    assert {(c.truth, c.predicted): c.n for c in confusions} == wrong
    assert [c.n for c in confusions] == sorted(wrong.values(), reverse=True)
    assert all(c.of == (truth == c.truth).sum() for c in confusions)
    with (tmp_path / "confusions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(wrong)
    for row in rows:
        t, p = (int(tree.leaf_index(int(row[f"{side}_category_id"]))) for side in ("true", "predicted"))
        assert (row["true_path"], row["predicted_path"]) == (path_text(tree.paths[t]), path_text(tree.paths[p]))
        assert int(row["products"]) == wrong[t, p]
        assert float(row["share"]) == pytest.approx(wrong[t, p] / (truth == t).sum(), abs=1e-4)
    shown = text_of(page)
    first = confusions[0]
    assert (
        f"{path_text(tree.paths[first.truth])} {path_text(tree.paths[first.predicted])} "
        f"{first.n} of {first.of} {100 * first.n / first.of:.1f} %"
    ) in shown
    assert f"and {len(wrong) - N_CONFUSIONS} more pairs in confusions.csv" in shown
    assert f"Of 300 products {sum(wrong.values())} were put on a wrong leaf" in shown


@pytest.mark.parametrize("level", [1, 2])
def test_heat_map_rows_are_shares_of_the_true_node(tree, level):
    dense, truth = draw(tree, n=200)
    heat = heat_map(score_probabilities(probabilities(tree, dense, k=8), truth, tree), level, tree)
    assert heat is not None
    for i, name in enumerate(heat.names):
        rows = [r for r in range(200) if path_text(tree.paths[truth[r]][:level]) == name]
        assert heat.n[i] == len(rows)
        put = Counter(path_text(tree.paths[int(dense[r].argmax())][:level]) for r in rows)
        expected = [put[other] / max(len(rows), 1) for other in heat.names]
        np.testing.assert_allclose(heat.share[i], expected)


def test_leaves_are_ordered_from_worst_to_best(tree):
    truth = np.repeat([0, 1, 2, 3], [6, 8, 5, 4])
    predicted = truth.copy()
    predicted[:3], predicted[6:14] = 4, 5
    dense = np.full((len(truth), len(tree)), 0.01)
    dense[np.arange(len(truth)), predicted] = 1 - 0.01 * (len(tree) - 1)
    accuracies = leaf_accuracies(score_probabilities(probabilities(tree, dense), truth, tree))
    assert [(f.leaf, f.n, f.n_right, f.mistaken_for) for f in accuracies] == [(1, 8, 0, 5), (0, 6, 3, 4), (2, 5, 5, -1)]


def test_history_goes_through_its_file_and_shows_on_the_page(tree, tmp_path):
    history = [
        epoch(number=1, validation_loss=2.5, validation_accuracy=0.25),
        epoch(number=2, accuracy=math.nan, validation_loss=2.0, validation_accuracy=0.375),
        epoch("deployed", loss=math.inf),
    ]
    history_csv(tmp_path / "history.csv", history)
    assert repr(read_history(tmp_path / "history.csv")) == repr(history)
    page = write(tmp_path, tree, probabilities(tree, *draw(tree)[:1]), draw(tree)[1], history=history)
    assert read_page(page).count("<svg") == 1
    assert "part 0 2 20 1.500 – 2.000 37.5 80 s" in text_of(page)
    assert "deployed 1 10 inf 50.0 – – 40 s" in text_of(page)


def test_a_page_without_anything_to_show(tree, tmp_path):
    empty = probabilities(tree, np.zeros((0, len(tree))))
    page = text_of(write(tmp_path, tree, empty, np.zeros(0, np.int64)))
    assert "No product held out" in page
    assert "No epoch was recorded" in page
    assert len((tmp_path / "confusions.csv").read_text().splitlines()) == 1
    silent = probabilities(tree, *draw(tree)[:1], silence=np.full(120, Silence.FAILED, np.uint8))
    assert "None of the 120 held-out products could be judged" in text_of(write(tmp_path, tree, silent, draw(tree)[1]))


def test_a_page_without_an_error(tree, tmp_path):
    truth = np.arange(len(tree))
    page = text_of(write(tmp_path, tree, probabilities(tree, np.eye(len(tree))), truth, history=[epoch()]))
    assert "Every held-out product was put on its leaf" in page
    assert "No leaf has 5 held-out products" in page


def test_what_is_given_never_becomes_markup(tmp_path):
    tree = Taxonomy([(i, (EVIL, f"{EVIL} {i // 2}", f'{i} "{EVIL}"')) for i in range(6)])
    dense, truth = draw(tree)
    sample = Sample(np.zeros((8, 16, 3), np.uint8), EVIL, "training")
    facts = {EVIL: EVIL, "config": {"a": {"b": EVIL}, "none": None}, "long": "x" * 1000}
    page = write(
        tmp_path, tree, probabilities(tree, dense), truth, title=EVIL, facts=facts, history=[epoch()], samples=[sample]
    )
    check_fetches_nothing(read_page(page))
    assert f"{EVIL} > {EVIL} 0 >" in text_of(page)
    assert f"a.b {EVIL} none –" in text_of(page)
    assert "x" * 401 not in read_page(page)


@pytest.mark.slow
def test_the_page_stays_small_on_the_largest_tree(tmp_path):
    tree = Taxonomy(
        [(i, (f"SHELF {i // 50:03}", f"PART OF A SHELF {i // 10:04}", f"LEAF {i}" * 8)) for i in range(5270)]
    )
    rng = np.random.default_rng(0)
    n = 3000
    truth = np.concatenate([rng.integers(0, 5270, n - 200), np.repeat(np.arange(40), 5)])
    leaves = (truth[:, None] + rng.integers(1, 5000, (n, 1)) + 7 * np.arange(3)) % 5270
    held_out = Probabilities(
        "general", np.arange(n), np.ones(n, np.int8), leaves.astype(np.int32),
        np.tile(np.array([0.5, 0.2, 0.1], np.float32), (n, 1)), np.full(n, 0.2, np.float32), np.zeros(n, np.uint8),
        np.arange(5270, dtype=np.int32), np.full(5270, 1 / 5270), tree.fingerprint,
    )  # fmt: skip
    noise = [Sample(rng.integers(0, 255, (512, 2048, 3), dtype=np.uint8), "noise", "training") for _ in range(30)]
    history = [epoch(f"part {part}", number + 1) for part in range(10) for number in range(100)]
    facts = {"config": {f"key{i}": "v" * 1000 for i in range(300)}}
    page = write(tmp_path, tree, held_out, truth, history=history, samples=noise, facts=facts)
    assert page.stat().st_size < 5_000_000
    shown = text_of(page)
    assert f"The {MAX_NODES[1]} nodes with the most products; and {106 - MAX_NODES[1]} more are not shown" in shown
    assert "At Cat II" not in shown
    assert re.search(r"and [\d,]+ more pairs in confusions.csv", shown)
    assert shown.endswith("and 100 more")
