"""The workspace's journal of reviews: entries are added, undone and redone, never overwritten."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from catalog.files.atomic import atomic_path, write_text
from catalog.files.file_lock import exclusive
from catalog.ids.id_columns import id_column, ids_in
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import id_number
from catalog.runs.config import checked
from catalog.runs.run import Run, read_json
from catalog.runs.workspace import Workspace
from fusion.prediction.folder import PredictionFolder
from fusion.review.answers import COPY, ROWS, Settled, predictions_of, settle
from fusion.review.entry import Entry, ReviewedFile, event

IDS = ("product_id", "category_id", "suggested_category_id")
NAME = re.compile(r"[0-9]{4,}\.json")


@dataclass(frozen=True)
class GivenLabels:
    """What reviewers say of N products.

    Attributes:
        product_ids: `(N,)` int64 numbers of the products, ascending; category_ids: `(N,)` int64 of what they are given.
        ids: what these numbers stand for.
    """

    product_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    ids: IdNames

    def __len__(self) -> int:
        return len(self.product_ids)


class Journal:
    """The folder `reviews` of a workspace: `0001.json` and `0001.csv`, `0002.json` and so on."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.folder / "reviews"

    def entries(self) -> list[Entry]:
        """All entries, the oldest first.

        Raises:
            ValueError: an entry is damaged.
        """
        paths = [p for p in self.folder.iterdir() if NAME.fullmatch(p.name)] if self.folder.is_dir() else []
        return [self._read(path) for path in sorted(paths, key=lambda path: int(path.stem))]

    def active(self) -> list[Entry]:
        """The entries whose answers count, the oldest first."""
        return [entry for entry in self.entries() if entry.active]

    def entries_of(self, files: Sequence[Path]) -> list[Entry]:
        """Entries, undone ones too, that one of these files went into."""
        digests = {_sha256(path) for path in files}
        return [entry for entry in self.entries() if digests & {file.sha256 for file in entry.files}]

    def add(self, settled: Settled, files: Sequence[Path], reviewer: str | None = None) -> Entry:
        """Write an entry; its JSON comes last and says that it is whole.

        Raises:
            ValueError: one of the files was applied before.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / ".lock"):
            for path in files:
                if not (known := self.entries_of([path])):
                    continue
                state, way = ("active", "undo") if known[0].active else ("undone", "redo")
                raise ValueError(
                    f"{path} was applied before, unchanged, on {known[0].history[0].when}, as review "
                    f"{known[0].number}, which is {state} (`fusion review {way} {known[0].number}` changes that): give "
                    "only files with new answers"
                )
            number = 1 + max((entry.number for entry in self.entries()), default=0)
            with atomic_path(self._path(number, ".csv")) as temporary:
                pa_csv.write_csv(settled.rows, temporary)
            entry = Entry(
                number=number,
                files=tuple(ReviewedFile(name=path.name, sha256=_sha256(path)) for path in files),
                run=settled.run, catalog=settled.catalog,
                confirmed=settled.confirmed, corrected=settled.corrected, copies=settled.copies, blank=settled.blank,
                drawn=settled.drawn, audited=settled.audited, audit_right=settled.audit_right,
                history=(event("applied", reviewer),), level_names=settled.level_names,
            )  # fmt: skip
            self._write(entry)
        return entry

    def undo(self, number: int | None = None) -> Entry:
        """Let an entry's answers (default: the last active one's) count no more; they stay in the journal."""
        if number is None:
            active = self.active()
            if not active:
                raise ValueError(f"{self.folder} holds no active review: nothing to undo")
            number = active[-1].number
        return self._turn(number, active=False)

    def redo(self, number: int) -> Entry:
        """Let an undone entry's answers count again, at their old place: those of later entries still win."""
        return self._turn(number, active=True)

    def rows(self, entry: Entry) -> pa.Table:
        """An entry's answers, columns `fusion.review.answers.ROWS`.

        Raises:
            ValueError: the file is damaged: it has other columns, or ids that are none.
        """
        path = self._path(entry.number, ".csv")
        # nothing is guessed: the text 007 is not the integer 7
        options = pa_csv.ConvertOptions(column_types=dict.fromkeys(ROWS, pa.string()), include_columns=ROWS)
        try:
            rows = pa_csv.read_csv(path, convert_options=options)
            for place, name in enumerate(IDS):
                ids = ids_in(rows[name])
                column = id_column(np.array(list(map(id_number, ids)), np.int64), IdNames.of(ids))
                rows = rows.set_column(place, name, column)
        except (OSError, ValueError, pa.ArrowKeyError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None
        return rows

    def labels(self) -> GivenLabels:
        """What the answers of the active entries come to.

        Later answers win; one that a product got from a copy yields to an answer on the product itself.
        """
        tables = [self.rows(entry) for entry in self.active()]
        kinds, products, categories = (
            [one for rows in tables for one in read(rows[name])]
            for name, read in (("kind", pa.ChunkedArray.to_pylist), ("product_id", ids_in), ("category_id", ids_in))
        )
        of_copy = np.array([kind == COPY for kind in kinds], bool)
        order = np.lexsort((-np.arange(len(kinds)), of_copy))
        numbers, given = (np.array(list(map(id_number, ids)), np.int64)[order] for ids in (products, categories))
        # of each product numpy keeps the first row, which by this order is the answer that wins
        numbers, winner = np.unique(numbers, return_index=True)
        return GivenLabels(numbers, given[winner], IdNames.of([*products, *categories]))

    def _turn(self, number: int, *, active: bool) -> Entry:
        path = self._path(number, ".json")
        if not path.is_file():
            known = ", ".join(str(entry.number) for entry in self.entries()) or "none"
            raise FileNotFoundError(f"{self.folder} holds no review {number}; it holds {known}")
        with exclusive(self.folder / ".lock"):
            entry = self._read(path)
            what = "redone" if active else "undone"
            if entry.active == active:
                raise ValueError(f"review {number} is {'active' if active else 'undone'} already")
            entry = entry.model_copy(update={"history": (*entry.history, event(what))})
            self._write(entry)
        return entry

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:04d}{suffix}"

    def _read(self, path: Path) -> Entry:
        try:
            return checked(Entry, read_json(path), "the entry")
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from None

    def _write(self, entry: Entry) -> None:
        write_text(self._path(entry.number, ".json"), entry.model_dump_json(indent=2, exclude_defaults=True) + "\n")


