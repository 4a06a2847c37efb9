"""The folder that `fusion predict` writes: its files, what they were predicted from, and whether they are whole."""

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from catalog.files.atomic import remove_all_leftovers, write_text
from catalog.runs.config import STRICT, Problems, checked, plain
from catalog.runs.run import read_json
from fusion.review.queue import QueueFiles


@dataclass(frozen=True)
class PredictionOrigin:
    """What predictions were made from: `input.json`.

    Attributes:
        data: fingerprint of the catalogue.
        run: folder name of the fusion run, for people; model: digest of what it holds, see `Run.digest`, empty in
            predictions of an earlier version.
        precision: share of what is given without review that the decisions aim at.
        lang, names: language and fingerprint of the category names shown, empty for the tree's own ones.
        part: products in a committed part; columns: of the full table.
        catalog: address of the catalogue, for whoever shows its photos; empty in predictions of an earlier version.
    """

    data: str
    run: str
    model: str
    precision: float
    lang: str
    names: str
    part: int
    columns: list[str]
    catalog: str = ""


@dataclass(frozen=True)
class PredictionRecord:
    """What was predicted: `problems.json`.

    Attributes:
        decisions: products by decision; review: what was put before the reviewers.
        problems: of the catalogue and of single products.
    """

    n_products: int
    decisions: dict[str, int]
    review: QueueFiles
    problems: Problems
    __pydantic_config__ = STRICT


class PredictionFolder:
    """Files of one catalogue's predictions.

    `input.json` says whose they are before the first part is predicted; `problems.json`, written last, that they are
    whole.

    Attributes:
        submission: product and category, as a Kaggle submission; table: the full table.
        review: what was not accepted, audit: a sample of what was, both for people to fill.
        parts: folder of committed parts, gone when they are joined.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.parts = path, path / "parts"
        self.submission, self.table = path / "submission.csv", path / "predictions.parquet"
        self.review, self.audit = path / "review.csv", path / "audit.csv"
        self._origin, self._record = path / "input.json", path / "problems.json"

    @property
    def is_whole(self) -> bool:
        """Whether everything was predicted and joined."""
        return self._record.is_file()

    def require_whole(self) -> None:
        """Raise FileNotFoundError where there are no predictions, or a part of them."""
        for file in (self._record, self.table, self._origin):
            if not file.is_file():
                what = f"{self.path} holds no whole predictions ({file.name} is missing)"
                raise FileNotFoundError(f"{what}: name their folder (--predictions)")

    def origin(self) -> PredictionOrigin:
        """What the predictions were made from; raises ValueError when another version wrote them."""
        return checked(PredictionOrigin, self._stored_origin(), f"{self._origin} was written by another version")

    def _stored_origin(self) -> dict[str, Any]:
        # predictions of before there were languages have the tree's own names
        return {"model": "", "lang": "", "names": "", "catalog": "", **read_json(self._origin)}

    def claim(self, origin: PredictionOrigin) -> None:
        """Mark the folder as belonging to this input and model; raises ValueError when it belongs to others."""
        if not self._origin.is_file():
            if self.is_whole or self.table.is_file() or self.parts.is_dir():
                self._refuse(f"whose {self._origin.name} is missing: nothing tells what they were made from")
            self._note(origin)
            return
        there = self._stored_origin()
        # the same model under another name says the same, and so does a catalogue that lies elsewhere by now
        wanted = {**asdict(origin), "run": there.get("run"), "catalog": there["catalog"]}
        if there == wanted:
            if there["catalog"] != origin.catalog:
                self._note(replace(origin, run=there["run"]))
            return
        # parts of another size, or with other columns, cannot be joined to what is predicted now
        differs = {name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)}
        if not there["model"]:
            self._refuse("of an earlier version, which did not note what the model held (they can still be reviewed)")
        if differs == {"model"} and there.get("run") == origin.run:
            self._refuse(f"of another model: {origin.run} held something else when they were made")
        if differs <= {"lang", "names"}:
            self._refuse("with names in another language, or other names")
        what = {"data": "catalogue", "model": "model", "precision": "precision"}
        others = [name for key, name in what.items() if key in differs] or ["version"]
        self._refuse(f"of another {' and another '.join(others)}")

    def _note(self, origin: PredictionOrigin) -> None:
        write_text(self._origin, json.dumps(asdict(origin), indent=2) + "\n")

    def _refuse(self, what: str) -> NoReturn:
        raise ValueError(f"{self.path} holds predictions {what}: choose another --output, or --overwrite them")

    def record(self) -> PredictionRecord:
        """What was predicted; raises ValueError when another version wrote it."""
        remedy = f"{self.path} was written by another version: predict again (--overwrite)"
        return checked(PredictionRecord, read_json(self._record), remedy)

    def save(self, record: PredictionRecord) -> None:
        """Say that everything is whole."""
        write_text(self._record, json.dumps(plain(record), indent=2) + "\n")

    def clear(self) -> None:
        """Remove what an earlier prediction wrote, and nothing else."""
        # the record says that everything is whole, the origin whose it is: a kill in between must leave neither lying
        for file in (self._record, self.submission, self.table, self.review, self.audit):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        self._origin.unlink(missing_ok=True)

    def remove_temporaries(self) -> None:
        """Remove half-written files of processes that were killed."""
        remove_all_leftovers(self.path)
