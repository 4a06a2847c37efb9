"""How the heads on a frozen backbone were chosen: what was tried in each fit of a run."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter

from catalog.files.csv_rows import read_rows, write_rows

DEPLOYED = "deployed"
"""The fit on everything."""


@dataclass(frozen=True)
class HeadRecord:
    """One strength of the regularisation in one fit.

    Attributes:
        fit: `part 0`, `deployed`; products: that were learnt from; leaves: of the head.
        c: inverse strength; log_loss: in nats, accuracy: in [0, 1], in cross-validation among these products; None
            where nothing was judged: no leaf had products to judge by, or the parts' heads had chosen. chosen: this is
            the one.
        temperature: that the chosen head's logits are divided by; seconds: that the fit took.
    """

    fit: str
    products: int
    leaves: int
    c: float
    log_loss: float | None
    accuracy: float | None
    chosen: bool
    temperature: float
    seconds: float


COLUMNS = [field.name for field in fields(HeadRecord)]


def head_history_csv(path: Path, records: Sequence[HeadRecord]) -> None:
    """Write one row per strength, atomically."""
    write_rows(path, COLUMNS, map(astuple, records))


def read_head_history(path: Path) -> list[HeadRecord]:
    """Read what `head_history_csv` wrote; nothing where there is no such file."""
    if not path.is_file():
        return []
    rows = read_rows(path, COLUMNS, "give how heads were chosen")
    return TypeAdapter(list[HeadRecord]).validate_python(
        [{name: row[name] or None for name in COLUMNS} for _, row in rows]
    )
