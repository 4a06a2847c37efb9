"""The workspace's journal of reviews: entries are added, undone and redone, never overwritten."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from catalog.files.atomic import atomic_path, write_text
from catalog.files.file_lock import exclusive
from catalog.runs.config import checked
from catalog.runs.run import Run, read_json
from catalog.runs.workspace import Workspace
from fusion.prediction.folder import PredictionFolder
from fusion.review.answers import COPY, ROWS, Settled, predictions_of, settle
from fusion.review.entry import Entry, ReviewedFile, event

NAME = re.compile(r"[0-9]{4,}\.json")


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
                history=(event("applied", reviewer),),
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
        """An entry's answers, of schema `fusion.review.answers.ROWS`."""
        path = self._path(entry.number, ".csv")
        options = pa_csv.ConvertOptions(column_types=ROWS, include_columns=ROWS.names)
        try:
            return pa_csv.read_csv(path, convert_options=options)
        except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None

    def labels(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(N,)` product_ids, ascending, and `(N,)` category_ids of the active entries.

        Later answers win; one that a product got from a copy yields to an answer on the product itself.
        """
        tables = [self.rows(entry) for entry in self.active()]
        whole = pa.concat_tables([ROWS.empty_table(), *tables])
        of_copy = np.array([kind == COPY for kind in whole["kind"].to_pylist()], bool)
        order = np.lexsort((-np.arange(len(whole)), of_copy))
        ids, categories = (whole[name].to_numpy()[order] for name in ("product_id", "category_id"))
        # of each product numpy keeps the first row, which by this order is the answer that wins
        ids, winner = np.unique(ids, return_index=True)
        return ids, categories[winner]

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
        write_text(self._path(entry.number, ".json"), entry.model_dump_json(indent=2) + "\n")


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
