"""The mosaic runs that make up the image branch: networks by what they see of a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.files.file_lock import exclusive
from catalog.probabilities import Probabilities
from catalog.runs.config import STRICT
from catalog.runs.run import Run
from catalog.runs.saved_probabilities import IMAGE_EXPERT, held_out_file
from catalog.runs.workspace import NEXT_COMMAND, Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.expert import MosaicExpert
from mosaic.inference.loading import load_deployed
from mosaic.merging import average_photos, merge_by_count
from mosaic.method_comparison import Method, MethodComparison
from mosaic.views import ALL_VIEWS, View, families


@dataclass(frozen=True)
class MosaicDetails:
    """Details of a mosaic run.

    Attributes:
        n_images: see `View`; rank: its position.
        init_from: folder name of the run whose networks were the start, None for the backbone's weights.
        identity: hash of plan, view, starting run and configuration, by which a killed run is found again.
        k: leaves that saved probabilities keep.
        objective: what it has learnt for: `category`, or `match`, see `mosaic.training.matching`.
        method: how the deployed network has learnt: `fine-tune`, all of it, or `linear`, the head alone.
        comparison: of both methods, where the configuration leaves the choice open.
    """

    n_images: int
    rank: str
    init_from: str | None
    identity: str
    k: int
    objective: str = "category"
    method: Method = "fine-tune"
    comparison: MethodComparison | None = None
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
        expected = first.config(MosaicConfig)
        for run in views.values():
            config = run.config(MosaicConfig)
            for key in ("photo_size", "layout", "inference"):
                if getattr(config, key) != getattr(expected, key):
                    raise ValueError(
                        f"{first.folder} and {run.folder} were trained with different {key} "
                        f"({getattr(expected, key)} and {getattr(config, key)}): train them with one configuration"
                    )
        return cls(views)

    def experts(self, suffix: str = "") -> list[MosaicExpert]:
        """Every expert that these networks make up, see `mosaic.views.FAMILIES`; `suffix` ends their names."""
        first = next(iter(self.views.values()))
        tree, plan = first.taxonomy().fingerprint, first.plan
        # once: the general network is a member of two experts
        networks = {view: load_deployed(run, run.config(MosaicConfig)) for view, run in self.views.items()}
        return [
            MosaicExpert(
                name + suffix, {view: networks[view] for view in members}, self.views[members[0]].config(MosaicConfig),
                k={view: self.views[view].details_as(MosaicDetails).k for view in members},
                taxonomy=tree, plan=plan,
            )
            for name, members in families(self.views).items()
        ]  # fmt: skip

    def held_out(self, suffix: str = "") -> list[Probabilities]:
        """Held-out probabilities of each expert of `experts`, in the same order, a row per held-out product."""
        held_out_of = {view: run.held_out() for view, run in self.views.items()}
        merged = []
        for name, members in families(self.views).items():
            of_members = {view: held_out_of[view] for view in members}
            if members[0].position:
                config = self.views[members[0]].config(MosaicConfig)
                merged.append(average_photos(name + suffix, of_members, config.inference.average))
            else:
                merged.append(merge_by_count(name + suffix, of_members))
        return merged


def latest_runs(workspace: Workspace) -> dict[View, Run]:
    """The workspace's latest run of every view.

    Raises:
        FileNotFoundError: there is none; the message names the next command.
        ValueError: runs of different plans.
    """
    runs = {view: run for view in ALL_VIEWS if (run := workspace.latest("mosaic", view.slot)) is not None}
    if not runs:
        runs = {View(): workspace.require("mosaic", View().slot)}
    if len({run.plan for run in runs.values()}) > 1:
        raise ValueError(f"{workspace.folder} holds mosaic runs of different plans: run `mosaic train` again")
    return runs


def save_held_out(workspace: Workspace) -> None:
    """Write the branch's held-out probabilities, merged by count, for the rooms that know no views."""
    # networks may be trained side by side: whoever writes last has read what the others registered
    with exclusive(workspace.folder / ".heldout.lock"):
        whole = {view: run.held_out() for view, run in latest_runs(workspace).items() if not view.position}
        if whole:
            path = held_out_file(workspace)
            path.parent.mkdir(exist_ok=True)
            merge_by_count(IMAGE_EXPERT, whole).save(path)
