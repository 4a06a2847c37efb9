"""A run folder: everything that prediction needs, no pickle in it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from catalog.files.atomic import write_text
from catalog.probabilities import Probabilities
from catalog.runs.config import M, T, checked, plain
from catalog.tree.taxonomy import NAMES_FILE, Taxonomy

MAX_JSON_BYTES = 64 * 2**20
TREE = "taxonomy.csv"
HELD_OUT = "heldout.safetensors"
"""Held-out `Probabilities` of a branch."""
CONFIG = "config.yaml"
DETAILS = "run.json"
WEIGHTS = frozenset({".safetensors", ".skops"})
"""Endings of the files that hold what was learnt; a text model's vocabulary is named in its weights."""
NEIGHBOURS = "neighbours"
"""Folder of the labelled products that new ones are compared with: whatever lies in it has a part in answers."""
GRAPH = "graph"
"""`graph.*` are what was learnt, for programs that predict without PyTorch."""


@dataclass
class Run:
    """One trained branch in one folder.

    Holds `run.json` (kind, plan, code revision, data fingerprint, metrics, `details` of the kind),
    `config.yaml`, `taxonomy.csv`, weights (safetensors) and `heldout.safetensors` (`Probabilities`).

    Attributes:
        details, metrics: as `run.json` holds them; `keep` and `details_as` know the details by their type.
    """

    folder: Path
    kind: str
    plan: str
    data: str
    details: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    revision: str = ""

    @classmethod
    def create(
        cls, parent: Path, kind: str, name: str, *, plan: str, data: str, config: dict[str, Any], tree: Taxonomy
    ) -> Run:
        """Make a new folder `parent/name-DATE-TIME`, never an existing one, with config and tree in it."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        parent.mkdir(parents=True, exist_ok=True)
        attempt = 0
        while True:
            folder = parent / (f"{name}-{stamp}" + (f"-{attempt}" if attempt else ""))
            try:
                folder.mkdir()
                break
            except FileExistsError:
                attempt += 1
        write_text(folder / CONFIG, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        tree.save(folder / TREE)
        return cls(folder, kind, plan, data, revision=code_revision())

    @classmethod
    def continued(cls, folder: Path, kind: str, *, plan: str, data: str) -> Run:
        """A run that `create` began and that is not finished yet."""
        return cls(folder, kind, plan, data, revision=code_revision())

    def keep(self, details: object) -> None:
        """Take in the details, a frozen dataclass of the run's kind; those that have their default are left out."""
        self.details = plain(details)

    def details_as(self, kind: type[T]) -> T:
        """What `keep` took in, as the dataclass that the run's kind has for it.

        Raises:
            ValueError: unknown, missing or wrong entries: another version wrote them.
        """
        file = self.folder / DETAILS
        return checked(kind, self.details, f"details in {file} were written by another version, train the run again")

    def save(self) -> None:
        """Write `run.json`: its presence says that the run is whole."""
        names = ("kind", "plan", "data", "revision", "details", "metrics")
        text = json.dumps({name: getattr(self, name) for name in names}, indent=2)
        write_text(self.folder / DETAILS, text + "\n")

    @classmethod
    def load(cls, folder: Path, kind: str | None = None) -> Run:
        """Open a finished run.

        Raises:
            FileNotFoundError: no run there, or an unfinished one.
            ValueError: a run of another kind, or a damaged `run.json`.
        """
        path = folder / DETAILS
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} does not exist: give the folder of a run, as a training names it")
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} is not a finished run (run.json is missing): give the folder of one, or train it again"
            )
        try:
            run = cls(folder, **read_json(path))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None
        if kind is not None and run.kind != kind:
            raise ValueError(f"{folder} is a run of {run.kind}, expected one of {kind}")
        return run

    def taxonomy(self, lang: str | None = None) -> Taxonomy:
        """The tree that the run was trained on, see `Taxonomy.in_language`.

        Raises:
            FileNotFoundError, ValueError: it is missing or damaged. ValueError: no names in that language.
        """
        if not (self.folder / TREE).is_file():
            raise FileNotFoundError(f"{self.folder / TREE} is missing: the run is not whole, train it again")
        return Taxonomy.load(self.folder / TREE, lang)

    def take_names(self, tree: Taxonomy) -> None:
        """Keep the names in other languages that `tree` carries; ValueError: it is another tree."""
        self.check_tree(tree, "the one with these names")
        tree.names.to_csv(self.folder / NAMES_FILE)

    def config(self, model: type[M]) -> M:
        """The configuration that the run was trained with.

        Raises:
            ValueError: it does not fit this version's model.
        """
        path = self.folder / CONFIG
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} is missing: the run is not whole, train it again") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is damaged, train the run again: {error}") from None
        return checked(model, values, f"{path} was written by another version, train the run again")

    def held_out(self) -> Probabilities:
        """Held-out probabilities, written when the run was trained."""
        return Probabilities.load(self.folder / HELD_OUT)

    def digest(self) -> str:
        """Identity of what answers come from: run.json, configuration, tree, weights and graphs, its experts' and
        the index of neighbours included.

        Where the folder lies, how it is called and what else lies in it (pages, names in other languages, predictions)
        do not count. It reads everything once: a second for a gigabyte.

        Raises:
            OSError: a file that cannot be read.
        """
        whole = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder)
            if not _answers_depend_on(name) or not path.is_file():
                continue
            with path.open("rb") as file:
                part = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{name.as_posix()}\0{part}\0".encode())
        return whole.hexdigest()

    @property
    def scores_file(self) -> Path | None:
        """Held-out `ProductScores`, of a run that keeps these and no probabilities: its details name the file."""
        name = self.details.get("held_out_scores")
        return None if name is None else self.folder / str(name)

    def check_tree(self, tree: Taxonomy, whose: str) -> None:
        """Raise ValueError when the run was made with another tree."""
        if self.taxonomy().fingerprint != tree.fingerprint:
            raise ValueError(
                f"{self.folder} was made with another category tree than {whose}: "
                "train it again on this tree, or give the tree it was trained on"
            )


