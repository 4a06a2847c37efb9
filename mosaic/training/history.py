"""What happened epoch by epoch in the fits of a run."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter

from catalog.files.csv_rows import read_rows, write_rows


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of one fit.

    Attributes:
        fit: `part 0`, `deployed`; epoch: from 1; step: optimizer steps so far.
        loss: mean training loss in nats, of all processes; accuracy: training top-1 in [0, 1] on augmented, unblended
            batches, nan where every batch was blended; lr: of the backbone at the end of the epoch; seconds: it took
            the main process, which waits for the others at every step.
        validation_loss, validation_accuracy: on whole, unchanged mosaics; None without validation products.
    """

    fit: str
    epoch: int
    step: int
    loss: float
    accuracy: float
    lr: float
    seconds: float
    validation_loss: float | None
    validation_accuracy: float | None


COLUMNS = [field.name for field in fields(EpochRecord)]


def history_csv(path: Path, records: Sequence[EpochRecord]) -> None:
    """Write one row per epoch, atomically."""
    write_rows(path, COLUMNS, map(astuple, records))


def read_history(path: Path) -> list[EpochRecord]:
    """Read what `history_csv` wrote; nothing where there is no such file."""
    if not path.is_file():
        return []
    rows = read_rows(path, COLUMNS, "give the history of a training")
    return TypeAdapter(list[EpochRecord]).validate_python(
        [{name: row[name] or None for name in COLUMNS} for _, row in rows]
    )
