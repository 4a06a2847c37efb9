"""The fits of one run and what its networks say of held-out products, each of which a kill may have left done."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Bar, Progress
from catalog.probabilities import Probabilities, choose_k, concatenate
from catalog.product import Product
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.copies import linked_by_copies
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.inference.expert import MosaicExpert
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.weights import load_network, weights_name
from mosaic.photos import load_photos
from mosaic.training import distributed
from mosaic.training.augment import uniforms
from mosaic.training.batches import Examples, leaf_limits
from mosaic.training.fit import fit
from mosaic.training.history import EpochRecord, history_csv
from mosaic.training.learner import FitTask
from mosaic.training.loss import parents_of
from mosaic.training.page import write_training_page
from mosaic.training.samples import training_samples
from mosaic.views import ANY, View, families

log = logging.getLogger(__name__)
CHUNK = 256
N_SAMPLES = 12
MEASURED = 1000
"""Held-out products on which k is measured."""
_VALIDATION = 3
"""Stream of random numbers that sets products aside for early stopping."""


def products_of_view(
    data: TrainingData, positions: NDArray[np.int64], view: View, *, borrow: bool = False
) -> NDArray[np.int64]:
    """Positions of products of which the view's network sees at least one photo."""
    counts = data.catalog.n_images[positions]
    shown = [any(view.shows(photo) for photo in range(n)) if view.rank else n > 0 for n in range(5)]
    fitting = (counts >= view.n_images) if borrow else (counts == view.n_images)
    return positions[np.array(shown)[counts] & (fitting | (view.n_images == ANY))]


