"""The workspace: one folder that remembers plan, data, tree and each branch's latest run."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog.catalog import Catalog
from catalog.files.atomic import write_text
from catalog.files.file_lock import exclusive
from catalog.files.progress import Progress
from catalog.runs.run import Run, read_json
from catalog.sources.address import Address
from catalog.sources.opening import open_source
from catalog.split.plan import Plan
from catalog.tree.taxonomy import NAMES_FILE, Taxonomy

log = logging.getLogger(__name__)
RECIPE = "recipe.yaml"
"""What `rayonnage fit` has chosen, in the workspace that it has made."""
NEXT_COMMAND = {
    "fit": "rayonnage fit CATALOG",
    "plan": "catalog split TRAIN.bson --tree TREE.csv",
    "mosaic": "mosaic train",
    "ocr": "ocr train",
    "fusion": "fusion train",
}


class Workspace:
    """A folder (default `./runs`) with `workspace.json`, `plan/`, `tree.csv`, the runs and what they have predicted."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def option(self) -> str:
        """What names the workspace in the next command: ` --workspace FOLDER`, nothing for the default one."""
        return "" if self.folder == Path("runs") else f" --workspace {self.folder}"

    def next_command(self, kind: str) -> str:
        """What makes this workspace's plan (`plan`), its run of a kind, or all of them (`fit`)."""
        return NEXT_COMMAND[kind] + self.option

    def learn_again(self, catalog: Address, tree: str, of_split: str = "") -> str:
        """What makes this workspace learn another catalogue: one command where one has made it, else its first step.

        Args:
            tree: the option that names the tree; of_split: further ones, of what a fit chooses by itself.
        """
        if (self.folder / RECIPE).is_file():
            return f"rayonnage fit {catalog}{tree} --overwrite{self.option}"
        return f"catalog split {catalog}{tree}{of_split}{self.option}"

    def plan(self) -> Plan:
        """The plan; raises FileNotFoundError naming the command that makes one."""
        if not (self.folder / "plan" / "plan.json").is_file():
            raise FileNotFoundError(
                f"workspace {self.folder} holds no plan yet: run `{self.next_command('plan')}` first "
                "(--workspace names another folder)"
            )
        return Plan.load(self.folder / "plan")

    def taxonomy(self, lang: str | None = None) -> Taxonomy:
        """The tree that `catalog split` was given, see `Taxonomy.in_language`."""
        return Taxonomy.load(self.folder / "tree.csv", lang)

    def open(self, address: Address, progress: Progress | None = None) -> Catalog:
        """A catalogue as `Catalog` opens it; class folders that are named by the tree's names are those of its tree."""
        tree = self.folder / "tree.csv"
        return Catalog(open_source(address, tree if tree.is_file() else None), progress)

    def training_catalog(self) -> Catalog:
        """The split catalogue; raises ValueError when it has changed since."""
        plan = self.plan()
        catalog = self.open(plan.catalog)
        plan.check_data(catalog)
        if catalog.fingerprint not in (plan.data, plan.seen):
            self._remember(replace(plan, seen=catalog.fingerprint))
        return catalog

    def _remember(self, plan: Plan) -> None:
        """Keep how this version knows the catalogue of an earlier one's plan: from now on no change goes unseen."""
        try:
            with exclusive(self.folder / ".workspace.lock"):
                if self.plan().plan_id == plan.plan_id:
                    plan.save_header(self.folder / "plan")
        except OSError as error:
            log.info("%s stays as an earlier version wrote it: %s", self.folder / "plan", error)

    def _as_known(self, plan: Plan) -> Plan:
        """The plan, under the identity that an earlier version gave it where the workspace holds it already."""
        if not (self.folder / "plan" / "plan.json").is_file():
            return plan
        there = self.plan()
        if there.data == plan.data or replace(plan, data=there.data).plan_id != there.plan_id:
            return plan
        catalog = self.open(plan.catalog)
        return replace(plan, data=there.data, seen=plan.data) if there.is_of(catalog) else plan

    def save_plan(self, plan: Plan, tree: Taxonomy) -> int:
        """Keep plan and tree. Runs of an earlier plan stay on disk but are no longer the latest; returns how many.

        The same plan again changes nothing for them, but that names in other languages given with the tree become
        theirs, too.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / ".workspace.lock"):
            plan = self._as_known(plan)
            same = (self.folder / "plan" / "plan.json").is_file() and self.plan().plan_id == plan.plan_id
            kept = self._read() if same else {}
            forgotten = 0 if same else len(self._read())
            if not same:
                (self.folder / NAMES_FILE).unlink(missing_ok=True)
            tree.save(self.folder / "tree.csv")
            for name in set(kept.values()) if tree.names else ():
                if (self.folder / name / "run.json").is_file():
                    Run.load(self.folder / name).take_names(tree)
            plan.save(self.folder / "plan")
            self._write(kept)
        return forgotten

    def register(self, run: Run, slot: str = "") -> None:
        """Make `run` the latest of its kind (and slot, for a mosaic network the image count)."""
        # networks may be trained side by side: none forgets the others
        with exclusive(self.folder / ".workspace.lock"):
            latest = self._read()
            latest[f"{run.kind}{':' + slot if slot else ''}"] = run.folder.name
            self._write(latest)

    def forget(self, kind: str) -> Path | None:
        """Have no latest run of a kind; the folder of the one there was, which stays where it is."""
        with exclusive(self.folder / ".workspace.lock"):
            latest = self._read()
            name = latest.pop(kind, None)
            self._write(latest)
        return None if name is None else self.folder / name

    def latest_folders(self) -> dict[str, Path]:
        """Folders of the latest runs, which need not be whole, by kind and slot: `mosaic:any`, `ocr`, `fusion`."""
        return {key: self.folder / name for key, name in self._read().items()}

    def latest(self, kind: str, slot: str = "") -> Run | None:
        """The latest run of a kind, or None."""
        name = self._read().get(f"{kind}{':' + slot if slot else ''}")
        return None if name is None else Run.load(self.folder / name, kind)

    def require(self, kind: str, slot: str = "") -> Run:
        """The latest run of a kind; raises FileNotFoundError naming the command that makes one."""
        run = self.latest(kind, slot)
        if run is None:
            if kind == "fusion" and not (self.folder / "plan" / "plan.json").is_file():
                raise FileNotFoundError(
                    f"workspace {self.folder} holds no model yet: run `{self.next_command('fit')}` first "
                    "(--workspace names another folder)"
                )
            self.plan()
            raise FileNotFoundError(
                f"workspace {self.folder} holds no {kind} run yet: run `{self.next_command(kind)}` first"
            )
        return run

    def _read(self) -> dict[str, Any]:
        path = self.folder / "workspace.json"
        if not path.is_file():
            return {}
        try:
            latest = read_json(path).get("latest")
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from None
        if not isinstance(latest, dict):
            raise ValueError(f"{path} is damaged: it names no latest runs")
        return latest

    def _write(self, latest: dict[str, Any]) -> None:
        write_text(self.folder / "workspace.json", json.dumps({"latest": latest}, indent=2) + "\n")
