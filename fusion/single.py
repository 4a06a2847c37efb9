"""One product given as photos: its likeliest leaves and parent, as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog.photo_file import read_photo
from catalog.product import MAX_IMAGES, Product
from catalog.taxonomy import path_text
from fusion.predictor import Predictor

N_LEAVES = 4


def predict_photos(predictor: Predictor, paths: list[Path]) -> str:
    """Lines for people: the top four leaves and Cat II with their probabilities, and the text read.

    Raises:
        ValueError: more than four photos, a photo over 64 MiB, or not one that can be decoded.
    """
    if len(paths) > MAX_IMAGES:
        raise ValueError(f"{len(paths)} photos given: a product has at most {MAX_IMAGES}")
    found = predictor.predict([Product(0, tuple(read_photo(path) for path in paths))])
    for problem in found.problems.named:
        rank = int(problem.where.split()[-1]) - 1
        if found.photos.n_readable[0] == 0:
            raise ValueError(f"{paths[rank]} cannot be decoded: {problem.detail}")
    tree, leaves = predictor.tree, found.fused[0]
    lines = [f"{leaves[i]:6.1%}  {path_text(tree.paths[i])}" for i in np.argsort(-leaves)[:N_LEAVES]]
    cat2 = tree.node_mass(found.fused, 2)[0]
    best = int(cat2.argmax())
    lines.append(f"Cat II  {cat2[best]:.1%}  {path_text(tree.node_path(2, best))}")
    lines += [f"skipped {paths[int(p.where.split()[-1]) - 1]}: {p.detail}" for p in found.problems.named]
    if 0 in found.readings:
        lines.append(f"read    {found.readings[0].text or '(nothing)'}")
    return "\n".join(lines)