@dataclass
class TrainingJob:
    """The fits of one run, each of which may have been done before a kill."""

    data: TrainingData
    config: MosaicConfig
    view: View
    run: Run
    start: Run | None
    bar: Bar
    workspace: Workspace
    history: list[EpochRecord] = field(default_factory=list)
    k: int | None = None
    """Leaves that saved probabilities keep, measured on the first held-out part that has products."""

    def fitted(self, part: int | None, initial: MosaicNetwork | None) -> MosaicNetwork:
        """Fit on everything but `part` (None: on everything), from `initial` or from the backbone's weights."""
        path = self.run.folder / weights_name(part)
        if path.is_file():
            return load_network(self.run, self.config, part)
        training = self.config.training if initial is None else self.config.specialist
        positions = products_of_view(
            self.data, self.data.plan.training_positions(part), self.view, borrow=training.borrow
        )
        positions, aside = self._set_aside(positions, training)
        network = self._new_network(positions, initial)
        name = "deployed" if part is None else f"part {part}"
        checkpoint = checkpoints_folder(self.workspace, self.run) / f"{name.replace(' ', '-')}.pt"
        support = network.support.numpy()
        with self.bar(f"train {self.view.title}" + ("" if part is None else f" (without part {part})")) as progress:
            task = FitTask(
                name, self._examples(positions, support), training,
                parents=parents_of(self.data.tree, support),
                limits=leaf_limits(training, self.data.tree, support),
                validation=self._examples(aside, support) if len(aside) else None,
                checkpoint=checkpoint,
                logs=self.workspace.folder / "logs" / self.run.folder.name,
            )  # fmt: skip
            records = fit(network, self.data.catalog, task, self.config, progress)
        # a kill may have come between the history and the weights: then this fit's records are there already
        self.history = [record for record in self.history if record.fit != name] + records
        if distributed.is_main():
            history_csv(self.run.folder / "history.csv", self.history)
            network.save(path)
            checkpoint.unlink(missing_ok=True)
        return network

    def _set_aside(
        self, positions: NDArray[np.int64], training: TrainingConfig
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Products to learn from, and those that tell when to stop; products that share a photo stay together."""
        if not training.validation:
            return positions, positions[:0]
        everything, owner = self.groups
        group = owner[np.searchsorted(everything, positions)]
        # drawn by a product's identity: each fit sets the same ones aside, also those that start from each other
        chance = uniforms(1, self.config.seed, _VALIDATION, self.data.catalog.product_ids[group])[:, 0]
        aside = chance < training.validation
        leaf = self.data.leaf[positions]
        while len(lost := np.setdiff1d(leaf, leaf[~aside])):
            # a leaf is never set aside whole; its products come back with all that share photos with them
            aside &= ~np.isin(group, group[np.isin(leaf, lost)])
        if not aside.any():
            log.warning("%s: too few products to set any aside, the fit is not stopped early", self.view.title)
        return positions[~aside], positions[aside]

    @cached_property
    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All products of the plan, sorted, and for each the first one of those that share photos with it."""
        everything = np.sort(self.data.plan.positions)
        group, _ = linked_by_copies(self.data.catalog, everything, self.data.plan.max_copies)
        _, first = np.unique(group, return_index=True)
        return everything, everything[first[group]]

    def _new_network(self, positions: NDArray[np.int64], initial: MosaicNetwork | None) -> MosaicNetwork:
        leaves, counts = np.unique(self.data.leaf[positions], return_counts=True)
        backbone = self.config.backbone
        if initial is not None:
            # the new network goes on naming every leaf that the first one knows
            initial.cpu()
            known = initial.support.numpy()
            counts_of = dict(zip(leaves.tolist(), counts.tolist(), strict=True))
            leaves = np.union1d(leaves, known)
            general = dict(zip(known.tolist(), initial.frequency.tolist(), strict=True))
            counts = np.array([counts_of.get(leaf, 0) + general.get(leaf, 0.0) for leaf in leaves.tolist()])
            backbone = backbone.model_copy(update={"weights": "random"})
        # the head's first weights are drawn here, the rest of the randomness is seeded by the loop
        torch.manual_seed(self.config.seed)
        network = MosaicNetwork(backbone, leaves, counts / counts.sum())
        if initial is not None:
            network.start_from(initial)
        return network

    def _examples(self, positions: NDArray[np.int64], support: NDArray[np.int64]) -> Examples:
        labels = np.searchsorted(support, self.data.leaf[positions])
        return Examples.of(self.view, positions, labels, self.data.catalog.n_images[positions])

    def held_out(self, part: int, network: MosaicNetwork) -> Probabilities:
        """Probabilities of one held-out part by the network that never saw it."""
        path = checkpoints_folder(self.workspace, self.run) / f"heldout-part{part}.safetensors"
        if path.is_file():
            found = Probabilities.load(path)
        else:
            positions = products_of_view(self.data, self.data.plan.held_out_positions(part), self.view)
            expert = self._expert(network)
            expert.k[self.view] = self.k or self._measured_k(expert, positions)
            with self.bar("held-out part") as progress:
                found = predict_positions(expert, self.data.catalog, positions, progress)
            path.parent.mkdir(parents=True, exist_ok=True)
            found.save(path)
            # the expert took it to its device; the deployed network may go on from it
            network.cpu()
        if found.speaks.any():
            self.k = self.k or int(found.leaves.shape[1])
        return found

    def _measured_k(self, expert: MosaicExpert, positions: NDArray[np.int64]) -> int:
        rng = np.random.default_rng(self.config.seed)
        some = predict_positions(expert, self.data.catalog, rng.permutation(positions)[:MEASURED])
        inference = self.config.inference
        if not some.speaks.any():
            return inference.max_leaves
        dense = some.dense(np.flatnonzero(some.speaks), len(self.data.tree))[:, some.support]
        return choose_k(dense, inference.coverage, inference.max_leaves)

    def _expert(self, network: MosaicNetwork) -> MosaicExpert:
        return MosaicExpert(
            next(iter(families({self.view: network}))),
            {self.view: network},
            self.config,
            k={self.view: len(network.support)},
            taxonomy=self.data.tree.fingerprint,
            plan=self.data.plan.plan_id,
            partial=True,
        )

    def write_page(self, held_out: Probabilities, truth: NDArray[np.int64], network: MosaicNetwork) -> None:
        """`training.html` in the run folder."""
        plan = self.data.plan
        positions = products_of_view(self.data, plan.training_positions(0), self.view)
        rng = np.random.default_rng(self.config.seed)
        some = self._examples(rng.permutation(positions)[:N_SAMPLES], network.support.numpy())
        write_training_page(
            self.run.folder / "training.html",
            title=f"Training: {self.view.title}",
            facts={
                "catalogue": self.data.catalog.name,
                "plan": plan.plan_id,
                "code": self.run.revision,
                "starting run": self.start.folder.name if self.start else None,
                "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
                "seconds": round(sum(record.seconds for record in self.history)),
                "config": self.config.model_dump(),
            },
            history=self.history,
            held_out=held_out,
            truth=truth,
            tree=self.data.tree,
            samples=training_samples(self.data.catalog, some, self.config, self.data.tree, network.support.numpy()),
        )


def checkpoints_folder(workspace: Workspace, run: Run) -> Path:
    """Where a run's unfinished work lies: outside the run folder, which never holds a pickle."""
    return workspace.folder / "checkpoints" / run.folder.name


def predict_positions(
    expert: MosaicExpert,
    catalog: Catalog,
    positions: NDArray[np.int64],
    progress: Progress | None = None,
) -> Probabilities:
    """Probabilities of catalogue positions, chunk by chunk; an empty selection gives no rows."""

    def predicted(products: list[Product]) -> Probabilities:
        return expert.predict(products, load_photos(products, expert.config.photo_size, expert.config.max_pixels))

    parts = [predicted(products) for _, products in catalog.batches(CHUNK, progress, positions)]
    return concatenate(parts or [predicted([])])