def apply_files(
    workspace: Workspace, files: Sequence[Path], predictions: Path | None = None, run: Path | None = None,
    reviewer: str | None = None, *, copies: bool = False,
) -> Entry:  # fmt: skip
    """Take filled CSVs into the workspace's journal.

    Args:
        workspace: keeps the journal.
        files: review.csv and audit.csv as `fusion predict` wrote them, filled, saved by any spreadsheet.
        predictions: the folder that they come from; default: the one they lie in.
        run: the fusion run that predicted, for its tree; default: the workspace's run of that name.
        reviewer: who answered; default: the user's name.
        copies: answers also hold for unanswered products with the same photos.

    Raises:
        FileNotFoundError: a file, the predictions or the run is missing.
        ValueError: a file was applied before, or answers cannot be taken (each is named by file and line).
    """
    folder = PredictionFolder(predictions or predictions_of(files))
    folder.require_whole()
    origin = folder.origin()
    if run is None:
        run = workspace.folder / origin.run
        if not run.is_dir():
            raise FileNotFoundError(f"{run}, which predicted {folder.path}, does not exist: name its folder (--run)")
    settled = settle(files, folder, Run.load(run, "fusion").taxonomy(origin.lang or None), copies=copies)
    return Journal(workspace).add(settled, files, reviewer)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
