"""What may be chosen: ways to hold out, to learn from photos and to read, of which a plan takes one each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from mosaic.linear_limits import is_small_enough
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.gains import FEW, Words, native_side
from rayonnage.fitting.planning.parts import products_of, with_photos
from rayonnage.fitting.recipe import Network

LITE0, LITE2 = "tf_efficientnet_lite0", "tf_efficientnet_lite2"
BACKBONES = (LITE0, LITE2)
"""That a fit measures and chooses from: their weights lie in the installation."""
SIDES = (96, 128, 160)
FROZEN_SIDES = (96, 160)
"""Beside the size that a backbone has learnt at, at which it sees best: docs/results.md."""
ROUNDS = (1, 2, 3, 5, 8, 12)
LONG = 12
"""Rounds that are learnt as configs/shelf.yaml does: more is done to the photos, and weights are averaged."""
NEARLY_ALL = 0.8
"""Share of the products beyond which a network of one count would be the general one once more."""
MANY_PHOTOS = 20_000
"""From here on an epoch need not show everything."""
LEAF_LIMITS = (100, 20)
WORDY_LIMIT = 4
"""Products of a leaf that an epoch shows where words tell the leaf: a photo tells the shelf after a few."""
WORDY_HEAD_LIMIT = 20
"""The same for a head on frozen features, which sees each product once."""
SPECIALIST_PRODUCTS = 200
"""Fewer products of one image count get no network of their own, whatever the time."""
FEWEST_HELD_OUT = 20
"""Held-out products without which no head can be compared with another: folds hold out all."""
ENOUGH_HELD_OUT = 500
FOLDS = (5, 3)
SHARES = (0.2, 0.1, 0.05, 0.02, 0.01)
TEXTS = (5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 2000)
"""Products of a leaf that are read to learn from. Ten of each genre of books brought 18 points to a fit of five minutes
in which fifteen had no room."""
SOME_WORDS = 2.0
"""Words per photo from which on a sample is worth reading, to see whether it pays."""
SAMPLES = (200, 1000)

_SETTINGS = {
    "short": {"training": {"lr": 1e-3}, "augmentation": {"min_crop": 0.7}},
    "usual": {},
    "long": {
        "training": {"lr": 5e-4, "ema": 0.99},
        "specialist": {"lr": 2e-4, "ema": 0.99},
        "augmentation": {
            "min_crop": 0.4, "rotation": 10, "colour": 0.3, "tint": 0.1, "sharpness": 0.6, "erasing": 0.2,
        },
    },
}  # fmt: skip
"""As in configs/demo.yaml, configs/mosaic.yaml and configs/shelf.yaml."""


def part_options(survey: CatalogSurvey) -> Iterator[dict[str, Any]]:
    """Keys of `FitSection`: folds where there are few products, else a share that is large enough.

    What is linked is in one part: there are no more parts than lots of linked products.
    """
    n, lots = with_photos(survey), survey.n_groups
    fifths = lots >= 1 / SHARES[0]
    if fifths and n * SHARES[0] >= FEWEST_HELD_OUT:
        yield {"folds": None, "held_out": SHARES[0]}
    if n < FEW or not fifths:
        yield from ({"folds": folds, "held_out": None} for folds in [f for f in FOLDS if lots >= 2 * f] or [2])
    for share in SHARES[1:]:
        if n * share >= ENOUGH_HELD_OUT and lots >= 1 / share:
            yield {"folds": None, "held_out": share}


def photo_options(
    survey: CatalogSurvey, speed: MachineSpeed, words: Words, *, is_read: bool
) -> Iterator[tuple[dict[str, Any], tuple[Network, ...]]]:
    """Overlays of `mosaic` with the networks that are trained."""
    backbones = [name for name in BACKBONES if name in speed.backbones] or list(speed.backbones)[:1]
    n = with_photos(survey)
    limits = {shelf.name: WORDY_LIMIT for shelf in survey.shelves if words.is_wordy(shelf)} if is_read else {}
    of_heads = dict.fromkeys(limits, WORDY_HEAD_LIMIT)
    is_small = is_small_enough(n, len(survey.leaf_sizes))
    if is_small:
        yield from _frozen(backbones, of_heads)
    networks = [("any",), ("any", *_specialists(survey))]
    leaf_limits = (None, *LEAF_LIMITS) if survey.n_photos > MANY_PHOTOS else (None,)
    for backbone, rounds, limit in product(backbones, ROUNDS, leaf_limits):
        second = _other(backbone, backbones)
        for side, trained in product(SIDES, dict.fromkeys(networks)):
            yield from _with_second(second, _fine_tuned("fine-tune", backbone, side, rounds, limit, limits), trained)
        # both compete at the size at which it is cheap, or at the one at which heads on frozen features are best; a
        # count's own network would be made where learning wins, which nobody knows beforehand
        for side in (SIDES[-1], _native_of(backbone, second)) if is_small and limit is None else ():
            yield from _with_second(second, _fine_tuned("auto", backbone, side, rounds, None, of_heads), ("any",))


def reading_options(survey: CatalogSurvey, words: Words) -> Iterator[tuple[dict[str, Any] | None, tuple[str, ...]]]:
    """Overlays of `ocr`, None for no reading, and the shelves that are expected to be read."""
    yield None, ()
    wordy = tuple(shelf.name for shelf in survey.shelves if words.is_wordy(shelf))
    perhaps = shelves_to_try(survey, words)
    for texts in TEXTS:
        limit = {} if texts == TEXTS[-1] else {"text": {"texts_per_leaf": texts}}
        if wordy:
            yield {"shelves": list(wordy), **limit}, wordy
        if set(perhaps) - set(wordy):
            for sample in SAMPLES:
                yield {"shelves": "auto", "sample_photos": sample, **limit}, perhaps


def shelves_to_try(survey: CatalogSurvey, words: Words) -> tuple[str, ...]:
    """Shelves with so many words on their photos that a sample is expected to show that reading pays."""
    return tuple(s.name for s in survey.shelves if survey.can_be_told(s) and words.on(s) >= SOME_WORDS)


def _frozen(backbones: list[str], limits: Mapping[str, int]) -> Iterator[tuple[dict[str, Any], tuple[Network, ...]]]:
    """Heads on what one backbone sees, or each of two; `limits`: of products of a leaf, where words tell it."""
    training = {"training": {"shelf_limits": dict(limits)}} if limits else {}
    for backbone, flip in product(backbones, (False, True)):
        second = _other(backbone, backbones)
        for side in dict.fromkeys((*FROZEN_SIDES, native_side(backbone), _native_of(backbone, second))):
            overlay = {"method": "linear", **_shown(backbone, side, flip=flip), **training}
            yield from _with_second(second, overlay, ("any",))


def _with_second(
    second: str | None, overlay: dict[str, Any], trained: tuple[Network, ...]
) -> Iterator[tuple[dict[str, Any], tuple[Network, ...]]]:
    """Networks of one backbone, then with one of another beside them, for single photos."""
    yield overlay, trained
    if second is not None:
        yield {**overlay, "second_backbone": second}, (*trained, "photos")


def _other(backbone: str, backbones: list[str]) -> str | None:
    return next((name for name in backbones if name != backbone), None)


def _native_of(backbone: str, second: str | None) -> int:
    """Pixels for both: the smaller one sees about as well at the size that the larger one has learnt at."""
    return max(native_side(name) for name in (backbone, second) if name)


def _specialists(survey: CatalogSurvey) -> tuple[Network, ...]:
    names: tuple[Network, ...] = ("1", "2", "3", "4")
    most = NEARLY_ALL * with_photos(survey)
    return tuple(name for name in names if SPECIALIST_PRODUCTS <= products_of(name, survey) <= most)


def of_one_size(overlay: Mapping[str, Any], settled: Mapping[str, Any]) -> dict[str, Any]:
    """An overlay of `mosaic` whose photos are as large as is settled: a network is best at the size of its training."""
    shown, learnt = settled.get("photo_size"), settled.get("train_photo_size")
    source = settled.get("source_size")
    side = learnt or shown or (source * 8 // 9 if source else None)
    return {**overlay, **(_sizes(side) if side else {})}


def _shown(backbone: str, side: int, *, flip: bool) -> dict[str, Any]:
    return {"backbone": {"name": backbone}, **_sizes(side), "inference": {"flip": flip}}


def _sizes(side: int) -> dict[str, int]:
    # crops are taken from photos an eighth larger, as in configs/mosaic.yaml
    return {"source_size": side * 9 // 8, "train_photo_size": side, "photo_size": side}


def _fine_tuned(
    method: str, backbone: str, side: int, rounds: int, limit: int | None, limits: dict[str, int]
) -> dict[str, Any]:
    usual = _SETTINGS["long" if rounds >= LONG else "short" if rounds <= 5 else "usual"]
    of_leaves = {"products_per_leaf": limit, "shelf_limits": limits}
    # what is deployed, and each specialist, goes on for a quarter of the rounds
    specialist = {"epochs": max(1, rounds // 4), **of_leaves, **usual.get("specialist", {})}
    training = {"epochs": rounds, **of_leaves, **usual.get("training", {})}
    augmentation = {"augmentation": usual["augmentation"]} if "augmentation" in usual else {}
    return {
        "method": method, **_shown(backbone, side, flip=True), **augmentation,
        "training": training, "specialist": specialist,
    }  # fmt: skip
