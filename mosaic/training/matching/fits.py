"""The fits of a run that learns to match: which photos they see, and what they are told of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.product_text import parted
from mosaic.config import TrainingConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.batches import Examples, occurrence
from mosaic.training.cross_fitting import CrossFitting, checkpoints_folder
from mosaic.training.learner import FitTask
from mosaic.training.matching.attributes import TitleAttributes, mined_attributes
from mosaic.training.matching.batches import WithinLeafSampler
from mosaic.training.matching.groups import ALONE, PhotoGroups
from mosaic.training.matching.losses import GroupVectors, MatchingObjective, PhotoMemory
from mosaic.training.matching.recall import Searches, drawn_searches
from mosaic.training.matching.told_apart import share_told_apart
from mosaic.training.matching.vectors import photo_vectors

log = logging.getLogger(__name__)
PHOTOS_OF_GROUP = 4
"""That are looked at before a fit, at most: the mean of more is hardly another one."""
MAX_LOOKED_AT = 20_000
"""Photos that are looked at where groups have no vectors of their own, which would need all means."""
_GROUPS, _DISTRACTORS = 101, 102


@dataclass
class MatchingFits(CrossFitting):
    """Each begins with a look at its photos by the network that it starts from.

    Groups of one leaf are the hardest negatives of each other, and the riskiest: two groups may be one product that
    two sellers have photographed, and be driven apart. Where the look cannot tell a leaf's groups apart at all, they
    are made one (`MatchingConfig.told_apart`); a rare such pair in a leaf of different products is not found out.

    Attributes:
        looked_at: what the look has found, a sentence for each fit by its name.
    """

    looked_at: dict[str, str] = field(default_factory=dict)

    def training_from(self, initial: MosaicNetwork | None) -> TrainingConfig:
        """As a specialist's, for as long and as fast as matching is learnt."""
        matching = self.config.matching
        return self.config.specialist.model_copy(update={
            "head_epochs": 0, "epochs": matching.epochs, "lr": matching.lr, "head_lr": matching.head_lr,
            # no labels are mixed, no product is set aside, and photos stay those of their product
            "mixup": 0.0, "cutmix": 0.0, "validation": 0.0, "patience": None, "reassembly": 0.0,
        })  # fmt: skip

    def shaped(self, task: FitTask, network: MosaicNetwork) -> FitTask:
        """The task with the photos, the batches and the loss of matching."""
        products = np.unique(task.examples.positions)
        groups = PhotoGroups.of(self.data.catalog, products, self.data.plan.max_copies)
        groups, means = self._looked_at(task.name, groups, network)
        matching, leaf = self.config.matching, self.data.leaf[groups.positions]
        # what is seen of products whose photos are all alike
        wanted = groups.together if not matching.alone else np.ones(len(groups.group), bool)
        shown = groups.select(wanted)
        examples = Examples(
            shown.positions, np.searchsorted(network.support.numpy(), leaf[wanted]),
            self.data.catalog.n_images[shown.positions], np.ones(len(shown.places), np.int8), shown.places,
        )  # fmt: skip
        sampler = partial(
            WithinLeafSampler, group=shown.group, photos_per_leaf=matching.photos_per_leaf, alone=matching.alone
        )
        products, first = np.unique(groups.positions, return_index=True)
        # photos of one product are of one group, but for those without another one
        of_product = np.full(len(products), ALONE)
        np.maximum.at(of_product, np.searchsorted(products, groups.positions), groups.group)
        margin, scale, width = matching.margin, matching.scale, network.head.in_features
        learnt = (
            PhotoMemory(matching.memory, width, margin, scale) if means is None else GroupVectors(means, margin, scale)
        )
        objective = MatchingObjective(
            matching, products, of_product, leaf[first], self._attributes(products), learnt, width
        )
        return replace(task, examples=examples, sampler=sampler, objective=objective)

    def _looked_at(
        self, name: str, groups: PhotoGroups, network: MosaicNetwork
    ) -> tuple[PhotoGroups, NDArray[np.float32] | None]:
        """The groups, those of a leaf that is one product made one, and `(G, D)` where each begins; None for many."""
        config, rng = self.config.matching, np.random.default_rng((self.config.seed, _GROUPS))
        many = groups.n_groups > config.max_groups
        order = rng.permutation(np.flatnonzero(groups.together))
        # groups in random order, their photos one after the other
        order = order[np.argsort(rng.permutation(groups.n_groups)[groups.group[order]], kind="stable")]
        order = order[occurrence(groups.group[order]) < PHOTOS_OF_GROUP]
        looked = np.sort(order[:MAX_LOOKED_AT] if many else order)
        with self.bar("look at the groups") as progress:
            vectors = photo_vectors(
                network, self.config, self.data.catalog, groups.positions[looked], groups.places[looked], progress
            ).astype(np.float32)
        leaf = self.data.leaf[groups.positions]
        apart = share_told_apart(
            vectors, groups.group[looked], leaf[looked], self.data.tree.ancestor(self.data.tree.levels[0]), rng
        )
        # a shelf of which no photo tells: nothing speaks against its groups
        same = np.nan_to_num(apart, nan=1.0) < config.told_apart
        joined = groups.joined(np.where(same[leaf], leaf, ALONE))
        if distributed.is_main():
            path = self._same_leaves_file(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            save_arrays(path, {"same": same})
            present, n_together = np.unique(leaf), int(joined.together.sum())
            self.looked_at[name] = (
                f"{n_together:,} photos in {joined.n_groups:,} groups, {len(leaf) - n_together:,} photos alone; "
                f"{int(same[present].sum()):,} of {len(present):,} categories taken for one product each"
            )
            log.info("%s: %s", name, self.looked_at[name])
        if joined.n_groups > config.max_groups:
            return joined, None
        means = rng.normal(0, 1e-3, (joined.n_groups, vectors.shape[1])).astype(np.float32)
        np.add.at(means, joined.group[looked], vectors)
        return joined, means / np.linalg.norm(means, axis=1, keepdims=True)

    def _same_leaves_file(self, name: str) -> Path:
        """`(L,)` bool: the leaves that are one product, as the look before a fit has found; for its recall, too."""
        return checkpoints_folder(self.workspace, self.run) / f"same-leaves-{name.replace(' ', '-')}.safetensors"

    def _attributes(self, products: NDArray[np.int64]) -> TitleAttributes:
        """Words that tell the products of a leaf apart, none without titles or where they are not asked for."""
        config, catalog = self.config.matching, self.data.catalog
        leaf = self.data.leaf[products]
        if not config.attributes or not catalog.has_texts:
            return mined_attributes(lambda row: "", leaf, config.attributes_per_leaf)
        texts = catalog.titles()
        return mined_attributes(lambda row: parted(texts[int(products[row])])[0], leaf, config.attributes_per_leaf)

    def recalls(self, part: int, plain: MosaicNetwork, learnt: MosaicNetwork) -> NDArray[np.float64]:
        """`(Q, 2)` recall at 10 of each search for a held-out product, by both networks, which never saw it.

        Its first photo searches for its others, and for those of products that share a photo with it, among all
        held-out photos and some that are not held out. Equal photos are one: they would be found by any vectors.
        """
        catalog, plan = self.data.catalog, self.data.plan
        held_out = PhotoGroups.of(catalog, plan.held_out_positions(part), plan.max_copies)
        others = PhotoGroups.of(catalog, plan.training_positions(part), plan.max_copies)
        path = self._same_leaves_file(f"part {part}")
        same = load_arrays(path, {"same": ArraySpec(np.bool_, ("L",))}, what="leaves of one product")["same"]
        leaf = self.data.leaf[held_out.positions]
        held_out = held_out.joined(np.where(same[leaf], leaf, ALONE))
        rng = np.random.default_rng((self.config.seed, _DISTRACTORS, part))
        query, kept = drawn_searches(held_out.positions, held_out.group, rng)
        held_out = held_out.select(kept)
        # others of a leaf that is one product are to be found themselves
        usable = np.flatnonzero(~same[self.data.leaf[others.positions]])
        drawn = np.sort(rng.permutation(usable)[: self.config.matching.distractors])
        positions = np.concatenate([held_out.positions, others.positions[drawn]])
        places = np.concatenate([held_out.places, others.places[drawn]])
        group = np.concatenate([held_out.group, np.full(len(drawn), ALONE)])
        searches = Searches(query, group)
        recalls = []
        for network in (plain, learnt):
            with self.bar("search for held-out products") as progress:
                vectors = photo_vectors(network, self.config, catalog, positions, places, progress)
            recalls.append(searches.recalls(vectors))
        return np.column_stack(recalls)
