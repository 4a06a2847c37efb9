"""A kind of expert: found for fitting, kept in a fusion run, loaded from there for predicting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catalog.experts import Expert
from catalog.files.progress import Bar
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig


class ExpertKind(ABC):
    """The experts of one kind that a workspace or a fusion run has.

    Attributes:
        family: how people know it, and how the names of its experts begin.
    """

    family: ClassVar[str]

    @classmethod
    @abstractmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Run]) -> Self | None:
        """Those of a workspace and of its labelled products; None: it has none.

        `more`: mosaic runs that were asked for by name beside the workspace's latest ones.
        """

    @classmethod
    @abstractmethod
    def inside(cls, run: Run, copied: Sequence[Run], tree: Taxonomy) -> Self | None:
        """Those of a fusion run, in which the runs `copied` lie; None: it has none."""

    @abstractmethod
    def held_out(self, product_ids: NDArray[np.int64] | None) -> list[Probabilities]:
        """What each of its experts says of products that it has not learnt from; empty: none is worth it.

        `product_ids`: the `(N,)` products on which the head is fitted; None: this kind chooses them.
        """

    @abstractmethod
    def experts(self, tree: Taxonomy, workspace: Workspace, before: Sequence[Expert] = ()) -> Sequence[Expert]:
        """They, ready to predict, in the order of `held_out`.

        Args:
            workspace: holds what was read before.
            before: the experts of the kinds that are asked before: networks that they have loaded need not be loaded
                again.
        """

    @classmethod
    @abstractmethod
    def describe(cls, expert: str) -> str | None:
        """What an expert is, for people; None: it is none of this kind."""

    @property
    def absence(self) -> str:
        """Why `held_out` may have nothing to give, for people."""
        return ""

    @property
    def runs(self) -> Sequence[Run]:
        """Runs that they are made of, copied into the fusion run."""
        return ()

    @property
    def added(self) -> Mapping[str, tuple[str, ...]]:
        """Folder names of those among the runs that were asked for by name, by backbone."""
        return {}

    def showing(self, bar: Bar) -> Self:
        """The same, which shows how far it is where `held_out` and `keep` take time."""
        return self

    def configured(self, config: FusionConfig) -> Self:
        """The same, which is fitted as it is configured."""
        return self

    def remarks(self, product_ids: NDArray[np.int64]) -> Sequence[str]:
        """What to know of its figures on the `(N,)` held-out products before they are believed, for people."""
        return ()

    def check(self) -> None:  # noqa: B027 - most have nothing to check
        """Raise ValueError when its runs cannot speak together."""

    def keep(self, folder: Path) -> None:  # noqa: B027 - for most the runs are everything
        """Write into a fusion run's folder what prediction needs beside the runs."""
