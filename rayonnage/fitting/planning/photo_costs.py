"""Seconds that photo networks take: what `mosaic train` does for each, counted, times what this machine needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.product import MAX_IMAGES
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.inference.checked import CHECKED
from mosaic.inference.expected_outputs import MADE_UP
from mosaic.linear_limits import MAX_JUDGED
from mosaic.method_comparison import INNER_PARTS
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import KNOWN, BackboneSpeed, MachineSpeed, times_known
from rayonnage.fitting.planning.parts import HeldOutParts, kept_share, photos_of, products_of, shown_per_epoch
from rayonnage.fitting.recipe import Network

# measured with Lite0 on two cores: runs of the demo took so much more than their epochs and held-out photos
NETWORK_S = 2.0
"""Of a network: its run folder, its graph held against PyTorch, its page."""
LOADING_S = 2.5
"""The first network loads what makes graphs of networks, for all that follow."""
FIT_S = 1.0
"""Of a fit: its network, its batches, its weights on the disk; the graph that predicts its held-out part."""
GRAPH_PRODUCTS = 48
"""Products on which the graph of a run is held against PyTorch, as by `mosaic.training.run_graph`: of a small catalogue
that is half of the work. Made-up mosaics of each shape come on top."""
KEPT_S = 0.0002
"""Of a photo whose small picture is kept: reading it."""
N_FOR_K = 1000
"""Held-out products that are predicted once more, to see how many leaves are worth keeping."""
_PARAMETERS = {"tf_efficientnet_lite0": 3.4e6, "tf_efficientnet_lite1": 4.2e6, "tf_efficientnet_lite2": 4.9e6}
_PARAMETERS_OF_OTHERS = 25e6
WIDTH = 1280
"""Numbers of a vector of EfficientNet-Lite."""
HEAD_S, LAST_HEAD_S = 1e-4, 5e-6
"""A product and leaf of a head on frozen features: while a part's strength is searched for, by `MAX_JUDGED` products or
fewer, and then of all. In 111 leaves 2,163 products took 18 s, and 5,463 hardly more."""
USUAL_STEP_S = 0.034
"""A photo of 160 pixels in a step of Lite0, where the seconds in these modules that are not measured were taken."""
LEAST_SLOW = 0.5
"""A GPU makes steps faster, not everything else."""


@dataclass(frozen=True)
class Pace:
    """Seconds per photo of one network at the sizes of a configuration.

    Attributes:
        train: a step of everything. head: of the head alone. predict: as held-out photos are predicted.
        decode: in training, where nothing is kept. workers: that decode beside it. slow: see `slowness`.
    """

    train: float
    head: float
    predict: float
    decode: float
    workers: int
    slow: float

    @classmethod
    def of(cls, backbone: str, config: MosaicConfig, speed: MachineSpeed) -> Pace:
        """By what was measured of this backbone, else by what is known of it beside one that was."""
        measured, times = _measured(backbone, speed)
        in_training = times * (config.train_photo_size / measured.side) ** 2
        in_prediction = times * (config.photo_size / measured.side) ** 2 * (2 if config.inference.flip else 1)
        workers = speed.workers if config.workers == "auto" else config.workers
        return cls(
            measured.train_s * in_training, measured.embed_s * in_training, measured.predict_s * in_prediction,
            speed.decode_s, workers, slowness(speed),
        )  # fmt: skip

    def shown(self, n_photos: float, seconds: float, *, kept: bool) -> float:
        """Seconds of so many photos in training, of which each takes `seconds`; `kept`: as small pictures."""
        decode = KEPT_S if kept else self.decode
        return n_photos * (max(seconds, decode / self.workers) if self.workers else seconds + decode)


def network_seconds(
    network: Network, config: MosaicConfig, parts: HeldOutParts, survey: CatalogSurvey, speed: MachineSpeed
) -> float:
    """What one stage `mosaic train` takes, its start not counted."""
    backbone = config.second_backbone if network == "photos" else config.backbone.name
    pace = Pace.of(backbone or config.backbone.name, config, speed)
    kept = keeps_small_pictures(config, survey)
    starts_anew = network in ("any", "photos")
    first = config.training if starts_anew else config.specialist
    # the deployed network goes on from the measured one where one part was held out
    last = first if parts.folds else config.specialist
    slow = pace.slow
    seconds = (NETWORK_S + LOADING_S * (network == "any")) * slow + _graph(network, pace, survey)
    if config.method != "fine-tune" and starts_anew:
        seconds += _linear(network, config, parts, pace, survey)
    if config.method == "linear":
        return seconds
    seconds += _held_out(network, parts, pace, survey) + (parts.n + 1) * FIT_S * slow
    if kept:
        seconds += photos_of(network, survey) * pace.decode
    if config.method == "auto" and starts_anew and not parts.folds:
        # a part of what is learnt from is set aside, on which both methods are compared first
        judged = HeldOutParts(1, (1 - parts.of) / INNER_PARTS, folds=False)
        seconds += FIT_S * slow + _held_out(network, judged, pace, survey)
        seconds += _fit(network, first, pace, survey, 1 - parts.of - judged.of, kept=kept)
    seconds += parts.n * _fit(network, first, pace, survey, 1 - parts.of, kept=kept)
    return seconds + _fit(network, last, pace, survey, 1.0, kept=kept)


def program_seconds(network: Network, pace: Pace, survey: CatalogSurvey) -> float:
    """What is needed before a network predicts: a program is made of it and held against it, shape by shape."""
    return FIT_S * pace.slow + _checked(network, pace, survey)


def weight_bytes(backbone: str) -> float:
    """Of a network's file."""
    return 4 * _PARAMETERS.get(backbone, _PARAMETERS_OF_OTHERS)


