"""A running fit on disk: what `--resume` continues from after a kill at any moment."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from catalog.files.atomic import atomic_path
from mosaic.training.history import EpochRecord


@dataclass
class FitState:
    """Everything that a fit has come to.

    Attributes:
        n_devices: processes that train; epoch, number: the next batch to show, see `mosaic.training.batches.Batch`;
        step: optimizer steps done.
        network, average: state of the network and of its moving average; optimizer: its state.
        objective: of what is learnt beside the leaves, see `mosaic.training.objective`; empty where nothing is.
        sums: of the running epoch, of all processes: loss, batches, unblended examples, those recognised; seconds: it
            has taken.
        best, best_loss: weights with the lowest validation loss so far; stale: epochs since then.
    """

    n_devices: int = 1
    epoch: int = 0
    number: int = 0
    step: int = 0
    network: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] | None = None
    optimizer: dict[str, Any] = field(default_factory=dict)
    objective: dict[str, Tensor] = field(default_factory=dict)
    sums: list[float] = field(default_factory=lambda: [0.0] * 4)
    seconds: float = 0.0
    history: list[EpochRecord] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    best_loss: float = float("inf")
    stale: int = 0

    def save(self, path: Path) -> None:
        """Write atomically: a kill leaves the checkpoint before."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["history"] = [asdict(record) for record in self.history]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            # not safetensors: an optimizer's state is nested, and numbers among it
            torch.save(values, temporary)

    @classmethod
    def load(cls, path: Path) -> FitState | None:
        """What was saved, on the CPU; None where nothing was.

        Raises:
            ValueError: damaged, or of another version; the message says what to do.
        """
        if not path.is_file():
            return None
        try:
            # tensors and plain values alone: whatever else a pickle asks for is refused, not run
            values = torch.load(path, map_location="cpu", weights_only=True)
            values["history"] = [EpochRecord(**record) for record in values["history"]]
            return cls(**values)
        except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
            why = str(error).partition("\n")[0][:120]
            raise ValueError(f"{path} cannot be continued from ({why}): delete it, and its fit begins anew") from None
