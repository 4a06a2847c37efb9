"""The mosaic runs that make up the image branch: networks by what they see of a product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from catalog.files.progress import in_batches
from catalog.probabilities import Probabilities, Silence, concatenate
from catalog.runs.config import STRICT
from catalog.runs.run import Run
from catalog.runs.workspace import NEXT_COMMAND, Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.expert import MosaicExpert, average
from mosaic.inference.outputs import Backend
from mosaic.networks.weights import load_network
from mosaic.views import View, families, latest_runs, merge_by_count, passes

ROWS = 1024


@dataclass(frozen=True)
class MosaicDetails:
    """Details of a mosaic run.

    Attributes:
        n_images, rank: see `View`.
        init_from: folder name of the run whose networks were the start, None for the backbone's weights.
        identity: hash of plan, view, starting run and configuration, by which a killed run is found again.
        k: leaves that saved probabilities keep.
    """

    n_images: int
    rank: str
    init_from: str | None
    identity: str
    k: int
    __pydantic_config__ = STRICT

    @property
    def view(self) -> View:
        """What the network sees of a product."""
        return View(self.n_images, self.rank)


@dataclass(frozen=True)
class MosaicRuns:
    """Runs by what their network sees, all of one plan and tree."""

    views: dict[View, Run]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> MosaicRuns:
        """Group runs by what they were trained for.

        Raises:
            ValueError: no run, or runs of different plans.
        """
        if not runs:
            raise ValueError(f"no mosaic run: run `{NEXT_COMMAND['mosaic']}` first")
        plans = sorted({run.plan for run in runs})
        if len(plans) > 1:
            raise ValueError(f"mosaic runs of different plans ({', '.join(plans)}): train them under one")
        return cls._checked({run.details_as(MosaicDetails).view: run for run in runs})

    @classmethod
    def latest(cls, workspace: Workspace) -> MosaicRuns:
        """The workspace's latest network of every kind; FileNotFoundError names the next command."""
        return cls._checked(latest_runs(workspace))

    @classmethod
    def _checked(cls, views: dict[View, Run]) -> MosaicRuns:
        """Refuse networks that look at photos in different ways: they are decoded once for all."""
        first = next(iter(views.values()))
        wanted = first.config(MosaicConfig)
        for run in views.values():
            config = run.config(MosaicConfig)
            for key in ("photo_size", "layout", "max_pixels", "inference"):
                if getattr(config, key) != getattr(wanted, key):
                    raise ValueError(
                        f"{first.folder} and {run.folder} were trained with different {key} "
                        f"({getattr(wanted, key)} and {getattr(config, key)}): train them with one configuration"
                    )
        return cls(views)

    def experts(self, suffix: str = "") -> list[MosaicExpert]:
        """Every expert that these networks make up, see `mosaic.views.FAMILIES`; `suffix` ends their names."""
        first = next(iter(self.views.values()))
        tree, plan = first.taxonomy().fingerprint, first.plan
        networks = {view: load_network(run, run.config(MosaicConfig)) for view, run in self.views.items()}
        experts: list[MosaicExpert] = []
        backends: dict[View, Backend] = {}
        for name, own in families(self.views).items():
            experts.append(
                MosaicExpert(
                    name + suffix,
                    {view: networks[view] for view in own},
                    self.views[own[0]].config(MosaicConfig),
                    k={view: self.views[view].details_as(MosaicDetails).k for view in own},
                    taxonomy=tree,
                    plan=plan,
                    # the general network is a member of two experts: it is converted once
                    backends={view: backends[view] for view in own} if backends.keys() >= set(own) else None,
                )
            )
            backends |= experts[-1].backends
        return experts

    def held_out(self, suffix: str = "") -> list[Probabilities]:
        """Held-out probabilities of each expert of `experts`, in the same order."""
        saved = {view: run.held_out() for view, run in self.views.items()}
        return [
            merge_by_count(name + suffix, {view: saved[view] for view in own})
            if not own[0].rank
            else average_photos(
                name + suffix, {view: saved[view] for view in own}, self.views[own[0]].config(MosaicConfig)
            )
            for name, own in families(self.views).items()
        ]


def average_photos(name: str, views: Mapping[View, Probabilities], config: MosaicConfig) -> Probabilities:
    """One expert from networks that each saw some photos of a product: averaged by how many photos each saw.

    A product is left out unless every one of its photos was seen, and by the network that sees it in prediction.
    """
    whole = concatenate([replace(p, expert=name) for p in views.values()])
    ids, first = np.unique(whole.product_ids, return_index=True)
    counts = whole.n_images[first].astype(int)
    aligned = [p.aligned(ids) for p in views.values()]
    weights = np.zeros((len(views), len(ids)))
    complete = np.ones(len(ids), bool)
    for row, (view, p) in enumerate(zip(views, aligned, strict=True)):
        for n in range(counts.max(initial=0) + 1):
            own = counts == n
            used = sum(other == view for other, _ in passes(list(views), n))
            weights[row, own] = used
            # what was saved is the mean over all photos that the network is shown
            complete[own] &= (used == 0) | (p.speaks[own] & (used == sum(map(view.shows, range(n)))))
    kept = np.flatnonzero(complete & (weights.sum(axis=0) > 0))
    n_leaves = int(whole.support.max()) + 1
    parts = []
    for rows in in_batches(kept, ROWS):
        dense = np.zeros((len(views), len(rows), n_leaves), np.float32)
        for own, p in zip(dense, aligned, strict=True):
            speaking = p.speaks[rows]
            own[speaking] = p.dense(rows[speaking], n_leaves)
        mean = average(dense, config.inference.average, weights[:, rows])[:, whole.support]
        parts.append(
            Probabilities.from_dense(
                name, ids[rows], whole.n_images[first[rows]], mean, np.full(len(rows), Silence.SPEAKS, np.uint8),
                support=whole.support, frequency=whole.frequency, k=whole.leaves.shape[1],
                taxonomy=whole.taxonomy, plan=whole.plan,
            )
        )  # fmt: skip
    return concatenate(parts) if parts else whole.select(np.zeros(0, np.int64))
