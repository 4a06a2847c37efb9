"""`ocr train`: read the shelves' products, fit the text model, save held-out probabilities, as a run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from catalog.atomic import atomic_path
from catalog.metrics import score_probabilities, summarize
from catalog.probabilities import Probabilities, choose_k, concatenate
from catalog.run import Run
from catalog.taxonomy import Taxonomy
from catalog.training_data import TrainingData
from catalog.workspace import Workspace
from ocr.cache import TranscriptCache
from ocr.config import OcrConfig
from ocr.engine import make_engine
from ocr.expert import TextExpert, read_products
from ocr.reader import PhotoReader
from ocr.route import routed, shelf_leaves
from ocr.text_model import TextModel

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
CHUNK = 256
MIN_TEXTS = 20
COVERAGE = 0.999
MAX_LEAVES = 100


def make_reader(config: OcrConfig, workspace: Workspace) -> PhotoReader:
    """A reader with the workspace's transcript cache."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    cache = TranscriptCache(workspace.transcripts)
    return PhotoReader(make_engine(config.engine), cache, batch_size=config.batch_size, max_pixels=config.max_pixels)


def train(workspace: Workspace, config: OcrConfig, photo: Probabilities, bar: Bar) -> Run:
    """Train the text branch under the workspace's plan.

    The model learns from products whose label lies on the configured shelves; each held-out part is routed by
    `photo`, the image branch's held-out probabilities, exactly as in prediction.

    Raises:
        ValueError: the tree has none of the shelves, too few texts, or `photo` of another plan or tree.
    """
    data = TrainingData.of(workspace)
    plan, tree = data.plan, data.tree
    if (photo.plan, photo.taxonomy) != (plan.plan_id, tree.fingerprint):
        raise ValueError("the photo probabilities were made under another plan or tree: run `mosaic train` again")
    shelves = shelf_leaves(tree, config.shelves)
    reader = make_reader(config, workspace)
    on_shelf = np.isin(data.leaf[plan.positions], shelves)
    texts = _read_texts(data, plan.positions[on_shelf], reader, bar)
    run = Run.create(
        workspace.folder, "ocr", "ocr", plan=plan.plan_id, data=plan.data, config=config.model_dump(), tree=tree
    )
    held_out: list[Probabilities] = []
    for part in plan.held_out_parts:
        expert = _fit(data, config, texts, plan.training_positions(part), reader)
        held_out.append(_predict_part(data, config, part, expert, photo, held_out, bar))
    # more text is what this branch gains most from: the deployed model has seen the held-out products too
    deployed = _fit(data, config, texts, plan.positions, reader)
    probabilities = concatenate(held_out)
    probabilities.save(run.folder / "heldout.safetensors")
    _save_expert(run, deployed, k=int(probabilities.leaves.shape[1]))
    truth = data.truth(probabilities.product_ids)
    truth = np.where(np.isin(truth, shelves), truth, -1)
    run.metrics = summarize(score_probabilities(probabilities, truth, tree)) if len(truth) else {}
    run.details |= {"n_texts": len(texts), "engine": config.engine.name}
    run.save()
    workspace.register(run)
    return run


def _read_texts(data: TrainingData, positions: NDArray[np.int64], reader: PhotoReader, bar: Bar) -> dict[int, str]:
    """Normalised text by catalogue position; products on which nothing was read are left out."""
    texts: dict[int, str] = {}
    with bar("read training shelves") as progress:
        for start in range(0, len(positions), CHUNK):
            chunk = positions[start : start + CHUNK].tolist()
            readings = read_products(reader, [data.catalog[i] for i in chunk])
            texts.update({i: r.features for i, r in zip(chunk, readings, strict=True) if r.features})
            progress(min(start + CHUNK, len(positions)), len(positions))
    return texts


def _fit(
    data: TrainingData, config: OcrConfig, texts: dict[int, str], positions: NDArray[np.int64], reader: PhotoReader
) -> TextExpert:
    own = [i for i in positions.tolist() if i in texts]
    leaves = data.leaf[own]
    if len(own) < MIN_TEXTS or len(np.unique(leaves)) < 2:
        raise ValueError(
            f"{len(own)} products of the shelves {', '.join(config.shelves)} carry text that could be read, on "
            f"{len(np.unique(leaves))} leaves: at least {MIN_TEXTS} on 2 leaves are needed; train fusion without text"
        )
    model = TextModel(config.text).fit([texts[i] for i in own], leaves)
    counts = np.bincount(np.searchsorted(model.classes_, leaves), minlength=len(model.classes_))
    return TextExpert(
        model, reader, counts / counts.sum(), len(model.classes_), data.tree.fingerprint, data.plan.plan_id
    )


def _predict_part(
    data: TrainingData,
    config: OcrConfig,
    part: int,
    expert: TextExpert,
    photo: Probabilities,
    earlier: Sequence[Probabilities],
    bar: Bar,
) -> Probabilities:
    positions = data.plan.held_out_positions(part)
    known = photo.aligned(data.catalog.product_ids[positions])
    wanted = routed(known, shelf_leaves(data.tree, config.shelves), data.tree, config.route_threshold)
    if earlier:
        expert.k = earlier[0].leaves.shape[1]
    parts = []
    with bar("read held-out products") as progress:
        for start in range(0, len(positions), CHUNK):
            chunk = slice(start, start + CHUNK)
            products = [data.catalog[int(i)] for i in positions[chunk]]
            parts.append(expert.predict(products, wanted[chunk]))
            if not earlier and start == 0:
                _narrow(expert, parts[0], data.tree)
            progress(min(start + CHUNK, len(positions)), len(positions))
    return concatenate(parts)


def _narrow(expert: TextExpert, first: Probabilities, tree: Taxonomy) -> None:
    """Measure on the first chunk how many leaves are worth keeping."""
    rows = np.flatnonzero(first.speaks)
    if len(rows):
        expert.k = choose_k(first.dense(rows, len(tree))[:, first.support], COVERAGE, MAX_LEAVES)


def _save_expert(run: Run, expert: TextExpert, k: int) -> None:
    expert.model.save(run.folder / "text-model")
    with atomic_path(run.folder / "frequency.safetensors") as temporary:
        save_file({"frequency": expert.frequency}, temporary)
    run.details = {"k": k}


def load_expert(run: Run, reader: PhotoReader) -> TextExpert:
    """The deployed text expert of a run folder."""
    model = TextModel.load(run.folder / "text-model")
    frequency = load_file(run.folder / "frequency.safetensors")["frequency"]
    if len(frequency) != len(model.classes_):
        raise ValueError(f"{run.folder}: text model and frequencies do not fit together, train it again")
    tree = run.taxonomy().fingerprint
    return TextExpert(model, reader, frequency, int(run.details["k"]), tree, run.plan)
