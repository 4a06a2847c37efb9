"""From a run folder to predictions: one chunk of products at a time, and single products for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics.answer_path import AnswerPaths, answer_paths
from catalog.probabilities import Probabilities
from catalog.product import Problem, ProblemLog, Product
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import LEVELS
from fusion.config import FusionConfig
from fusion.experts.copy_table import NAME as COPIES
from fusion.experts.copy_table import CopyTable
from fusion.decide import NEVER, decide
from fusion.details import FusionDetails
from fusion.experts.images import ExpertRuns
from fusion.head_artifacts import HeadArtifacts, proof_of, thresholds_for
from fusion.heads.registry import StoredHeads
from fusion.proof import Proof
from mosaic.photos import DecodedPhotos, load_photos
from ocr.config import OcrConfig
from ocr.details import OcrDetails
from ocr.expert import Reading, unread_photos
from ocr.loading import load_expert, make_reader
from ocr.route import category_leaves, routed


@dataclass(frozen=True)
class Predictions:
    """Everything said about a chunk of N products.

    Attributes:
        experts: each expert's row-aligned `Probabilities`.
        fused: `(N, n_leaves)` float32 probabilities of the head.
        paths: of the likeliest leaves.
        given: `(N, 2)` int64 level and node of the decision, see `fusion.decide.decide`.
        needed: `(N, 3)` float32 probability from which a node of Cat I, II, III is given, 2 for never.
        known_copies: a labelled product with one of the product's photos (None: there are only later ones than
            the product itself), by product_id.
        readings: what was read, by product_id, on routed products.
        photos: the decoded chunk.
        problems: what was wrong with single products.
        proof: of the decisions, where some node is never given; None where that need not be explained.
    """

    products: Sequence[Product]
    experts: list[Probabilities]
    fused: NDArray[np.float32]
    paths: AnswerPaths
    given: NDArray[np.int64]
    needed: NDArray[np.float32]
    known_copies: dict[int, int | None]
    readings: dict[int, Reading]
    photos: DecodedPhotos
    problems: ProblemLog
    proof: Proof | None

    def text_read(self, row: int) -> str:
        """Words read on a row's photos, empty where none were."""
        reading = self.readings.get(self.products[row].product_id)
        return "" if reading is None else reading.text

    def advice(self, row: int) -> str:
        """What it would take to give a row's next deeper node, where nothing proves that; else empty."""
        level = int(self.given[row, 0])
        is_proved = level == LEVELS[-1] or self.needed[row, level] < NEVER
        if is_proved or self.proof is None or not self.photos.n_readable[row]:
            return ""
        return self.proof.sentence


class Predictor:
    """A fusion run, loaded: networks, text model, known photos, heads, thresholds.

    Attributes:
        digest: what the run held when it was loaded, see `Run.digest`.
        heads: every head of the run by name; head, head_name: the one that decides.
        training_counts: `(n_leaves,)` int64 labelled training products of each leaf.
    """

    def __init__(self, run: Run, workspace: Workspace, precision: float | None = None, lang: str | None = None) -> None:
        """Load a run.

        Args:
            workspace: holds the transcript cache.
            precision: target precision of what is given, None for the one that the run was trained for.
            lang: language of the category names shown, see `Taxonomy.in_language`.

        Raises:
            ValueError: a damaged run, or experts and head that do not belong together.
        """
        self.run = run
        # first: were another run put here meanwhile, its answers must not pass for this one's
        self.digest = run.digest()
        self.tree = run.taxonomy(lang)
        experts = ExpertRuns.inside(run)
        for expert in experts.runs:
            expert.check_tree(self.tree, str(run.folder))
        self.heads = StoredHeads(run, self.tree)
        details = run.details_as(FusionDetails)
        self.head_name = details.head
        self.head = self.heads[self.head_name]
        artifacts = HeadArtifacts.load(run.folder, self.tree)
        self.training_counts = artifacts.training_counts
        self.thresholds = artifacts.thresholds if precision is None else thresholds_for(run, self.tree, precision)
        config = run.config(FusionConfig)
        self.target_precision = precision or config.target_precision
        self.top_leaves = config.top_leaves
        self.mosaic = experts.mosaic_experts()
        self.copies: CopyTable | None = None
        if COPIES in details.experts:
            path = run.folder / "copies.safetensors"
            self.copies = CopyTable.load(path, len(self.tree), self.tree.fingerprint, run.plan)
        self.text, self.read_leaves, self.route_threshold = None, np.zeros(0, np.int64), 1.0
        if experts.text is not None:
            reading = experts.text.config(OcrConfig)
            self.text = load_expert(experts.text, make_reader(reading, workspace))
            self.read_leaves = category_leaves(self.tree, reading.shelves)
            self.route_threshold = experts.text.details_as(OcrDetails).route_threshold

    @classmethod
    def load(cls, folder: str | Path, workspace: str | Path = "runs") -> Predictor:
        """Load a fusion run folder."""
        return cls(Run.load(Path(folder), "fusion"), Workspace(workspace))

    @cached_property
    def proof(self) -> Proof | None:
        """What stands behind the decisions; None where a run of an earlier version does not keep it."""
        return proof_of(self.run, self.tree, self.target_precision, int(self.training_counts.sum()))

    def trained_on(self, catalog: Catalog) -> bool:
        """Whether this is the catalogue that the run was trained on: what it says of it is not held out."""
        return catalog.matches(self.run.data)

    def predict(self, products: Sequence[Product], *, in_training: bool = False) -> Predictions:
        """Predict a chunk; call it with a few hundred products at a time, probabilities are dense.

        `in_training`: the products are of the training catalogue, and none is to be its own known copy.
        """
        config = self.mosaic[0].config
        photos = load_photos(products, config.photo_size)
        problems = ProblemLog()
        problems.extend(photos.problems)
        experts = [expert.predict(products, photos) for expert in self.mosaic]
        readings: dict[int, Reading] = {}
        if self.text is not None:
            # four photos take 322 ms with reading, 102 ms without (bench/results/predict.txt): photos say what is read
            wanted = routed(experts[0], self.read_leaves, self.tree, self.route_threshold)
            experts.append(self.text.predict(products, wanted, photos.md5s))
            readings = self.text.readings
            problems.extend(unread(readings, problems))
        known_copies: dict[int, int | None] = {}
        if self.copies is not None:
            ids = experts[0].product_ids
            labels = np.array([-1 if p.category_id is None else p.category_id for p in products], np.int64)
            own_leaf = self.tree.leaf_index(labels) if in_training else None
            experts.append(self.copies.predict(ids, photos.md5s, own_leaf))
            for row in np.flatnonzero(experts[-1].speaks).tolist():
                known_copies[int(ids[row])] = self.copies.example(photos.md5s[row], other_than=int(ids[row]))
        fused = self.head.predict_proba(experts, photos.n_readable)
        paths = answer_paths(fused, self.tree)
        given = decide(paths, self.thresholds)
        # without a usable photo there is only the prior, which may pass a threshold: never more than a review
        given[photos.n_readable == 0] = 0
        needed = self.thresholds.table[paths.nodes[:, 0]]
        proof = self.proof if (needed == NEVER).any() else None
        return Predictions(
            products, experts, fused, paths, given, needed, known_copies, readings, photos, problems, proof
        )


def unread(readings: Mapping[int, Reading], known: ProblemLog) -> list[Problem]:
    """Photos that could be decoded, but not read; `known` names those that could not be decoded."""
    undecoded = {(problem.product_id, problem.photo) for problem in known.named}
    return [problem for problem in unread_photos(readings) if (problem.product_id, problem.photo) not in undecoded]
