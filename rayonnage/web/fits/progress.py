"""How far a fit is, as it writes it down itself: `fit/progress.json` in its workspace."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from catalog.runs.run import read_json
from rayonnage.fitting.progress.showing import PROGRESS


@dataclass(frozen=True)
class FitProgress:
    """How far a fit is.

    Attributes:
        stage: its key, such as `mosaic-any`, "" before the first one; title: what is done in it.
        share: of the whole, in [0, 1]; seconds: used so far; left_s: that are left, None where nobody knows.
    """

    stage: str = ""
    title: str = ""
    share: float = 0.0
    seconds: float = 0.0
    left_s: float | None = None

    @classmethod
    def of(cls, workspace: Path) -> FitProgress:
        """Of a fit's workspace; nothing is known where it has written nothing yet."""
        try:
            told = read_json(workspace / PROGRESS)
        except (OSError, ValueError):
            return cls()
        left = _number(told.get("left_s"), -1.0)
        return cls(
            stage=str(told.get("key") or "")[:100], title=str(told.get("title") or "")[:200],
            share=min(1.0, max(0.0, _number(told.get("share")))), seconds=_number(told.get("seconds")),
            left_s=left if left >= 0 else None,
        )  # fmt: skip


def _number(value: object, otherwise: float = 0.0) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else otherwise  # type: ignore[arg-type]
