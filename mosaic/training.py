"""`mosaic train`: held-out probabilities and the deployed network of one image count, as a run folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics import score_probabilities, summarize
from catalog.photo_branch import ANY, NAME
from catalog.plan import Plan
from catalog.probabilities import Probabilities, choose_k, concatenate
from catalog.run import Run
from catalog.taxonomy import Taxonomy
from catalog.training_data import TrainingData
from catalog.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.dataset import Examples
from mosaic.expert import MosaicExpert, load_photos
from mosaic.fit import fit
from mosaic.network import MosaicNetwork

log = logging.getLogger(__name__)
Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
CHUNK = 256
MEASURED = 1000
"""Held-out products on which k is measured."""


class TooFewProducts(ValueError):
    """An image count has too few products for a network of its own."""


def _of_count(data: TrainingData, positions: NDArray[np.int64], n_images: int) -> NDArray[np.int64]:
    """Positions of products with so many photos; all for the general network."""
    return positions if n_images == ANY else positions[data.catalog.n_images[positions] == n_images]


def train(workspace: Workspace, config: MosaicConfig, n_images: int, init_from: Path | None, bar: Bar) -> Run:
    """Train the network for `n_images` photos (`ANY` = 0: the general one) under the workspace's plan.

    Every held-out part is predicted by a network that never saw it; these probabilities are saved in the run. The
    deployed network has learnt from every product: with one held-out part, the general network goes on from the one
    that was measured (as a specialist would); in folds, and for specialists, it is fitted like those of the parts.
    `init_from`: a run whose networks are the start, part by part.

    Raises:
        TooFewProducts: the count has fewer than `config.min_products` training products in a part.
        ValueError: `init_from` was trained under another plan, so it may have seen what is held out here.
    """
    data = TrainingData.of(workspace)
    plan, tree = data.plan, data.tree
    for part in plan.held_out_parts:
        available = len(_of_count(data, plan.training_positions(part), n_images))
        if available < config.min_products:
            raise TooFewProducts(
                f"{available} training products with {n_images} photos (min_products is {config.min_products}): "
                "the general network serves this count"
            )
    start = None if init_from is None else _starting_run(init_from, plan, tree)
    slot = str(n_images) if n_images else "any"
    run = Run.create(
        workspace.folder, "mosaic", f"mosaic-{slot}",
        plan=plan.plan_id, data=plan.data, config=config.model_dump(), tree=tree,
    )  # fmt: skip
    run.details = {"n_images": n_images, "init_from": init_from.name if init_from else None}
    held_out: list[Probabilities] = []
    for part in plan.held_out_parts:
        network = _fit_part(data, config, n_images, part, _initial(start, config, part), bar)
        network.save(run.folder / f"weights-part{part}.safetensors")
        with bar("held-out part") as progress:
            held_out.append(_predict_part(data, config, n_images, part, network, held_out, progress))
    initial = network if plan.mode == "heldout" and start is None else _initial(start, config, None)
    _fit_part(data, config, n_images, None, initial, bar).save(run.folder / "weights.safetensors")
    probabilities = concatenate(held_out)
    probabilities.save(run.folder / "heldout.safetensors")
    run.details["k"] = int(probabilities.leaves.shape[1])
    run.metrics = _held_out_metrics(data, probabilities)
    run.save()
    workspace.register(run, slot)
    return run


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


def _fit_part(
    data: TrainingData,
    config: MosaicConfig,
    n_images: int,
    part: int | None,
    initial: MosaicNetwork | None,
    bar: Bar,
) -> MosaicNetwork:
    """Fit on everything but `part` (None: on everything), from `initial` or from the backbone's weights."""
    positions = _of_count(data, data.plan.training_positions(part), n_images)
    training = config.training if initial is None else config.specialist
    leaves, counts = np.unique(data.leaf[positions], return_counts=True)
    if initial is not None:
        # the new network goes on naming every leaf that the first one knows
        known = initial.support.numpy()
        counts_of = dict(zip(leaves.tolist(), counts.tolist(), strict=True))
        leaves = np.union1d(leaves, known)
        general = dict(zip(known.tolist(), initial.frequency.tolist(), strict=True))
        counts = np.array([counts_of.get(leaf, 0) + general.get(leaf, 0.0) for leaf in leaves.tolist()])
    # the head's first weights are drawn here, the rest of the randomness is seeded by the loop
    torch.manual_seed(config.seed)
    network = MosaicNetwork(
        config.backbone if initial is None else config.backbone.model_copy(update={"weights": "random"}),
        leaves,
        counts / counts.sum(),
    )
    if initial is not None:
        network.start_from(initial)
    labels = np.searchsorted(leaves, data.leaf[positions])
    name = f"train {'any' if n_images == ANY else n_images}" + ("" if part is None else f" (without part {part})")
    with bar(name) as progress:
        examples = Examples(positions, labels, data.catalog.n_images[positions])
        return fit(network, data.catalog, examples, config, training, progress)


def load_network(run: Run, config: MosaicConfig, part: int | None = None) -> MosaicNetwork:
    """The deployed network of a run, or the one that never saw `part`."""
    name = "weights.safetensors" if part is None else f"weights-part{part}.safetensors"
    return MosaicNetwork.load(run.folder / name, config.backbone)


def _predict_part(
    data: TrainingData,
    config: MosaicConfig,
    n_images: int,
    part: int,
    network: MosaicNetwork,
    earlier: list[Probabilities],
    progress: Callable[[int, int], None],
) -> Probabilities:
    positions = _of_count(data, data.plan.held_out_positions(part), n_images)
    expert = MosaicExpert(
        NAME if n_images else "general",
        {n_images: network},
        config,
        k={n_images: len(network.support)},
        taxonomy=data.tree.fingerprint,
        plan=data.plan.plan_id,
    )
    if earlier:
        # k is measured on the first held-out part and kept for the others
        expert.k[n_images] = earlier[0].leaves.shape[1]
    elif len(positions):
        rng = np.random.default_rng(config.seed)
        some = predict_positions(expert, data.catalog, rng.permutation(positions)[:MEASURED])
        rows = np.flatnonzero(some.speaks)
        dense = some.dense(rows, len(data.tree))[:, some.support]
        expert.k[n_images] = choose_k(dense, config.inference.coverage, config.inference.max_leaves)
    return predict_positions(expert, data.catalog, positions, progress)


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


def _held_out_metrics(data: TrainingData, held_out: Probabilities) -> dict[str, dict[str, object]]:
    return summarize(score_probabilities(held_out, data.truth(held_out.product_ids), data.tree))
