"""The parts of a plan as catalogues of their own."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.files.wording import plural
from catalog.split.plan import Mode, Plan
from catalog.tree.taxonomy import Taxonomy
from curation.samples.record import LeftOut, counts, level_line, levels
from curation.samples.writing import check_free, copy_products, write_record

RECORD = "parts.json"
PART = re.compile(r"train\.bson|held_out\.bson|fold-\d+\.bson")


def part_files(folder: Path, mode: Mode, n_parts: int) -> list[Path]:
    """What is written: `train.bson` and `held_out.bson`, or `fold-0.bson` and so on."""
    names = ["train", "held_out"] if mode == "heldout" else [f"fold-{part}" for part in range(n_parts)]
    return [folder / f"{name}.bson" for name in names]


def other_parts(folder: Path, mode: Mode, n_parts: int) -> list[Path]:
    """Parts of another kind that lie in the folder: whoever took all files would learn held-out products."""
    written = part_files(folder, mode, n_parts)
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in files if PART.fullmatch(path.name) and path not in written)


def check_folder(catalog: Catalog, folder: Path, mode: Mode, n_parts: int, overwrite: bool) -> None:
    """Before anything is read: nothing is replaced unasked, and nothing removed that no split has written.

    Raises:
        FileExistsError: files are in the way.
        ValueError: one of them is the catalogue that is read.
    """
    others = other_parts(folder, mode, n_parts)
    strangers = [path.name for path in others if path.name not in _recorded(folder)]
    if strangers:
        raise FileExistsError(
            f"{folder} holds {', '.join(strangers)}, which no {RECORD} there names: "
            "beside the new parts they would be taken for some of them. Give another folder, or move them away"
        )
    if others and not overwrite:
        raise FileExistsError(
            f"{folder} holds the parts of another split ({', '.join(path.name for path in others)}): "
            "give another folder, or --overwrite to replace them"
        )
    check_free(catalog, [*others, *part_files(folder, mode, n_parts), folder / RECORD], overwrite)


def _recorded(folder: Path) -> set[str]:
    """Names of the parts that the folder's record tells of; none where it cannot be read."""
    try:
        return set(json.loads((folder / RECORD).read_text(encoding="utf-8"))["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


@dataclass(frozen=True)
class Parts:
    """What was written.

    Attributes:
        written: by file, its counts, and its products by level.
        left_out: products of the catalogue that are in no part.
    """

    plan: Plan
    catalog: Catalog
    tree: Taxonomy
    written: dict[Path, dict[str, Any]]
    left_out: LeftOut

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        plan = self.plan
        return {
            "command": "catalog split",
            "source": {"address": self.catalog.address, "fingerprint": self.catalog.fingerprint},
            "tree": self.tree.fingerprint,
            "plan": plan.plan_id,
            "options": {"mode": plan.mode, "parts": plan.n_parts, "max_copies": plan.max_copies, "seed": plan.seed},
            "copies": {
                "largest_group": plan.largest_component,
                "products_with_a_photo_too_common_to_link": plan.n_unlinked,
                "groups_cut": 0,
            },
            **({} if plan.linked_by is None else {"linked_by": plan.linked_by.to_json()}),
            "parts": {path.name: part for path, part in self.written.items()},
            "left_out": self.left_out.reasons,
        }

    def __str__(self) -> str:
        lines = [
            f"{path}: {plural(part['products'], 'product')}, {plural(part['photos'], 'photo')}; "
            f"{level_line(part['levels'])}"
            for path, part in self.written.items()
        ]
        if self.left_out.reasons:
            lines.append(f"in no part: {self.left_out.summary()}")
        return "\n".join(lines)


def write_parts(catalog: Catalog, plan: Plan, tree: Taxonomy, folder: Path, progress: Progress | None = None) -> Parts:
    """Write each part's products byte for byte, in the catalogue's order, and `parts.json`.

    Files are replaced, parts of another kind are removed: see `check_folder`, which is to be asked before.

    Products that the plan does not hold, because they have no photo or no category of the tree, are in no part.
    """
    leaf = catalog.leaves(tree)
    left_out = LeftOut(catalog)
    left_out.keep(leaf != UNKNOWN, "without a category of the tree")
    left_out.keep(catalog.n_images > 0, "without a photo")
    if plan.mode == "heldout":
        positions = [plan.training_positions(0), plan.held_out_positions(0)]
    else:
        positions = [plan.held_out_positions(part) for part in plan.held_out_parts]
    recorded = _recorded(folder)
    for path in other_parts(folder, plan.mode, plan.n_parts):
        if path.name in recorded:
            path.unlink()
    written = {}
    for path, of_part in zip(part_files(folder, plan.mode, plan.n_parts), positions, strict=True):
        copy_products(catalog, of_part, path, progress)
        kept = np.zeros(len(catalog), bool)
        kept[of_part] = True
        written[path] = {**counts(catalog, kept, leaf), "levels": levels(tree, leaf, kept)}
    parts = Parts(plan, catalog, tree, written, left_out)
    write_record(folder / RECORD, parts.to_json())
    return parts
