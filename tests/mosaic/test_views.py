"""What each network sees, and which experts a set of networks makes up."""

from __future__ import annotations

import itertools

import pytest

from mosaic.views import ANY, FAMILIES, POSITIONS, View, families, passes


def test_slots_tell_views_apart():
    views = [View(n, rank) for n, rank in itertools.product(range(5), ("", "any", "first", "rest", "1"))]
    assert len({view.slot for view in views}) == len({view.title for view in views}) == len(views)
    assert View().slot == "any"
    assert View(2).slot == "2"
    assert View(2, "1").title == "2 photos, photo 1"


@pytest.mark.parametrize(("n_images", "rank"), [(2, "3"), (0, "5"), (0, "last"), (1, "0")])
def test_a_photo_that_no_product_has_is_refused(n_images, rank):
    with pytest.raises(ValueError, match="rank"):
        View(n_images, rank)


def test_every_photo_belongs_to_first_or_rest_and_to_one_rank():
    for photo in range(4):
        assert View(ANY, "first").shows(photo) != View(ANY, "rest").shows(photo)
        assert View(ANY, "any").shows(photo)
        assert [rank for rank in POSITIONS if rank.isdigit() and View(ANY, rank).shows(photo)] == [str(photo + 1)]


def test_families_are_made_of_the_networks_that_are_there():
    whole = [View(), View(2)]
    single = [View(ANY, "any"), View(ANY, "first"), View(ANY, "rest"), View(2, "1"), View(2, "2")]
    members = families(dict.fromkeys([*single, *whole]))
    assert list(members) == list(FAMILIES)
    assert members["mosaic"] == whole
    assert members["general"] == [View()]
    assert members["rank"] == [View(2, "1"), View(2, "2")]
    assert list(families(dict.fromkeys([View()]))) == ["mosaic"]
    assert list(families(dict.fromkeys([View(ANY, "first")]))) == ["first-rest"]


def test_passes_take_the_most_special_network():
    everything = [View(), View(1), View(2)]
    assert passes(everything, 2) == [(View(2), (0, 1))]
    assert passes(everything, 3) == [(View(), (0, 1, 2))]
    assert passes([View(1), View(2)], 3) == [(View(1), (photo,)) for photo in range(3)]
    assert passes([View(2)], 3) == []
    assert passes(everything, 0) == []
    ranked = [View(ANY, "any"), View(ANY, "rest"), View(3, "2"), View(3, "any")]
    assert passes(ranked, 3) == [(View(3, "any"), (0,)), (View(3, "2"), (1,)), (View(3, "any"), (2,))]
    assert passes(ranked, 2) == [(View(ANY, "any"), (0,)), (View(ANY, "rest"), (1,))]
    assert passes([View(ANY, "first")], 2) == []
    assert passes([View(ANY, "first")], 2, partial=True) == [(View(ANY, "first"), (0,))]
