"""The mosaic runs that make up the image branch: a general network and specialists by image count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.photo_branch import ANY, NAME, latest_runs, merge_by_count
from catalog.probabilities import Probabilities
from catalog.run import Run
from catalog.workspace import NEXT_COMMAND, Workspace
from mosaic.config import MosaicConfig
from mosaic.expert import MosaicExpert
from mosaic.training import load_network


@dataclass(frozen=True)
class MosaicRuns:
    """Runs by image count (`ANY` = 0: the general network), all of one plan and tree."""

    by_count: dict[int, Run]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> MosaicRuns:
        """Group runs by the image count they were trained for.

        Raises:
            ValueError: no run, or runs of different plans.
        """
        if not runs:
            raise ValueError(f"no mosaic run: run `{NEXT_COMMAND['mosaic']}` first")
        plans = sorted({run.plan for run in runs})
        if len(plans) > 1:
            raise ValueError(f"mosaic runs of different plans ({', '.join(plans)}): train them under one")
        return cls({int(run.details["n_images"]): run for run in runs})

    @classmethod
    def latest(cls, workspace: Workspace) -> MosaicRuns:
        """The workspace's latest network of every count; FileNotFoundError names the next command."""
        return cls(latest_runs(workspace))

    @property
    def config(self) -> MosaicConfig:
        """Configuration of the general network, else of the first specialist."""
        first = self.by_count[min(self.by_count)]
        return first.config(MosaicConfig)

    def _families(self) -> dict[str, dict[int, Run]]:
        general = {ANY: self.by_count[ANY]} if ANY in self.by_count else {}
        has_specialist = any(count != ANY for count in self.by_count)
        # without specialists both names would stand for the same network
        return {NAME: self.by_count, **({"general": general} if general and has_specialist else {})}

    def experts(self) -> list[MosaicExpert]:
        """`mosaic`: each count's specialist, else the general network; `general`: the general one for all."""
        tree = next(iter(self.by_count.values())).taxonomy().fingerprint
        networks = {count: load_network(run, run.config(MosaicConfig)) for count, run in self.by_count.items()}
        return [
            MosaicExpert(
                name,
                {count: networks[count] for count in family},
                self.config,
                k={count: int(run.details["k"]) for count, run in family.items()},
                taxonomy=tree,
                plan=next(iter(family.values())).plan,
            )
            for name, family in self._families().items()
        ]

    def held_out(self) -> list[Probabilities]:
        """Held-out probabilities of each expert of `experts`, in the same order."""
        return [
            merge_by_count(name, {n: run.held_out() for n, run in fam.items()})
            for name, fam in self._families().items()
        ]
