"""`mosaic train`: held-out probabilities and the deployed network of one view, as a run folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics import score_probabilities, summarize
from catalog.photo_branch import ANY, View, families
from catalog.plan import Plan, linked_by_copies
from catalog.probabilities import Probabilities, choose_k, concatenate
from catalog.run import Run
from catalog.taxonomy import Taxonomy
from catalog.training_data import TrainingData
from catalog.workspace import Workspace
from mosaic import team
from mosaic.augment import uniforms
from mosaic.batches import Examples
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.expert import MosaicExpert, load_photos
from mosaic.fit import FitTask, fit
from mosaic.history import EpochRecord, history_csv, read_history
from mosaic.loss import parents_of
from mosaic.network import MosaicNetwork
from mosaic.samples import training_samples
from mosaic.training_page import write_training_page
from mosaic.unfinished import begin_or_resume, finish

log = logging.getLogger(__name__)
Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
CHUNK = 256
N_SAMPLES = 12
MEASURED = 1000
"""Held-out products on which k is measured."""
_VALIDATION = 3
"""Stream of random numbers that sets products aside for early stopping."""


class TooFewProducts(ValueError):
    """A view has too few products for a network of its own."""


def train(
    workspace: Workspace, config: MosaicConfig, view: View, init_from: Path | None, bar: Bar, *, resume: bool = False
) -> Run:
    """Train the network of one view under the workspace's plan.

    Every held-out part is predicted by a network that never saw it; these probabilities are saved in the run. The
    deployed network has learnt from every product: with one held-out part, the general network goes on from the one
    that was measured (as a specialist would); in folds, and for specialists, it is fitted like those of the parts.
    `init_from`: a run whose networks are the start, part by part. `resume`: go on with the unfinished run of the same
    plan, view and configuration, or give back the finished one.

    Raises:
        TooFewProducts: the view has fewer than `config.min_products` training products in a part.
        ValueError: `init_from` was trained under another plan, so it may have seen what is held out here.
    """
    data = TrainingData.of(workspace)
    plan, tree = data.plan, data.tree
    for part in plan.held_out_parts:
        available = len(_of_view(data, plan.training_positions(part), view))
        if available < config.min_products:
            raise TooFewProducts(
                f"{available} training products with such photos (min_products is {config.min_products}): "
                "the general network serves them"
            )
    start = None if init_from is None else _starting_run(init_from, plan, tree)
    team.join()
    run, finished = begin_or_resume(workspace, config, view, start, data, resume=resume)
    if finished:
        return run
    job = _Job(data, config, view, run, start, bar, workspace, read_history(run.folder / "history.csv"))
    held_out: list[Probabilities] = []
    for part in plan.held_out_parts:
        network = job.fitted(part, _initial(start, config, part))
        if team.is_leader():
            held_out.append(job.held_out(part, network, held_out))
    initial = network if plan.mode == "heldout" and start is None else _initial(start, config, None)
    deployed = job.fitted(None, initial)
    if team.is_leader():
        probabilities = concatenate(held_out)
        probabilities.save(run.folder / "heldout.safetensors")
        run.details["k"] = int(probabilities.leaves.shape[1])
        truth = data.truth(probabilities.product_ids)
        run.metrics = summarize(score_probabilities(probabilities, truth, tree))
        job.write_page(probabilities, truth, deployed)
        finish(workspace, run, view)
    return run


def _of_view(
    data: TrainingData, positions: NDArray[np.int64], view: View, *, borrow: bool = False
) -> NDArray[np.int64]:
    """Positions of products of which the view's network sees at least one photo."""
    counts = data.catalog.n_images[positions]
    shown = [any(view.shows(photo) for photo in range(n)) if view.rank else n > 0 for n in range(5)]
    fitting = (counts >= view.n_images) if borrow else (counts == view.n_images)
    return positions[np.array(shown)[counts] & (fitting | (view.n_images == ANY))]


def _starting_run(folder: Path, plan: Plan, tree: Taxonomy) -> Run:
    run = Run.load(folder, "mosaic")
    run.check_tree(tree, "the workspace's")
    if run.plan != plan.plan_id:
        raise ValueError(
            f"--init-from {folder}: trained under plan {run.plan}, this workspace has {plan.plan_id}; "
            "it may have learnt from products that are held out here. Train it again under this plan"
        )
    return run


def _initial(start: Run | None, config: MosaicConfig, part: int | None) -> MosaicNetwork | None:
    """The starting run's network that never saw `part` (None: the deployed one)."""
    return None if start is None else load_network(start, config, part)


def load_network(run: Run, config: MosaicConfig, part: int | None = None) -> MosaicNetwork:
    """The deployed network of a run, or the one that never saw `part`."""
    return MosaicNetwork.load(run.folder / _weights_name(part), config.backbone)


def _weights_name(part: int | None) -> str:
    return "weights.safetensors" if part is None else f"weights-part{part}.safetensors"


