"""Surveys of catalogues that figures are known of, and a machine with two cores to choose for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.product import ProblemLog
from rayonnage.fitting.looking.survey import CatalogSurvey, ShelfSize
from rayonnage.fitting.measuring.speed import BackboneSpeed, MachineSpeed


def survey(
    n_by_images: tuple[int, int, int, int, int],
    shelves: Sequence[tuple[str, int, int, int]],
    leaf_sizes: Sequence[int],
    **more: Any,
) -> CatalogSurvey:
    """A survey of products with so many photos, all different; `shelves`: name, products, photos, leaves."""
    n = sum(n_by_images[1:])
    photos = sum(count * products for count, products in enumerate(n_by_images))
    values: dict[str, Any] = {
        "address": "shop.csv", "fingerprint": "f", "n_products": n, "n_labelled": n, "n_by_images": n_by_images,
        "n_photos": photos, "n_distinct_photos": photos, "megapixels_per_photo": 0.03, "level_names": ("Cat I", "leaf"),
        "n_nodes": (len(shelves), len(leaf_sizes)), "leaf_sizes": tuple(leaf_sizes), "n_titled": 0,
        "n_distinct_titles": 0, "n_groups": n, "group_column": None, "n_contradicting": 0, "bytes": 5000 * photos,
        "problems": ProblemLog(),
        "shelves": tuple(ShelfSize(name, n, photos, photos, leaves) for name, n, photos, leaves in shelves),
    }  # fmt: skip
    return CatalogSurvey(**{**values, **more})


def machine(words: dict[str, float] | None = None, **more: Any) -> MachineSpeed:
    """Two cores; `words`: read per photo of each shelf."""
    values: dict[str, Any] = {
        "cores": 2, "free_bytes": 8 * 10**9, "free_disk": 10**11, "decode_s": 0.001,
        "backbones": {
            "tf_efficientnet_lite0": BackboneSpeed(160, 0.034, 0.0085, 0.0027, 20_000_000),
            "tf_efficientnet_lite2": BackboneSpeed(160, 0.049, 0.0125, 0.004, 32_000_000),
        },
        "read_s": 0.07, "words_per_photo": 0.3, "start_s": 5.0, "words_of_shelf": words or {},
    }  # fmt: skip
    return MachineSpeed(**{**values, **more})


CLOTHES = survey(
    (0, 274, 53, 87, 9), [("Men", 230, 370, 6), ("Women", 193, 307, 6)],
    [45, 44, 40, 38, 37, 36, 36, 36, 34, 32, 27, 18],
    n_titled=423, n_distinct_titles=147, megapixels_per_photo=0.1,
)  # fmt: skip
"""The gallery."""
SHELF = survey(
    (0, 3927, 1032, 302, 202),
    [("BOOKS", 3900, 5065, 30), ("FRUIT", 700, 1130, 40), ("PACKAGES", 520, 864, 20), ("VEGETABLES", 343, 646, 21)],
    [130] * 30 + [20] * 81,
)
READS_BOOKS = machine({"BOOKS": 6.9, "PACKAGES": 2.4, "FRUIT": 0.1, "VEGETABLES": 0.1})
SIXTY = survey((0, 30, 20, 5, 5), [("a", 30, 50, 4), ("b", 30, 55, 4)], [8] * 4 + [7] * 4)
CDISCOUNT = survey(
    (0, 3_500_000, 1_500_000, 1_000_000, 1_069_896),
    [("LIBRAIRIE", 600_000, 700_000, 300), ("MUSIQUE", 200_000, 250_000, 100)]
    + [(f"Cat {n}", 130_000, 240_000, 103) for n in range(47)],
    [1341] * 5270,
)
