"""The fits of a run whose backbone stays as it is: a head for each held-out part and one for all, from one look."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.probabilities import Probabilities, Silence
from catalog.reports.page import Section
from mosaic import linear_limits
from mosaic.networks.deployed import deployed
from mosaic.networks.network import MosaicNetwork
from mosaic.run_files import weights_name
from mosaic.training import distributed
from mosaic.training.augment import uniforms
from mosaic.training.batches import leaf_limits, occurrence
from mosaic.training.cross_fitting import Answers, CrossFitting, products_of_view
from mosaic.training.frozen_features import FrozenFeatures, look_at
from mosaic.training.head_history import DEPLOYED, HeadRecord, head_history_csv, read_head_history
from mosaic.training.head_page import heads_section
from mosaic.training.linear_head import FittedHead, LinearHead, ShownMosaics, Strength, fit_head, probabilities
from mosaic.views import ANY, View, families

_LIMITS = 4
"""Stream of random numbers that draws products of large leaves."""


class OneHeadForAll(ValueError):
    """A linear head is not made for one image count."""


def require_linear(view: View, n_products: int, n_leaves: int) -> None:
    """Refuse, with the way out, where a head on frozen features is not made.

    `n_products`, `n_leaves`: that would be learnt from.

    Raises:
        OneHeadForAll: a view of one image count.
        ValueError: too many products.
    """
    if view.n_images != ANY:
        # of the same frozen backbone: a head of fewer products would only be less sure
        raise OneHeadForAll(
            "method is linear, which fits one head for all image counts: the general network serves them (a specialist "
            "learns with --set method=fine-tune)"
        )
    if not linear_limits.is_small_enough(n_products, n_leaves):
        raise ValueError(
            "method is linear, which is for small catalogues: up to "
            f"{linear_limits.MAX_PRODUCTS:,} products, and up to {linear_limits.MAX_LEAVES_OF_PRODUCTS:,} for products "
            f"times categories; here are {n_products:,} in {n_leaves:,}. "
            "Train with --set method=fine-tune, which gains most from many"
        )


@dataclass
class LinearFits(CrossFitting):
    """Each fit finds a head for what the frozen backbone sees of the mosaics of prediction.

    Attributes:
        heads: how the heads that are done were chosen; seen: what other fits of these products have looked at.
    """

    heads: list[HeadRecord] = field(default_factory=list)
    seen: FrozenFeatures | None = None

    def __post_init__(self) -> None:
        """Take up what was done before a kill."""
        self.heads = read_head_history(self.heads_file)

    @property
    def heads_file(self) -> Path:
        """Where it is kept how heads were chosen."""
        return self.folder / "heads.csv"

    def fit_without(self, part: int | None, initial: MosaicNetwork | None) -> MosaicNetwork:
        """Find the head of everything but `part` (None: of everything), whatever there was before."""
        path = self.folder / weights_name(part)
        if not distributed.finds(path):
            if distributed.is_main():
                self._fit(part, path)
            # the others have nothing to do meanwhile
            distributed.barrier()
        return MosaicNetwork.load(path, self.config.backbone)

    def _fit(self, part: int | None, path: Path) -> None:
        begun = time.monotonic()
        positions = products_of_view(self.data, self.data.plan.training_positions(part), self.view)
        network = self._new_network(positions, None)
        name = DEPLOYED if part is None else f"part {part}"
        shown = self._shown(self._drawn(positions), network.support.numpy())
        with self.bar(f"fit {self.view.title}" + ("" if part is None else f" (without part {part})")) as progress:
            strength = self._strength_of_parts() if part is None else None
            fitted = fit_head(shown, len(network.support), self.config.seed, progress, strength)
        with torch.no_grad():
            network.head.weight.copy_(torch.from_numpy(fitted.head.weight))
            network.head.bias.copy_(torch.from_numpy(fitted.head.bias))
        records = _records(name, fitted, time.monotonic() - begun)
        self.heads = [record for record in self.heads if record.fit != name] + records
        path.parent.mkdir(parents=True, exist_ok=True)
        head_history_csv(self.heads_file, self.heads)
        network.save(path)

    def _strength_of_parts(self) -> Strength | None:
        """What the parts' heads have chosen: what was measured is deployed, and nothing is searched for once more."""
        chosen = [record for record in self.heads if record.chosen and record.fit != DEPLOYED]
        return Strength.between([Strength(each.c, each.temperature) for each in chosen]) if chosen else None

    @cached_property
    def features(self) -> FrozenFeatures:
        """What the backbone sees of each product that is learnt from or held out, looked at once for all fits."""
        if self.seen is not None:
            return self.seen
        positions = self._needed()
        # made as those of the fits are, so that random weights are the same ones; the head is asked for nothing
        network = self._new_network(positions, None).eval()
        backbone = deployed(network, self.config.inference, self.config.photo_size)
        folder = self.unfinished / "features"
        with self.bar(f"look at {self.view.title}") as progress:
            return look_at(
                self.data.catalog, positions, self.view, backbone.backend, self.config, folder, progress
            )  # fmt: skip

    def _needed(self) -> NDArray[np.int64]:
        """Rising positions of what is learnt from or asked about in some fit."""
        plan = self.data.plan
        everything = np.sort(products_of_view(self.data, plan.positions, self.view))
        if self.config.method == "auto":
            # of the products that are set aside others are drawn, too
            return everything
        learnt = [self.data.plan.training_positions(part) for part in (*plan.held_out_parts, None)]
        drawn = [self._drawn(products_of_view(self.data, positions, self.view)) for positions in learnt]
        asked = [plan.held_out_positions(part) for part in plan.held_out_parts]
        return everything[np.isin(everything, np.concatenate([*drawn, *asked]))]

    def _drawn(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `(n,)` positions that are learnt from: of large leaves as many as an epoch would show, the same ones
        in every fit as far as they are not held out."""
        support, labels = np.unique(self.data.leaf[positions], return_inverse=True)
        limits = leaf_limits(self.config.training, self.data.tree, support)
        chance = uniforms(1, self.config.seed, _LIMITS, self.data.catalog.product_ids[positions])[:, 0]
        order = np.argsort(chance, kind="stable")
        return np.sort(positions[order[occurrence(labels[order]) < limits[labels[order]]]])

    def _shown(self, positions: NDArray[np.int64], support: NDArray[np.int64]) -> ShownMosaics:
        """Those of `(n,)` positions of which something can be seen."""
        rows, owner = self.features.passes_of(positions)
        seen, owner = np.unique(owner, return_inverse=True)
        if not len(seen):
            raise ValueError(
                f"{self.data.catalog.name}: no photo of its {len(positions):,} products can be read: "
                "`catalog check` says why"
            )
        everything, first_of_group = self.copy_groups
        of_product = first_of_group[np.searchsorted(everything, positions[seen])]
        labels = np.searchsorted(support, self.data.leaf[positions[seen]])
        return ShownMosaics(self.features.vectors[rows], owner, labels, of_product)

    @property
    def seconds(self) -> float:
        """That the fits took; each head has a row for all that was tried."""
        return super().seconds + sum({record.fit: record.seconds for record in self.heads}.values())

    def sections(self) -> list[Section]:
        """How the heads were chosen."""
        return [heads_section(self.heads)]

    def answers_of(self, network: MosaicNetwork) -> Answers:
        """What a network says of products, from what was seen of them."""
        head = LinearHead(network.head.weight.detach().numpy(), network.head.bias.detach().numpy())
        return _HeadAnswers(self, network, head)


@dataclass(frozen=True)
class _HeadAnswers:
    """As `MosaicExpert` answers, without looking at the photos again."""

    fits: LinearFits
    network: MosaicNetwork
    head: LinearHead

    def __call__(self, positions: NDArray[np.int64], k: int, progress: Progress | None = None) -> Probabilities:
        data, features, view = self.fits.data, self.fits.features, self.fits.view
        rows, owner = features.passes_of(positions)
        support, frequency = self.network.support.numpy(), self.network.frequency.numpy()
        how = self.fits.config.inference.average
        dense = probabilities(self.head.logits(features.vectors[rows]), owner, len(positions), how)
        n_readable = features.readable_of(positions)
        silence = np.where(n_readable == 0, Silence.UNREADABLE, Silence.NO_NETWORK)
        silence[owner] = Silence.SPEAKS
        if progress is not None:
            progress(len(positions), len(positions))
        return Probabilities.from_dense(
            next(iter(families({view: self.network}))), data.catalog.product_ids[positions], n_readable, dense,
            silence.astype(np.uint8), support=support.astype(np.int32), frequency=frequency, k=k,
            taxonomy=data.tree.fingerprint, plan=data.plan.plan_id,
        )  # fmt: skip


def _records(name: str, fitted: FittedHead, seconds: float) -> list[HeadRecord]:
    """A row for each C that was tried; where nothing was judged, one for its own."""
    rows: list[tuple[float, float | None, float | None]]
    rows = [(trial.c, trial.log_loss, trial.accuracy) for trial in fitted.trials] or [(fitted.strength.c, None, None)]
    return [
        HeadRecord(
            name, fitted.n, len(fitted.head.bias), c, log_loss, accuracy,
            chosen=c == fitted.strength.c, temperature=fitted.strength.temperature, seconds=seconds,
        )
        for c, log_loss, accuracy in rows
    ]  # fmt: skip