@dataclass
class _Job:
    """The fits of one run, each of which may have been done before a kill."""

    data: TrainingData
    config: MosaicConfig
    view: View
    run: Run
    start: Run | None
    bar: Bar
    workspace: Workspace
    history: list[EpochRecord] = field(default_factory=list)

    def fitted(self, part: int | None, initial: MosaicNetwork | None) -> MosaicNetwork:
        """Fit on everything but `part` (None: on everything), from `initial` or from the backbone's weights."""
        path = self.run.folder / _weights_name(part)
        if path.is_file():
            return load_network(self.run, self.config, part)
        training = self.config.training if initial is None else self.config.specialist
        positions = _of_view(self.data, self.data.plan.training_positions(part), self.view, borrow=training.borrow)
        positions, aside = self._set_aside(positions, training)
        network = self._new_network(positions, initial)
        name = "deployed" if part is None else f"part {part}"
        checkpoint = checkpoints_folder(self.workspace, self.run) / f"{name.replace(' ', '-')}.pt"
        support = network.support.numpy()
        with self.bar(f"train {self.view.title}" + ("" if part is None else f" (without part {part})")) as progress:
            task = FitTask(
                name, self._examples(positions, support), training,
                parents=parents_of(self.data.tree, support),
                validation=self._examples(aside, support) if len(aside) else None,
                checkpoint=checkpoint,
                logs=self.workspace.folder / "logs" / self.run.folder.name,
            )  # fmt: skip
            self.history += fit(network, self.data.catalog, task, self.config, progress)
        if team.is_leader():
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
        group, _ = linked_by_copies(self.data.catalog, positions, self.data.plan.max_copies)
        chance = uniforms(1, self.config.seed, _VALIDATION, np.arange(group.max() + 1))[:, 0]
        aside = chance[group] < training.validation
        # a leaf is never set aside whole
        aside &= np.isin(self.data.leaf[positions], self.data.leaf[positions[~aside]])
        return positions[~aside], positions[aside]

    def _new_network(self, positions: NDArray[np.int64], initial: MosaicNetwork | None) -> MosaicNetwork:
        leaves, counts = np.unique(self.data.leaf[positions], return_counts=True)
        backbone = self.config.backbone
        if initial is not None:
            # the new network goes on naming every leaf that the first one knows
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

    def held_out(self, part: int, network: MosaicNetwork, earlier: list[Probabilities]) -> Probabilities:
        """Probabilities of one held-out part by the network that never saw it."""
        path = checkpoints_folder(self.workspace, self.run) / f"heldout-part{part}.safetensors"
        if path.is_file():
            return Probabilities.load(path)
        positions = _of_view(self.data, self.data.plan.held_out_positions(part), self.view)
        expert = self._expert(network)
        if earlier:
            # k is measured on the first held-out part and kept for the others
            expert.k[self.view] = earlier[0].leaves.shape[1]
        elif len(positions):
            rng = np.random.default_rng(self.config.seed)
            some = predict_positions(expert, self.data.catalog, rng.permutation(positions)[:MEASURED])
            dense = some.dense(np.flatnonzero(some.speaks), len(self.data.tree))[:, some.support]
            inference = self.config.inference
            expert.k[self.view] = choose_k(dense, inference.coverage, inference.max_leaves)
        with self.bar("held-out part") as progress:
            found = predict_positions(expert, self.data.catalog, positions, progress)
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(path)
        return found

    def _expert(self, network: MosaicNetwork) -> MosaicExpert:
        return MosaicExpert(
            next(iter(families({self.view: network}))),
            {self.view: network},
            self.config,
            k={self.view: len(network.support)},
            taxonomy=self.data.tree.fingerprint,
            plan=self.data.plan.plan_id,
        )

    def write_page(self, held_out: Probabilities, truth: NDArray[np.int64], network: MosaicNetwork) -> None:
        """`training.html` in the run folder."""
        plan = self.data.plan
        positions = _of_view(self.data, plan.training_positions(0), self.view)
        rng = np.random.default_rng(self.config.seed)
        some = self._examples(rng.permutation(positions)[:N_SAMPLES], network.support.numpy())
        write_training_page(
            self.run.folder / "training.html",
            title=f"Training: {self.view.title}",
            facts={
                "catalogue": self.data.catalog.path.name,
                "plan": plan.plan_id,
                "code": self.run.revision,
                "starting run": self.run.details["init_from"],
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
    progress: Callable[[int, int], None] | None = None,
) -> Probabilities:
    """Probabilities of catalogue positions, chunk by chunk; an empty selection gives no rows."""
    parts = []
    for start in range(0, max(len(positions), 1), CHUNK):
        products = [catalog[int(i)] for i in positions[start : start + CHUNK]]
        photos = load_photos(products, expert.config.photo_size, expert.config.max_pixels)
        parts.append(expert.predict(products, photos))
        if progress is not None:
            progress(min(start + CHUNK, len(positions)), len(positions))
    return concatenate(parts)