def slowness(speed: MachineSpeed) -> float:
    """How many times as long this machine takes for what is not measured, as the one where that was taken."""
    if speed.slowness:
        return speed.slowness
    measured, times = _measured(KNOWN, speed)
    step = measured.train_s * times * (160 / measured.side) ** 2
    return max(LEAST_SLOW, step / USUAL_STEP_S)


def keeps_small_pictures(config: MosaicConfig, survey: CatalogSurvey) -> bool:
    """Whether photos are so large that their small pictures are kept, as `mosaic.training.photo_cache` does."""
    # 4:3, as most cameras make them
    longer_side = (survey.megapixels_per_photo * 1e6 * 4 / 3) ** 0.5
    return config.photo_cache_gib > 0 and longer_side >= 3 * config.source_size


def _fit(
    network: Network, training: TrainingConfig, pace: Pace, survey: CatalogSurvey, share: float, *, kept: bool
) -> float:
    shown = shown_per_epoch(network, training, survey, share)
    epochs = pace.shown(training.epochs * shown, pace.train, kept=kept)
    return epochs + pace.shown(training.head_epochs * shown, pace.head, kept=kept)


def _held_out(network: Network, parts: HeldOutParts, pace: Pace, survey: CatalogSurvey) -> float:
    products = products_of(network, survey)
    photos = photos_of(network, survey)
    each = _photos_each(network, survey)
    twice = min(N_FOR_K, products * parts.of) * each
    return parts.n * _checked(network, pace, survey) + (photos * parts.held_out + twice) * (pace.predict + pace.decode)


def _checked(network: Network, pace: Pace, survey: CatalogSurvey) -> float:
    """A program held against PyTorch on the first mosaics of each shape."""
    return CHECKED * sum(_shapes(network, survey)) * pace.head


def _photos_each(network: Network, survey: CatalogSurvey) -> float:
    products = products_of(network, survey)
    return photos_of(network, survey) / products if products else 0.0


def _graph(network: Network, pace: Pace, survey: CatalogSurvey) -> float:
    """PyTorch and the graph of the deployed network, on the same products."""
    photos = min(GRAPH_PRODUCTS, products_of(network, survey)) * _photos_each(network, survey)
    return photos * (pace.head + pace.predict) + MADE_UP * sum(_shapes(network)) * pace.head


def _shapes(network: Network, survey: CatalogSurvey | None = None) -> Iterator[int]:
    """Photos in a mosaic of each shape that a network serves; `survey`: of those that its products have."""
    if network == "photos":
        yield 1
    elif network.isdigit():
        yield int(network)
    else:
        counts = range(1, MAX_IMAGES + 1)
        yield from (count for count in counts if survey is None or survey.n_by_images[count])


def _linear(network: Network, config: MosaicConfig, parts: HeldOutParts, pace: Pace, survey: CatalogSurvey) -> float:
    """The vector of every product that is learnt from or held out, once; heads without each part, and of all."""
    kept, kept_of_part = (kept_share(config.training, survey, share) for share in (1.0, 1 - parts.of))
    # what all are drawn from and is not held out lies among what a part's head has learnt from
    seen = 1.0 if config.method == "auto" else parts.held_out + (1 - parts.held_out) * kept_of_part
    looked = seen * photos_of(network, survey) * (pace.predict + pace.decode)
    vectors = photos_of(network, survey) if network == "photos" else products_of(network, survey)
    of_part, of_all = (1 - parts.of) * kept_of_part * vectors, kept * vectors
    strengths = parts.n * HEAD_S * min(of_part, MAX_JUDGED)
    heads = LAST_HEAD_S * (parts.n * of_part + of_all)
    return (
        looked
        + program_seconds(network, pace, survey)
        + pace.slow * (FIT_S * (parts.n + 1) + (strengths + heads) * len(survey.leaf_sizes))
    )


def _measured(backbone: str, speed: MachineSpeed) -> tuple[BackboneSpeed, float]:
    """What was measured that is nearest to a backbone, and how many times as long that one takes."""
    if backbone in speed.backbones:
        return speed.backbones[backbone], 1.0
    if not speed.backbones:
        raise ValueError("no network was measured on this machine")
    name = min(speed.backbones)
    return speed.backbones[name], times_known(backbone) / times_known(name)
