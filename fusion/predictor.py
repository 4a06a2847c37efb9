"""From a run folder to predictions: one chunk of products at a time, and single products for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities
from catalog.product import Problem, ProblemLog, Product
from catalog.run import Run
from catalog.workspace import Workspace
from fusion.config import FusionConfig
from fusion.decide import decide
from fusion.head import load_head
from fusion.members import Members
from mosaic.expert import Photos, load_photos
from ocr.config import OcrConfig
from ocr.expert import Reading, unread_photos
from ocr.route import routed, shelf_leaves
from ocr.training import load_expert, make_reader, route_threshold


@dataclass(frozen=True)
class Predictions:
    """Everything said about a chunk of N products.

    Attributes:
        experts: each expert's row-aligned `Probabilities`.
        fused: `(N, n_leaves)` float32 probabilities of the head.
        given: `(N, 2)` int64 level and node of the decision, see `fusion.decide.decide`.
        readings: what was read, by product_id, on routed products.
        photos: the decoded chunk.
        problems: what was wrong with single products.
    """

    products: Sequence[Product]
    experts: list[Probabilities]
    fused: NDArray[np.float32]
    given: NDArray[np.int64]
    readings: dict[int, Reading]
    photos: Photos
    problems: ProblemLog


class Predictor:
    """A fusion run, loaded: networks, text model, head, thresholds."""

    def __init__(self, run: Run, workspace: Workspace) -> None:
        """Load a run; `workspace` holds the transcript cache.

        Raises:
            ValueError: a damaged run, or experts and head that do not belong together.
        """
        self.run = run
        self.tree = run.taxonomy()
        members = Members.inside(run)
        for member in members.runs:
            member.check_tree(self.tree, str(run.folder))
        self.pool, self.thresholds = load_head(run, self.tree)
        self.top_leaves = run.config(FusionConfig).top_leaves
        self.mosaic = members.mosaic.experts()
        self.text, self.shelves, self.route_threshold = None, np.zeros(0, np.int64), 1.0
        if members.text is not None:
            config = members.text.config(OcrConfig)
            self.text = load_expert(members.text, make_reader(config, workspace))
            self.shelves = shelf_leaves(self.tree, config.shelves)
            self.route_threshold = route_threshold(members.text)

    @classmethod
    def load(cls, folder: str | Path, workspace: str | Path = "runs") -> Predictor:
        """Load a fusion run folder."""
        return cls(Run.load(Path(folder), "fusion"), Workspace(workspace))

    def predict(self, products: Sequence[Product]) -> Predictions:
        """Predict a chunk; call it with a few hundred products at a time, probabilities are dense."""
        config = self.mosaic[0].config
        photos = load_photos(products, config.photo_size, config.max_pixels)
        problems = ProblemLog()
        problems.extend(photos.problems)
        experts = [expert.predict(products, photos) for expert in self.mosaic]
        readings: dict[int, Reading] = {}
        if self.text is not None:
            wanted = routed(experts[0], self.shelves, self.tree, self.route_threshold)
            experts.append(self.text.predict(products, wanted))
            readings = self.text.readings
            problems.extend(unread(readings, problems))
        fused = self.pool.predict_proba(experts, photos.n_readable)
        given = decide(fused, self.thresholds, self.tree)
        # without a usable photo there is only the prior: never more than a review
        given[photos.n_readable == 0] = 0
        return Predictions(products, experts, fused, given, readings, photos, problems)


def unread(readings: Mapping[int, Reading], known: ProblemLog) -> list[Problem]:
    """Photos that could be decoded, but not read; `known` names those that could not be decoded."""
    undecoded = {(problem.product_id, problem.where) for problem in known.named}
    return [problem for problem in unread_photos(readings) if (problem.product_id, problem.where) not in undecoded]
