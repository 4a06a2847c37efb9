"""The workspace's journal of reviews: entries are added, undone and redone, never overwritten."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from catalog.files.atomic import atomic_path, write_text
from catalog.files.file_lock import exclusive
from catalog.ids.id_columns import id_column, ids_in
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import id_number
from catalog.runs.config import checked
from catalog.runs.run import Run, read_json
from catalog.runs.workspace import Workspace
from fusion.prediction.folder import PredictionFolder
from fusion.review.act_file import ActFile
from fusion.review.answers import ROWS, Settled, predictions_of, settle
from fusion.review.entry import Entry, ReviewedFile, event
from fusion.review.live_entry import counted, rows_of
from fusion.review.standing import GivenLabels, StandingAnswers, WithoutLabel

IDS = ("product_id", "category_id", "suggested_category_id")
NAME = re.compile(r"[0-9]{4,}\.json")


class Journal:
    """The folder `reviews` of a workspace: `0001.json` and `0001.csv`, `0002.json` and `0002.jsonl`, and so on."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.folder / "reviews"

    def entries(self) -> list[Entry]:
        """All entries, the oldest first.

        Raises:
            ValueError: an entry is damaged.
        """
        return [
            counted(entry, self.act_file(entry.number).standing()) if entry.live else entry for entry in self.noted()
        ]

    def noted(self) -> list[Entry]:
        """All entries as their files have them, without the counts of live ones; raises as `entries` does."""
        return [self.entry(number) for number in self.numbers()]

    def entry(self, number: int) -> Entry:
        """One of `noted`."""
        return self._read(self.path(number))

    def path(self, number: int) -> Path:
        """The file that says that an entry is whole, and whether it counts."""
        return self._path(number, ".json")

    def numbers(self) -> list[int]:
        """Those of all entries, ascending."""
        names = os.listdir(self.folder) if self.folder.is_dir() else []
        return sorted(int(name.removesuffix(".json")) for name in names if NAME.fullmatch(name))

    def act_file(self, number: int) -> ActFile:
        """The answers of a live entry."""
        return ActFile(self._path(number, ".jsonl"))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else adds to the journal or changes it meanwhile; raises as `exclusive` does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / ".lock"):
            yield

    def begin(self, blank: Entry) -> Entry:
        """Write a live entry, without an answer yet, under the next number; within `writing`."""
        entry = blank.model_copy(update={"number": self._next_number(), "live": True})
        self.act_file(entry.number).create()
        self._write(entry)
        # a power cut must not take the new names away under the answers that are confirmed from now on
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return entry

    def active(self) -> list[Entry]:
        """The entries whose answers count, the oldest first, see `noted`."""
        return [entry for entry in self.noted() if entry.active]

    def entries_of(self, files: Sequence[Path]) -> list[Entry]:
        """Entries, undone ones too, that one of these files went into."""
        digests = {_sha256(path) for path in files}
        return [entry for entry in self.noted() if digests & {file.sha256 for file in entry.files}]

    def add(self, settled: Settled, files: Sequence[Path], reviewer: str | None = None) -> Entry:
        """Write an entry; its JSON comes last and says that it is whole.

        Raises:
            ValueError: one of the files was applied before.
        """
        with self.writing():
            for path in files:
                if not (known := self.entries_of([path])):
                    continue
                state, way = ("active", "undo") if known[0].active else ("undone", "redo")
                raise ValueError(
                    f"{path} was applied before, unchanged, on {known[0].history[0].when}, as review "
                    f"{known[0].number}, which is {state} (`fusion review {way} {known[0].number}` changes that): give "
                    "only files with new answers"
                )
            number = self._next_number()
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
        if entry.live:
            return rows_of(self.act_file(entry.number).standing())
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
        """The categories that the answers of the active entries come to, see `StandingAnswers`."""
        return self._standing().labels()

    def without_label(self) -> list[WithoutLabel]:
        """The products whose answer is a parent alone or none of the categories."""
        return self._standing().without_label()

    def _standing(self) -> StandingAnswers:
        answers = StandingAnswers()
        for entry in self.active():
            if entry.live:
                answers.add_acts(self.act_file(entry.number).standing())
            else:
                answers.add_sheet(entry.number, self.rows(entry))
        return answers

    def _next_number(self) -> int:
        return 1 + max(self.numbers(), default=0)

    def _turn(self, number: int, *, active: bool) -> Entry:
        path = self._path(number, ".json")
        if not path.is_file():
            known = ", ".join(map(str, self.numbers())) or "none"
            raise FileNotFoundError(f"{self.folder} holds no review {number}; it holds {known}")
        with self.writing():
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
