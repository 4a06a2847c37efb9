"""A fitted head on disk: weights of the pool and thresholds, as safetensors and JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from catalog.atomic import atomic_path
from catalog.run import Run
from catalog.taxonomy import LEVEL_NAMES, LEVELS, Taxonomy
from fusion.decide import Thresholds
from fusion.pool import LevelWeights, TreePool

FILE = "head.safetensors"


def save_head(run: Run, pool: TreePool, thresholds: Thresholds) -> None:
    """Write `head.safetensors`; names and thresholds go into the run's details."""
    tensors = {"prior": pool.prior}
    for level, weights in zip(LEVELS, pool.levels, strict=True):
        tensors |= {f"level{level}.{name}": np.ascontiguousarray(value) for name, value in asdict(weights).items()}
    with atomic_path(run.folder / FILE) as temporary:
        save_file(tensors, temporary)
    run.details |= {"experts": pool.expert_names, "thresholds": asdict(thresholds)}


def load_head(run: Run, tree: Taxonomy) -> tuple[TreePool, Thresholds]:
    """Inverse of `save_head`.

    Raises:
        ValueError: the file is missing, damaged, or of another tree.
    """
    path: Path = run.folder / FILE
    try:
        tensors = load_file(path)
        pool = TreePool(tree, run.details["experts"])
        pool.prior = tensors["prior"]
        pool.levels = [
            LevelWeights(**{n: tensors[f"level{level}.{n}"] for n in ("base", "by_count", "by_set")})
            for level in LEVELS
        ]
        thresholds = Thresholds(**run.details["thresholds"])
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not hold a head ({error}): run `fusion train` again") from None
    n, n_sets = len(pool.expert_names), 2 ** len(pool.expert_names)
    shapes = {weights.by_set.shape for weights in pool.levels}
    if shapes != {(n_sets, n)} or pool.prior.shape != (len(tree),):
        raise ValueError(f"{path} does not fit its run's tree and experts: run `fusion train` again")
    return pool, thresholds


def weight_rows(pool: TreePool) -> list[list[object]]:
    """Rows `[level, speaking experts, photos, weight of each expert]` of the sets that were seen in fitting."""
    rows: list[list[object]] = []
    for level, weights in zip(LEVELS, pool.levels, strict=True):
        table = weights.table()
        for members in range(1, table.shape[1]):
            if not weights.by_set[members].any():
                continue
            names = [n for b, n in enumerate(pool.expert_names) if members >> b & 1]
            for count in range(1, table.shape[0]):
                if weights.by_count[count].any():
                    values = [f"{w:.2f}" if members >> b & 1 else "" for b, w in enumerate(table[count, members])]
                    rows.append([LEVEL_NAMES[level], " + ".join(names), count, *values])
    return rows
