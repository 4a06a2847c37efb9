"""Cross-fitting of a run: for each held-out part a network that never saw it, what that says of it; the deployed one.

Each of these may have been done before a kill: what lies in the run or checkpoint folder is taken from there.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.progress import Bar, Progress
from catalog.probabilities import Probabilities, choose_k, concatenate
from catalog.product import MAX_IMAGES, Product
from catalog.recent_rows import RecentRows
from catalog.reports.page import Section
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.inference.expert import MosaicExpert
from mosaic.networks.deployed import deployed
from mosaic.networks.device import best_device, described
from mosaic.networks.network import MosaicNetwork, load_network
from mosaic.run_files import weights_name
from mosaic.training import distributed
from mosaic.training.augment import uniforms
from mosaic.training.batches import Examples, leaf_limits
from mosaic.training.fit import fit
from mosaic.training.history import EpochRecord, history_csv
from mosaic.training.learner import FitTask
from mosaic.training.loss import parents_of
from mosaic.training.page import write_training_page
from mosaic.training.photo_cache import open_photo_cache
from mosaic.training.samples import training_samples
from mosaic.training.shrunken_photos import ShrunkenPhotos
from mosaic.views import ANY, View, families

log = logging.getLogger(__name__)
CHUNK = 256
N_SAMPLES = 12
"""Mosaics of the training page, each as in training and as in prediction."""
N_FOR_K = 1000
"""Held-out products on which k is measured: their dense probabilities, at 5270 leaves 21 MB, fit into memory."""
_VALIDATION = 3
"""Stream of random numbers that sets products aside for early stopping."""


class Answers(Protocol):
    """What one network says of products at `(n,)` catalogue positions: a row for each, of k leaves."""

    def __call__(self, positions: NDArray[np.int64], k: int, progress: Progress | None = None) -> Probabilities:
        """The rows, in order."""


def products_of_view(
    data: TrainingData, positions: NDArray[np.int64], view: View, *, borrow: bool = False
) -> NDArray[np.int64]:
    """Those of `(n,)` catalogue positions of whose product the view's network sees at least one photo.

    `borrow`: products with more photos than the view's count fit, too.
    """
    counts = data.catalog.n_images[positions]
    shows_some = [any(map(view.shows, range(n))) if view.position else n > 0 for n in range(MAX_IMAGES + 1)]
    fitting = (counts >= view.n_images) if borrow else (counts == view.n_images)
    return positions[np.array(shows_some)[counts] & (fitting | (view.n_images == ANY))]


@dataclass
class CrossFitting:
    """The fits of one run.

    Attributes:
        view: what the network sees; start: the run whose networks are the start, None for the backbone's weights.
        history: epochs of the fits that are done.
        k: leaves that saved probabilities keep, measured on the first held-out part that has products.
        candidate: of fits that are tried beside others, a name; empty for those that are the run's.
    """

    data: TrainingData
    config: MosaicConfig
    view: View
    run: Run
    start: Run | None
    bar: Bar
    workspace: Workspace
    history: list[EpochRecord] = field(default_factory=list)
    k: int | None = None
    candidate: str = ""

    @property
    def unfinished(self) -> Path:
        """Where what only a resumption needs lies."""
        return checkpoints_folder(self.workspace, self.run) / self.candidate

    @property
    def folder(self) -> Path:
        """Where networks are kept, and what was noted of their fits."""
        return self.unfinished if self.candidate else self.run.folder

    def fit_without(self, part: int | None, initial: MosaicNetwork | None) -> MosaicNetwork:
        """Fit on everything but `part` (None: on everything), from `initial` or from the backbone's weights."""
        path = self.folder / weights_name(part)
        if distributed.finds(path):
            return MosaicNetwork.load(path, self.config.backbone)
        training = self.training_from(initial)
        everything = self.data.plan.training_positions(part)
        fitting = products_of_view(self.data, everything, self.view, borrow=training.borrow)
        positions, judging = self._set_aside(fitting, training)
        network = self._new_network(positions, initial)
        name = "deployed" if part is None else f"part {part}"
        checkpoint = self.unfinished / f"{name.replace(' ', '-')}.pt"
        support = network.support.numpy()
        with self.bar(f"train {self.view.title}" + ("" if part is None else f" (without part {part})")) as progress:
            learnt, judges = self._examples(positions, support), self._examples(judging, support)
            task = FitTask(
                name, learnt, training,
                parents=parents_of(self.data.tree, support),
                limits=leaf_limits(training, self.data.tree, support),
                validation=judges if len(judging) else None,
                shrunken=self._photo_cache(learnt, judges),
                checkpoint=checkpoint,
                logs=self.workspace.folder / "logs" / self.run.folder.name / self.candidate,
            )  # fmt: skip
            records = fit(network, self.data.catalog, self.shaped(task, network), self.config, progress)
        # a kill may have come between the history and the weights: then this fit's records are there already
        self.history = [record for record in self.history if record.fit != name] + records
        if distributed.is_main():
            path.parent.mkdir(parents=True, exist_ok=True)
            history_csv(self.folder / "history.csv", self.history)
            network.save(path)
            checkpoint.unlink(missing_ok=True)
        return network

    def initial(self, part: int | None) -> MosaicNetwork | None:
        """The starting run's network that never saw `part` (None: the deployed one); None without such a run."""
        return None if self.start is None else load_network(self.start, self.config, part)

    def training_from(self, initial: MosaicNetwork | None) -> TrainingConfig:
        """How a fit is trained that starts from this network, None for the backbone's weights."""
        return self.config.training if initial is None else self.config.specialist

    def shaped(self, task: FitTask, network: MosaicNetwork) -> FitTask:
        """The task of a fit that begins with `network`; here as it is."""
        return task

    def _set_aside(
        self, positions: NDArray[np.int64], training: TrainingConfig
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions to learn from, and those that tell when to stop; products that the plan links stay together."""
        if not training.validation:
            return positions, positions[:0]
        everything, first_of_group = self.copy_groups
        group = first_of_group[np.searchsorted(everything, positions)]
        # drawn by a product's identity: each fit sets the same ones aside, also those that start from each other
        chance = uniforms(1, self.config.seed, _VALIDATION, self.data.catalog.product_ids[group])[:, 0]
        judges = chance < training.validation
        leaf = self.data.leaf[positions]
        while len(unlearnt := np.setdiff1d(leaf, leaf[~judges])):
            # a leaf is never set aside whole; its products come back with all that share photos with them
            judges &= ~np.isin(group, group[np.isin(leaf, unlearnt)])
        if not judges.any():
            log.warning("%s: too few products to set any aside, the fit is not stopped early", self.view.title)
        return positions[~judges], positions[judges]

    @cached_property
    def copy_groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(P,)` sorted positions of the plan's products, `(P,)` the first of those that each is linked with."""
        everything = np.sort(self.data.plan.positions)
        group = self.data.plan.linked(self.data.catalog, everything)
        _, first = np.unique(group, return_index=True)
        return everything, everything[first[group]]

    def _new_network(self, positions: NDArray[np.int64], initial: MosaicNetwork | None) -> MosaicNetwork:
        support, counts = np.unique(self.data.leaf[positions], return_counts=True)
        frequency = counts / counts.sum()
        backbone = self.config.backbone
        if initial is not None:
            # the new network goes on naming every leaf that the first one knows; one without products here keeps the
            # first one's share, below 1, as its count: rarer than any that was seen
            known = initial.support.numpy()
            everything = np.union1d(support, known)
            total = np.zeros(len(everything))
            total[np.searchsorted(everything, support)] += counts
            total[np.searchsorted(everything, known)] += initial.frequency.numpy()
            support, frequency = everything, total / total.sum()
            # overwritten right away: the packaged weights need not be read
            backbone = backbone.model_copy(update={"weights": "random"})
        # the head's first weights are drawn here, the rest of the randomness is seeded by the loop
        torch.manual_seed(self.config.seed)
        network = MosaicNetwork(backbone, support, frequency)
        if initial is not None:
            network.start_from(initial)
        return network

    def _examples(self, positions: NDArray[np.int64], support: NDArray[np.int64]) -> Examples:
        labels = np.searchsorted(support, self.data.leaf[positions])
        return Examples.of(self.view, positions, labels, self.data.catalog.n_images[positions])

    def _photo_cache(self, learnt: Examples, judges: Examples) -> ShrunkenPhotos:
        shown = [(learnt, self.config.source_size), (judges, self.config.photo_size)]
        is_main = distributed.is_main()
        if not is_main:
            # until the main process has removed what must go
            distributed.barrier()
        photos = open_photo_cache(
            self.workspace.folder, self.config.photo_cache_gib, self.data.catalog, shown, makes_room=is_main
        )  # fmt: skip
        if is_main:
            distributed.barrier()
        return photos

    def predict_held_out(self, part: int, network: MosaicNetwork) -> Probabilities:
        """A row for each product of one held-out part, by the network that never saw it."""
        path = self.unfinished / f"heldout-part{part}.safetensors"
        if path.is_file():
            probabilities = Probabilities.load(path)
        else:
            positions = products_of_view(self.data, self.data.plan.held_out_positions(part), self.view)
            answers = self.answers_of(network)
            k = self.k or self._measured_k(answers, positions, len(network.support))
            with self.bar("held-out part") as progress:
                probabilities = answers(positions, k, progress)
            path.parent.mkdir(parents=True, exist_ok=True)
            probabilities.save(path)
        if probabilities.speaks.any():
            self.k = self.k or int(probabilities.leaves.shape[1])
        return probabilities

    def answers_of(self, network: MosaicNetwork) -> Answers:
        """What a network says of products, as in prediction."""
        expert = self._expert(network)

        def answers(positions: NDArray[np.int64], k: int, progress: Progress | None = None) -> Probabilities:
            expert.k[self.view] = k
            return predict_positions(expert, self.data.catalog, positions, progress)

        return answers

    def _measured_k(self, answers: Answers, positions: NDArray[np.int64], n_leaves: int) -> int:
        rng = np.random.default_rng(self.config.seed)
        drawn = answers(rng.permutation(positions)[:N_FOR_K], n_leaves)
        inference = self.config.inference
        if not drawn.speaks.any():
            return inference.max_leaves
        dense = drawn.dense(np.flatnonzero(drawn.speaks), len(self.data.tree))[:, drawn.support]
        return choose_k(dense, inference.coverage, inference.max_leaves)

    def _expert(self, network: MosaicNetwork) -> MosaicExpert:
        networks = {self.view: deployed(network, self.config.inference, self.config.photo_size)}
        return MosaicExpert(
            next(iter(families(networks))), networks, self.config, k={self.view: len(network.support)},
            taxonomy=self.data.tree.fingerprint, plan=self.data.plan.plan_id,
            # a network of some photos has its say on them alone; `average_photos` knows which products that covers
            partial=True,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """That the fits took."""
        return sum(record.seconds for record in self.history)

    def sections(self) -> list[Section]:
        """What the page of the training says of fits that have no epochs."""
        return []

    def write_page(
        self, held_out: Probabilities, truth: NDArray[np.int64], network: MosaicNetwork, *,
        title: str = "", more: Mapping[str, object] | None = None, sections: Sequence[Section] = (),
    ) -> None:  # fmt: skip
        """`training.html` in the run folder.

        `truth`: `(N,)` leaf of each row of `held_out`, -1 where unknown; `title`: else the view's; `more`: facts;
        `sections`: that come first.
        """
        plan = self.data.plan
        positions = products_of_view(self.data, plan.training_positions(0), self.view)
        rng = np.random.default_rng(self.config.seed)
        examples = self._examples(rng.permutation(positions)[:N_SAMPLES], network.support.numpy())
        facts = {
            **(more or {}),
            "catalogue": self.data.catalog.name, "plan": plan.plan_id, "code": self.run.revision,
            "starting run": self.start.folder.name if self.start else None,
            "device": described(best_device()),
            "seconds": round(self.seconds),
            "config": self.config.model_dump(),
        }  # fmt: skip
        samples = training_samples(self.data.catalog, examples, self.config, self.data.tree, network.support.numpy())
        # without an epoch nothing was augmented
        samples = [sample for sample in samples if self.history or sample.kind != "training"]
        write_training_page(
            self.run.folder / "training.html", title=f"Training: {title or self.view.title}", facts=facts,
            history=self.history, held_out=held_out, truth=truth, tree=self.data.tree, samples=samples,
            fitted=[*sections, *self.sections()],
        )  # fmt: skip


def checkpoints_folder(workspace: Workspace, run: Run) -> Path:
    """Where a run's unfinished work lies: outside the run folder, which never holds a pickle."""
    return workspace.folder / "checkpoints" / run.folder.name


def predict_positions(
    expert: MosaicExpert, catalog: Catalog, positions: NDArray[np.int64], progress: Progress | None = None
) -> Probabilities:
    """A row for each of `(n,)` catalogue positions, in order."""

    recent = RecentRows()

    def predicted(products: list[Product]) -> Probabilities:
        chunk = Chunk.of(products, expert.photo_side, recent=recent, decoder=expert.photo_decoder)
        return expert.predict(chunk).probabilities

    parts = [predicted(products) for _, products in catalog.batches(CHUNK, progress, positions)]
    return concatenate(parts or [predicted([])])
