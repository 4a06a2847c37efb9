"""From a run folder to predictions, one chunk of products at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.experts import Opinion, Quote
from catalog.metrics.answer_path import AnswerPaths, answer_paths
from catalog.photos.batch import PhotoDecoder, decode_in_threads
from catalog.probabilities import Probabilities
from catalog.product import ProblemLog, Product
from catalog.recent_rows import RecentRows
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.decide import NEVER, decide
from fusion.details import FusionDetails
from fusion.experts.all_experts import AllExperts
from fusion.head_artifacts import HeadArtifacts, proof_of, thresholds_for
from fusion.heads.registry import StoredHeads
from fusion.proof import Proof


@dataclass(frozen=True)
class Predictions:
    """Everything said about a chunk of N products.

    Attributes:
        chunk: the products with their decoded photos.
        opinions: of the experts, in the head's order.
        fused: `(N, n_leaves)` float32 probabilities of the head.
        paths: of the likeliest leaves.
        given: `(N, 2)` int64 level and node of the decision, see `fusion.decide.decide`.
        needed: `(N, D)` float32 probability from which the node of each level on the path is given, 2 for never.
        problems: what was wrong with single products.
        proof: of the decisions, where some node is never given; None where that need not be explained.
    """

    chunk: Chunk
    opinions: Sequence[Opinion]
    fused: NDArray[np.float32]
    paths: AnswerPaths
    given: NDArray[np.int64]
    needed: NDArray[np.float32]
    problems: ProblemLog
    proof: Proof | None

    @property
    def experts(self) -> list[Probabilities]:
        """What each expert says, in numbers."""
        return [opinion.probabilities for opinion in self.opinions]

    def quote(self, row: int) -> Quote | None:
        """What was read for a row, None where nothing was asked to be read; a title was not read."""
        quotes = (opinion.quote(row) for opinion in self.opinions)
        return next((quote for quote in quotes if quote is not None and not quote.is_title), None)

    def text_read(self, row: int) -> str:
        """Words read for a row, empty where none were."""
        quote = self.quote(row)
        return "" if quote is None else quote.text

    def advice(self, row: int) -> str:
        """What it would take to give a row's next deeper node, where nothing proves that; else empty."""
        level = int(self.given[row, 0])
        is_proved = level == self.needed.shape[1] or self.needed[row, level] < NEVER
        if is_proved or self.proof is None or not self.chunk.n_readable[row]:
            return ""
        return self.proof.sentence


class Predictor:
    """A fusion run, loaded: experts, heads, thresholds. Safe in threads.

    Attributes:
        digest: what the run held when it was loaded, see `Run.digest`.
        experts: in the head's order.
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
        all_experts = AllExperts.inside(run, self.tree)
        self.heads = StoredHeads(run, self.tree)
        self.head_name = run.details_as(FusionDetails).head
        self.head = self.heads[self.head_name]
        artifacts = HeadArtifacts.load(run.folder, self.tree)
        self.training_counts = artifacts.training_counts
        self.thresholds = artifacts.thresholds if precision is None else thresholds_for(run, self.tree, precision)
        config = run.config(FusionConfig)
        self.target_precision = precision or config.target_precision
        self.top_leaves = config.top_leaves
        self.experts = all_experts.experts(self.tree, workspace)

    def close(self) -> None:
        """End the processes that experts have started; they are started anew where it goes on."""
        for expert in self.experts:
            expert.close()

    @property
    def photo_decoder(self) -> PhotoDecoder:
        """What decodes photos for all experts: as the first that cares wants it."""
        return next((d for expert in self.experts if (d := expert.photo_decoder) is not None), decode_in_threads)

    @cached_property
    def proof(self) -> Proof | None:
        """What stands behind the decisions; None where a run of an earlier version does not keep it."""
        return proof_of(self.run, self.tree, self.target_precision, int(self.training_counts.sum()))

    def trained_on(self, catalog: Catalog) -> bool:
        """Whether this is the catalogue that the run was trained on: what it says of it is not held out."""
        return catalog.matches(self.run.data)

    def predict(
        self, products: Sequence[Product], *, in_training: bool = False, recent: RecentRows | None = None
    ) -> Predictions:
        """Predict a chunk; call it with a few hundred products at a time, probabilities are dense.

        Args:
            in_training: the products are of the training catalogue, and none is to be its own known copy.
            recent: what was computed on earlier chunks, see `Chunk`.
        """
        chunk = self.chunk_of(products, in_training=in_training, recent=recent)
        return self.conclude(chunk, self.opinions_on(chunk))

    def chunk_of(
        self, products: Sequence[Product], *, in_training: bool = False, recent: RecentRows | None = None
    ) -> Chunk:
        """The products with their photos decoded, as the experts want them; arguments as in `predict`."""
        side = max(expert.photo_side for expert in self.experts)
        return Chunk.of(products, side, in_training=in_training, recent=recent, decoder=self.photo_decoder)

    def opinions_on(self, chunk: Chunk, so_far: Sequence[Opinion] = ()) -> list[Opinion]:
        """What the experts say of a chunk, in the head's order; `so_far`: what the first of them have said already."""
        opinions = list(so_far)
        for expert in self.experts[len(opinions) :]:
            opinions.append(expert.predict(chunk, opinions))
        return opinions

    def conclude(self, chunk: Chunk, opinions: Sequence[Opinion]) -> Predictions:
        """What the head makes of the opinions of all experts."""
        problems = ProblemLog()
        problems.extend(chunk.problems)
        for opinion in opinions:
            problems.extend(opinion.problems)
        fused = self.head.predict_proba([opinion.probabilities for opinion in opinions], chunk.n_readable)
        paths = answer_paths(fused, self.tree)
        given = decide(paths, self.thresholds, self.tree)
        # without a usable photo there is only the prior, which may pass a threshold: never more than a review
        given[chunk.n_readable == 0] = 0
        needed = self.thresholds.needed(paths.nodes, self.tree)
        proof = self.proof if (needed == NEVER).any() else None
        return Predictions(chunk, opinions, fused, paths, given, needed, problems, proof)
