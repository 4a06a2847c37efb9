"""Routing: exact categories, mass from truncated probabilities, silence."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict

import numpy as np
import pytest

from catalog.probabilities import Probabilities, Silence
from catalog.runs.config import checked
from catalog.tree.category_names import category_names
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names
from ocr.route import THRESHOLDS, RouteCurve, RoutePoint, category_leaves, category_mass, routed

TREE = Taxonomy(
    [
        (1, ("INSTRUMENTS DE MUSIQUE", "GUITARES", "BASSE")),
        (2, ("LIBRAIRIE", "LITTERATURE", "ROMAN")),
        (3, ("LIBRAIRIE", "TOURISME", "GUIDE")),
        (4, ("MUSIQUE", "CD", "JAZZ")),
        (5, ("MUSIQUE", "VINYLE", "JAZZ")),
    ]
)


def test_categories_are_exact_paths():
    assert category_leaves(TREE, ["MUSIQUE"]).tolist() == [3, 4]
    assert category_leaves(TREE, ["MUSIQUE > CD", "LIBRAIRIE"]).tolist() == [1, 2, 3]
    assert category_leaves(TREE, ["MUSIQUE", "BOOKS"]).tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"none of MUSIC.*MUSIQUE"):
        category_leaves(TREE, ["MUSIC"])
    with pytest.raises(ValueError, match="none of"):
        category_leaves(TREE, ["MUSIQUE > JAZZ"])


def test_categories_may_be_written_in_either_unicode_form():
    split = unicodedata.normalize("NFD", "BÉBÉ")
    tree = Taxonomy([(1, ("BÉBÉ", "LIVRES", "A")), (2, ("JEUX", "B", "C"))])
    assert category_leaves(tree, [f"{split} > LIVRES"]).tolist() == category_leaves(tree, ["BÉBÉ"]).tolist() == [0]


def test_categories_are_named_in_the_language_shown():
    english = TREE.with_names(Names((Name(5, 1, "en", "Music"), Name(4, 2, "en", "Compact discs")))).in_language("en")
    categories = ["MUSIQUE", "MUSIQUE > CD", "BOOKS", "LIBRAIRIE"]
    assert category_names(english, categories) == ["Music", "Music > Compact discs", "LIBRAIRIE"]
    assert category_names(TREE, categories) == ["MUSIQUE", "MUSIQUE > CD", "LIBRAIRIE"]
    assert category_leaves(english, categories).tolist() == category_leaves(TREE, categories).tolist()


def test_mass_counts_the_unlisted_share_and_silent_rows_are_not_routed():
    dense = np.array([[0.1, 0.2, 0.3, 0.25, 0.15], [0.9, 0.04, 0.03, 0.02, 0.01], [0.2] * 5])
    photo = Probabilities.from_dense(
        "mosaic", np.arange(3), np.ones(3, np.int8), dense, np.array([0, 0, Silence.UNREADABLE], np.uint8),
        support=np.arange(5, dtype=np.int32), frequency=np.full(5, 0.2), k=2, taxonomy=TREE.fingerprint,
    )  # fmt: skip
    leaves = category_leaves(TREE, ["LIBRAIRIE", "MUSIQUE"])
    mass = category_mass(photo, leaves, TREE)
    # row 0 lists leaves 2 and 3 (0.55); the rest 0.45 lies evenly on leaves 0, 1, 4, of which two belong;
    # row 1 lists leaves 0 and 1, and the rest 0.06 lies on three leaves that belong
    np.testing.assert_allclose(mass, [0.55 + 0.45 * 2 / 3, 0.04 + 0.06, 0], rtol=1e-5)
    assert routed(photo, leaves, TREE, 0.5).tolist() == [True, False, False]


def probabilities(name, dense, silence, support, n_images):
    n = len(dense)
    return Probabilities.from_dense(
        name, np.arange(n), n_images, np.asarray(dense, float), np.asarray(silence, np.uint8),
        support=np.array(support, np.int32), frequency=np.full(len(support), 1 / len(support)), k=len(support),
        taxonomy=TREE.fingerprint,
    )  # fmt: skip


@pytest.mark.parametrize("photo_knows_books", [False, True])
def test_the_curve_is_what_a_loop_over_products_finds(photo_knows_books):
    rng = np.random.default_rng(1)
    n, leaves = 300, category_leaves(TREE, ["LIBRAIRIE", "MUSIQUE"])
    truth = rng.integers(0, 5, n)
    hint = 3.0 * (np.arange(5) == truth[:, None])
    seen = rng.dirichlet(np.full(5, 0.5), n) * np.exp(hint if photo_knows_books else 0)
    photo = probabilities(
        "mosaic", seen / seen.sum(axis=1, keepdims=True), np.where(np.arange(n) % 17, 0, Silence.UNREADABLE), range(5),
        rng.integers(1, 5, n).astype(np.int8),
    )  # fmt: skip
    read = rng.dirichlet(np.full(4, 0.5), n) * np.exp(hint[:, 1:] / 2)
    text = probabilities(
        "text", read / read.sum(axis=1, keepdims=True), np.where(np.arange(n) % 5, 0, Silence.NOTHING_READ),
        range(1, 5), photo.n_images,
    )  # fmt: skip
    curve = RouteCurve.measure(photo, text, truth, leaves, TREE)
    right = {way: [0] * len(THRESHOLDS) for way in ("text", "product")}
    for row in np.flatnonzero(photo.speaks).tolist():
        alone = photo.dense(np.array([row]), 5)[0].astype(float)
        for way, counts in right.items():
            for at, threshold in enumerate(THRESHOLDS):
                p = alone.copy()
                if p[1:].sum() >= threshold and text.speaks[row]:
                    words = text.dense(np.array([row]), 5)[0][1:]
                    below = words * (p[1:] if way == "product" else 1)
                    p[1:] = p[1:].sum() * below / below.sum()
                counts[at] += int(p.argmax() == truth[row])
    better = "product" if photo_knows_books else "text"
    assert right[better][0] > right["text" if photo_knows_books else "product"][0]
    np.testing.assert_allclose([point.accuracy for point in curve.points], np.array(right[better]) / n)
    masses = [photo.dense(np.array([row]), 5)[0][1:].sum() for row in np.flatnonzero(photo.speaks)]
    n_photos = photo.n_images[photo.speaks]
    for point in curve.points:
        assert point.photos == sum(k for k, m in zip(n_photos.tolist(), masses, strict=True) if m >= point.threshold)
    assert [point.threshold for point in curve.points] == list(THRESHOLDS)
    assert checked(RouteCurve, json.loads(json.dumps(asdict(curve))), "curve") == curve


@pytest.mark.parametrize(
    ("photos", "accuracies", "chosen"),
    [
        # nothing is lost up to 0.3, which reads far less than 0.1
        ([1000, 500, 400], [0.60, 0.60, 0.60], 0.3),
        # a higher threshold that saves next to nothing is not worth its risk
        ([1000, 402, 400], [0.60, 0.60, 0.60], 0.1),
        # what it saves costs accuracy
        ([1000, 500, 100], [0.60, 0.5995, 0.59], 0.1),
        ([1000, 500, 100], [0.60, 0.55, 0.50], 0.01),
    ],
)
def test_the_threshold_saves_reading_but_no_accuracy(photos, accuracies, chosen):
    points = tuple(
        RoutePoint(threshold, n, n, accuracy)
        for threshold, n, accuracy in zip((0.01, 0.1, 0.3), photos, accuracies, strict=True)
    )
    assert RouteCurve(2000, 0.4, points).best_threshold() == chosen
