"""What `rayonnage fit` says that it will take, without --time, against what it takes.

    python bench/fit_estimates.py DATA FOLDER [CATALOGUE ...] [--quality balanced]

CATALOGUE is any of demo (drawn), shelf, gallery, sixty (products of the gallery, articles whole), cdiscount (its 82
products) and repeated (the shelf's products again and again, 20,000 of them, with ids of their own); all six where none
is named. DATA holds shelf/, gallery/ and cdiscount/; FOLDER, which is made, gets a copy of each catalogue with a
workspace beside it. A workspace that is there is gone on with, as `rayonnage fit` does: its figures are printed again.

Seconds of each stage as the recipe estimates it and as the journal has it; `whole` is what was promised before the
first stage against what all of them took, `command` the command's own wall time, looking and measuring included.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bson
import numpy as np

from catalog.catalog import Catalog
from catalog.files.csv_rows import read_rows
from rayonnage.fitting.recipe import Recipe
from rayonnage.fitting.stages import stages_of

N_SIXTY, N_REPEATED = 60, 20_000
Made = tuple[Path, Path | None]
"""A catalogue and its tree."""


def demo(data: Path, folder: Path) -> Made:
    """As `rayonnage demo` draws it."""
    if not (folder / "catalogue").is_dir():
        command = [sys.executable, "-m", "rayonnage", "demo", str(folder / "catalogue"), "--draw-only"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "catalogue" / "train.bson", folder / "catalogue" / "category_names.csv"


def shelf(data: Path, folder: Path) -> Made:
    """Groceries and books."""
    return _copied(data / "shelf", folder, "train.bson", "category_names.csv")


def cdiscount(data: Path, folder: Path) -> Made:
    """The challenge's own example."""
    return _copied(data / "cdiscount", folder, "train_example.bson", "category_names.csv")


def gallery(data: Path, folder: Path) -> Made:
    """A clothes shop with titles."""
    shutil.copytree(data / "gallery", folder / "gallery", dirs_exist_ok=True)
    return folder / "gallery" / "products.csv", None


def sixty(data: Path, folder: Path) -> Made:
    """So many of it, drawn by article: what stands before the dash of an id."""
    table, _ = gallery(data, folder)
    rows = [row for _, row in read_rows(table, ("product_id",), "the gallery")]
    article = [row["product_id"].partition("-")[0] for row in rows]
    order = np.random.default_rng(0).permutation(sorted(set(article))).tolist()
    drawn = sorted(range(len(rows)), key=lambda i: order.index(article[i]))[:N_SIXTY]
    few = table.with_name("sixty.csv")
    lines = [",".join(rows[0]), *(",".join(map(_cell, rows[i].values())) for i in sorted(drawn))]
    few.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return few, None


def repeated(data: Path, folder: Path) -> Made:
    """The shelf's, until there are so many."""
    source, tree = shelf(data, folder)
    path = folder / "repeated.bson"
    if not path.exists():
        catalog = Catalog(source)
        with path.open("wb") as file:
            for number in range(N_REPEATED):
                product = catalog[number % len(catalog)]
                photos = [{"picture": bson.Binary(photo)} for photo in product.images]
                file.write(bson.encode({"_id": number, "category_id": product.category_id, "imgs": photos}))
    return path, tree


CATALOGUES: dict[str, Callable[[Path, Path], Made]] = {
    make.__name__: make for make in (demo, shelf, gallery, sixty, cdiscount, repeated)
}


def _copied(source: Path, folder: Path, *names: str) -> Made:
    for name in names:
        if not (folder / name).exists():
            shutil.copy(source / name, folder / name)
    return folder / names[0], folder / names[1]


def _cell(text: str) -> str:
    return f'"{text}"' if "," in text else text


def fitted(catalogue: Path, tree: Path | None, workspace: Path, quality: str) -> float:
    """Run `rayonnage fit` in a process of its own; returns its wall time."""
    command = [sys.executable, "-m", "rayonnage", "fit", str(catalogue), "--workspace", str(workspace)]
    command += ["--quality", quality, *([] if tree is None else ["--tree", str(tree)])]
    start = time.perf_counter()
    with workspace.with_suffix(".out").open("w") as out:
        subprocess.run(command, check=True, stdout=out)
    return time.perf_counter() - start


def lines_of(workspace: Path, wall_s: float) -> list[str]:
    """What was promised and what it took, stage by stage."""
    path = workspace / "recipe.yaml"
    stages = stages_of(Recipe.load(path), path, workspace)
    journal = json.loads((workspace / "fit" / "journal.json").read_text())
    taken = {stage["key"]: stage["seconds"] for stage in journal["done"]}
    rows = [(stage.key, stage.seconds, taken[stage.key]) for stage in stages if stage.key in taken]
    whole = ("whole", sum(row[1] for row in rows), sum(row[2] for row in rows))
    lines = [f"  {key:<14}{said:>9.0f}{took:>9.0f}{100 * (said / max(took, 1e-9) - 1):>+8.0f} %"
             for key, said, took in (*rows, whole)]  # fmt: skip
    return [*lines, f"  {'command':<14}{'':>9}{wall_s:>9.0f}"]


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("catalogues", nargs="*", choices=[[], *CATALOGUES], metavar="CATALOGUE")
    parser.add_argument("--quality", default="balanced")
    options = parser.parse_args()
    print(f"  {'seconds':<14}{'estimate':>9}{'taken':>9}{'off by':>10}")
    for name in options.catalogues or CATALOGUES:
        folder = options.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        catalogue, tree = CATALOGUES[name](options.data, folder)
        wall_s = fitted(catalogue, tree, folder / "runs", options.quality)
        print("\n".join([name, *lines_of(folder / "runs", wall_s)]), flush=True)


if __name__ == "__main__":
    main()
