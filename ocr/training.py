"""`ocr train`: read books and CDs, fit the text model, save held-out probabilities, as a run folder."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import save_arrays
from catalog.files.progress import Bar, in_batches
from catalog.metrics.product_scores import score_probabilities
from catalog.metrics.summary import summaries_json, summarize
from catalog.probabilities import Probabilities, choose_k, concatenate
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from ocr.config import OcrConfig
from ocr.details import OcrDetails
from ocr.expert import TextBranch, read_products, unread_photos
from ocr.loading import labelled_data, make_reader
from ocr.reader import PhotoReader
from ocr.route import THRESHOLDS, RouteCurve, category_leaves, routed
from ocr.shelves.choice import ShelfChoice
from text.config import TextConfig
from text.encoders import Vectors, with_installed_encoders
from text.model import TextModel
from text.normalize import ProductText
from text.scores import capped_rows

CHUNK = 256
MIN_TEXTS = 20
COVERAGE = 0.999
MAX_LEAVES = 100


def train(
    workspace: Workspace, config: OcrConfig, photo: Probabilities, bar: Bar, choice: ShelfChoice | None = None
) -> Run:
    """Train the text branch under the workspace's plan.

    The model learns from products whose label lies in the configured categories, at most `text.texts_per_leaf` of each
    leaf; each held-out part is routed by `photo`, the image branch's held-out probabilities, exactly as in prediction.

    Args:
        choice: where the configuration's shelves are `auto`, what `ocr.shelves.choose` has chosen, one at least.

    Raises:
        ValueError: the tree has none of the categories, too few texts, or `photo` of another plan or tree.
    """
    data = labelled_data(workspace, photo)
    plan, tree = data.plan, data.tree
    chosen = {} if choice is None else {"shelves": choice.chosen}
    config = config.model_copy(update={"text": with_installed_encoders(config.text), **chosen})
    read_leaves = category_leaves(tree, config.categories)
    reader = make_reader(config, workspace)
    texts = _read_texts(data, plan.positions[np.isin(data.leaf[plan.positions], read_leaves)], config, reader, bar)
    run = Run.create(
        workspace.folder, "ocr", "ocr", plan=plan.plan_id, data=plan.data, config=config.model_dump(), tree=tree
    )
    held_out, threshold, curve = _predict_held_out(data, config, texts, photo, read_leaves, reader, bar)
    held_out.save(run.folder / "heldout.safetensors")
    # more text is what this branch gains most from: the deployed model has seen the held-out products too
    deployed = _fit(data, config, texts, plan.positions, reader)
    deployed.model.save(run.folder / "text-model")
    save_arrays(run.folder / "frequency.safetensors", {"frequency": deployed.frequency})
    truth = data.truth(held_out.product_ids)
    # what was routed from elsewhere has no right answer among the model's classes
    scored = np.where(np.isin(truth, read_leaves), truth, -1)
    run.metrics = summaries_json(summarize(score_probabilities(held_out, scored, tree)))
    seconds = reader.seconds_per_photo()
    run.keep(
        OcrDetails(
            k=int(held_out.leaves.shape[1]),
            n_texts=len(texts.positions),
            n_products=texts.n_products,
            problems=texts.problems,
            engine=config.engine.name,
            encoders=tuple(config.text.encoders),
            route_threshold=threshold,
            seconds_per_photo=None if math.isnan(seconds) else seconds,
            route_curve=curve,
            shelf_choice=choice,
        )
    )
    run.save()
    workspace.register(run)
    return run


def _predict_held_out(
    data: TrainingData,
    config: OcrConfig,
    texts: _Texts,
    photo: Probabilities,
    read_leaves: NDArray[np.int64],
    reader: PhotoReader,
    bar: Bar,
) -> tuple[Probabilities, float, RouteCurve | None]:
    """What models that have not seen them say of the held-out products; from which mass on these are read, and why."""
    # the curve needs what the lowest of its thresholds reads
    threshold = THRESHOLDS[0] if config.route_threshold == "auto" else config.route_threshold
    parts: list[Probabilities] = []
    for part in data.plan.held_out_parts:
        branch = _fit(data, config, texts, data.plan.training_positions(part), reader)
        positions = data.plan.held_out_positions(part)
        wanted = routed(photo.aligned(data.catalog.product_ids[positions]), read_leaves, data.tree, threshold)
        chunks: list[Probabilities] = []
        with bar("read held-out products") as progress:
            for rows in in_batches(np.arange(len(positions)), CHUNK, progress):
                chunks.append(branch.read(data.catalog.take(positions[rows]), wanted[rows])[0])
                if len(chunks) == 1:
                    branch = _narrowed(branch, chunks[0], data.tree)
        parts.append(concatenate(chunks))
    held_out = concatenate(parts)
    if config.route_threshold != "auto" or not len(held_out):
        return held_out, threshold, None
    known = photo.aligned(held_out.product_ids)
    curve = RouteCurve.measure(known, held_out, data.truth(held_out.product_ids), read_leaves, data.tree)
    # below the chosen threshold it is as if nothing had been read
    kept = routed(known, read_leaves, data.tree, curve.best_threshold())
    return held_out.select(kept).aligned(held_out.product_ids), curve.best_threshold(), curve


@dataclass(frozen=True)
class _Texts:
    """Texts of the products of the configured categories, by rising catalogue position; `vectors` are their encoders'.

    Attributes:
        n_products: how many were read, those without text included; problems: photos that could not be read.
    """

    positions: NDArray[np.int64]
    texts: list[ProductText]
    vectors: list[Vectors]
    n_products: int
    problems: ProblemLog


def _read_texts(
    data: TrainingData, positions: NDArray[np.int64], config: OcrConfig, reader: PhotoReader, bar: Bar
) -> _Texts:
    """What can be read on the products of the configured categories; those on which nothing was read are left out."""
    # before reading: a photo takes 50 ms, and what is not learnt from need not be read
    positions = positions[capped_rows(data.leaf[positions], config.text)]
    texts: dict[int, ProductText] = {}
    problems = ProblemLog()
    with bar("read training shelves") as progress:
        for chunk, products in data.catalog.batches(CHUNK, progress, positions):
            readings = read_products(reader, products)
            problems.extend(unread_photos({p.product_id: r for p, r in zip(products, readings, strict=True)}))
            for position, reading in zip(chunk.tolist(), readings, strict=True):
                if (text := reading.product_text).tokens:
                    texts[position] = text
    name_files(data.catalog, problems)
    vectors = _encoded(list(texts.values()), config.text, bar)
    return _Texts(np.array(list(texts), np.int64), list(texts.values()), vectors, len(positions), problems)


def _encoded(texts: list[ProductText], config: TextConfig, bar: Bar) -> list[Vectors]:
    """Vectors of all texts, once for every model that is fitted on a part of them."""
    model = TextModel(config)
    if not config.encoders or not texts:
        return []
    with bar(f"encode texts ({', '.join(config.encoders)})") as progress:
        parts = [model.encode(some) for some in in_batches(texts, CHUNK, progress)]
    return [np.concatenate(of_encoder) for of_encoder in zip(*parts, strict=True)]


def _fit(
    data: TrainingData, config: OcrConfig, texts: _Texts, positions: NDArray[np.int64], reader: PhotoReader
) -> TextBranch:
    rows = np.flatnonzero(np.isin(texts.positions, positions))
    leaves = data.leaf[texts.positions[rows]]
    if len(rows) < MIN_TEXTS or len(np.unique(leaves)) < 2:
        raise ValueError(
            f"{len(rows)} products of the shelves {', '.join(config.categories)} carry text that could be read, on "
            f"{len(np.unique(leaves))} leaves: at least {MIN_TEXTS} on 2 leaves are needed; train fusion without text"
        )
    model = TextModel(config.text)
    model.fit([texts.texts[row] for row in rows.tolist()], leaves, [v[rows] for v in texts.vectors])
    counts = np.bincount(np.searchsorted(model.classes_, leaves), minlength=len(model.classes_))
    return TextBranch(
        model, reader, counts / counts.sum(), len(model.classes_), data.tree.fingerprint, data.plan.plan_id
    )


def _narrowed(branch: TextBranch, first: Probabilities, tree: Taxonomy) -> TextBranch:
    """The branch keeping as many leaves as are worth it on the first chunk."""
    rows = np.flatnonzero(first.speaks)
    if not len(rows):
        return branch
    return replace(branch, k=choose_k(first.dense(rows, len(tree))[:, first.support], COVERAGE, MAX_LEAVES))