def _answers_depend_on(name: Path) -> bool:
    """Whether a file of this name, relative to the run's folder, has a part in what is answered."""
    # a name, or a folder's, that begins with a dot is what a killed process left
    is_left = any(part.startswith(".") for part in name.parts)
    if is_left:
        return False
    is_learnt = name.suffix in WEIGHTS or name.stem == GRAPH or name.parts[0] == NEIGHBOURS
    return is_learnt or name.name in (DETAILS, CONFIG, TREE)


def probabilities_file(path: Path) -> Path:
    """The file that people mean by `--probabilities`: `path` itself, or the held-out ones of a run whose folder it is.

    Raises:
        FileNotFoundError: a folder without held-out probabilities.
        ValueError: a run that keeps scores instead, or these scores.
    """
    folder = path if path.is_dir() else path.parent
    scores = Run.load(folder).scores_file if (folder / DETAILS).is_file() else None
    if scores is not None and path in (folder, scores):
        raise ValueError(
            f"{path} is of a fusion run, which keeps scores of its labels, no probabilities: give the folder of "
            f"an image or text run, or its {HELD_OUT}; `catalog audit --run {folder}` audits with the scores"
        )
    if path.is_dir() and not (path / HELD_OUT).is_file():
        raise FileNotFoundError(
            f"{path} holds no {HELD_OUT}: give the folder of a finished image or text run, or a file of probabilities"
        )
    return path / HELD_OUT if path.is_dir() else path


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of bounded size; raises ValueError when it is none."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"{path} is larger than {MAX_JSON_BYTES} bytes")
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    if not isinstance(loaded, dict):
        raise ValueError(f"{path} is not a JSON object")
    return loaded


def code_revision() -> str:
    """Version of the installed distribution, and the git revision when run from a checkout."""
    version = metadata.version("rayonnage")
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return version
    try:
        revision, changes = (
            # `git describe --dirty` writes into the checkout, and so does a status that may lock it
            subprocess.run(
                ["git", "-C", str(checkout), "--no-optional-locks", *question],
                capture_output=True, text=True, timeout=5, check=True,
            ).stdout.strip()
            for question in (("describe", "--always"), ("status", "--porcelain", "--untracked-files=no"))
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version}+{revision}{'-dirty' if changes else ''}"
