"""Answers to people and programs: what was decided on a product, why, and how sure it is; many of them as a table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.experts import PhotoBox
from catalog.ids.shop_id import ShopId
from catalog.product import Problem
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.decide import Decision, decision_of, proved_only
from fusion.experts.copies import RELATION as SAME_PHOTO
from fusion.prediction.predictor import Predictions
from fusion.prediction.ranking import risk_order
from fusion.prediction.reasons import ExpertChoice, SilentExpert, reason_of, silent_on, votes_of

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
ROUNDING = 1e-6
"""Probabilities in float32 that differ by less are the same one."""
NO_ANSWER = 3
"""Levels that the table of no answer has: their tree is not known."""


@dataclass(frozen=True)
class Candidate:
    """A leaf with its path, in the language asked for, and its probability; `category_id` as the tree has it.

    `probabilities`: of each node along the path, Cat I first.
    """

    category_id: ShopId
    path: tuple[str, ...]
    probability: float
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Where one product belongs.

    Attributes:
        product_id: the product's own id, whatever it is; its position where it was given none.
        best: the likeliest leaf.
        probabilities: of each node along its path, Cat I first, which is the surest.
        decision: `accept`, `parent` or `review`; given: the path that is given without review, empty for none. All
            paths are in the language asked for.
        candidates: likely leaves, the likeliest first, then by rising expected distance in the tree.
        votes: each speaking expert's likeliest leaf; its `leaf` is an index of `Model.tree`.
        text_read: words read on the photos. reason: one line for people.
        problems: photos that could not be used, texts that were cut or are none, and why.
        advice: where nothing was proved with which the product's category could be given: what it would take.
        depth: levels of the tree, of which a path may have fewer; 0: as many as the best one's.
        text_ids: there are texts among the tree's category_ids, so that a column of them is text.
        needed: probability from which each node along the best one's path is given; None for never.
        boxes: words on the photos that were gone by, each with its place.
        copies: products of the training catalogue that have one of the photos, the first for each photo.
        silent: experts that say nothing here, and why.
        n_images, n_readable: photos that were given, and those among them that could be used.
        faults: what `problems` says, typed.
    """

    product_id: Hashable
    best: Candidate
    probabilities: tuple[float, ...]
    decision: Decision
    given: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    votes: tuple[ExpertChoice, ...]
    text_read: str
    reason: str
    problems: tuple[str, ...]
    advice: str = ""
    depth: int = 0
    text_ids: bool = False
    level_names: Mapping[int, str] = field(default_factory=lambda: LEVEL_NAMES)
    needed: tuple[float | None, ...] = ()
    boxes: tuple[PhotoBox, ...] = ()
    copies: tuple[ShopId, ...] = ()
    silent: tuple[SilentExpert, ...] = ()
    n_images: int = 0
    n_readable: int = 0
    faults: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        lines = [f"{c.probability:6.1%}  {path_text(c.path)}" for c in self.candidates]
        for level, p in enumerate(self.probabilities, start=1):
            # a leaf further up may have others below its node, which is likelier than the leaf then
            if level < len(self.best.path) or (level < self.depth and p - self.best.probability > ROUNDING):
                lines.append(f"{self.level_names[level]:7} {p:.1%}  {path_text(self.best.path[:level])}")
        given = f": {path_text(self.given)}" if self.given else ""
        lines.append(f"{self.decision.value}{given}")
        lines.append(f"why     {self.reason}")
        lines += [f"advice  {self.advice}"] if self.advice else []
        lines += [f"skipped {problem}" for problem in self.problems]
        return "\n".join(lines)


def answer_of(predictions: Predictions, row: int, tree: Taxonomy, n_candidates: int, own_id: Hashable = None) -> Answer:
    """The answer on one row of a predicted chunk; `own_id`: the product's, where it is not the number predicted by."""
    dense = predictions.fused[row : row + 1]
    ranked = risk_order(dense, tree, n_candidates)[0]
    candidates = _candidates(dense, ranked.tolist(), tree)
    end = len(candidates[0].path)
    along_path = predictions.paths.probabilities[row, :end]
    level, node = predictions.given[row].tolist()
    product_id = predictions.chunk.products[row].product_id
    problems = [problem for problem in predictions.problems.named if problem.product_id == product_id]
    return Answer(
        product_id if own_id is None else own_id, best=candidates[0], probabilities=tuple(along_path.tolist()),
        decision=decision_of(level, tree.depth), given=tree.shown_path(level, node) if level else (),
        candidates=candidates, votes=tuple(votes_of(predictions, row)),
        text_read=predictions.text_read(row), reason=reason_of(predictions, row, tree),
        problems=tuple(": ".join(filter(None, (p.place, p.detail or p.kind.value))) for p in problems),
        advice=predictions.advice(row), depth=tree.depth, text_ids=len(tree.ids) > 0, level_names=tree.level_names,
        needed=proved_only(predictions.needed[row, :end]),
        boxes=tuple(box for opinion in predictions.opinions for box in opinion.boxes(row)),
        copies=tuple(
            other.product_id
            for opinion in predictions.opinions
            for other in opinion.other_products(row)
            if other.relation == SAME_PHOTO and other.product_id is not None
        ),
        silent=tuple(silent_on(predictions, row)), n_images=len(predictions.chunk.md5s[row]),
        n_readable=int(predictions.chunk.n_readable[row]), faults=tuple(problems),
    )  # fmt: skip


def _candidates(dense: NDArray[np.float32], leaves: Sequence[int], tree: Taxonomy) -> tuple[Candidate, ...]:
    """Candidates at these leaves, from a `(1, n_leaves)` row of probabilities."""
    mass = {level: tree.node_mass(dense, level)[0] for level in tree.levels}
    return tuple(
        Candidate(
            tree.shop_ids[leaf], tree.shown[leaf], float(dense[0, leaf]),
            tuple(float(mass[level][tree.ancestor(level)[leaf]]) for level in tree.levels[: len(tree.shown[leaf])]),
        )
        for leaf in leaves
    )  # fmt: skip


def answers_to_table(answers: Sequence[Answer]) -> pa.Table:
    """Answers as an Arrow table, which pandas and polars take over, a row each, in order.

    >>> import rayonnage
    >>> answers = rayonnage.load("runs").predict({"A-17": ["front.jpg", "back.jpg"], "A-18": "back.jpg"})
    >>> table = rayonnage.answers_to_table(answers)
    >>> table["product_id"].to_pylist()
    ['A-17', 'A-18']
    >>> table.column_names[:5]
    ['product_id', 'category_id', 'cat1', 'cat2', 'cat3']

    The columns are named as in `predictions.parquet`: `product_id` (own ids, as text where Arrow has no type that holds
    them all), `category_id` (text where any of the tree's is), the likeliest leaf's path `cat1`, `cat2`, ... and their
    probabilities `p_cat1`, `p_cat2`, ..., as many as the tree has levels (three where there is no answer; null below a
    path that ends further up), `decision`, `given` (the path, empty for a review), `reason`, `top_category_ids`,
    `top_probabilities`, `text_read`; and `problems`, a list of sentences.
    """
    import pyarrow as pa

    from catalog.ids.id_columns import ids_as
    from fusion.prediction.columns import path_columns, probability_columns, schema_of

    depth = max((answer.depth or len(answer.best.path) for answer in answers), default=NO_ANSWER)
    of_ids = pa.string() if any(answer.text_ids for answer in answers) else pa.int64()
    schema = schema_of(depth, category_id=of_ids)
    columns: dict[str, Sequence[Any]] = {
        "category_id": ids_as([answer.best.category_id for answer in answers], of_ids),
        **_by_level(path_columns(depth), [answer.best.path for answer in answers]),
        **_by_level(probability_columns(depth), [answer.probabilities for answer in answers]),
        "decision": [answer.decision.value for answer in answers],
        "given": [path_text(answer.given) for answer in answers],
        "reason": [answer.reason for answer in answers],
        "top_category_ids": [ids_as([each.category_id for each in one.candidates], of_ids) for one in answers],
        "top_probabilities": [[each.probability for each in answer.candidates] for answer in answers],
        "text_read": [answer.text_read for answer in answers],
    }
    typed = {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
    problems = pa.array([answer.problems for answer in answers], pa.list_(pa.string()))
    return pa.table({"product_id": _own_ids(answers), **typed, "problems": problems})


def _by_level(names: Sequence[str], rows: Sequence[Sequence[T]]) -> dict[str, list[T | None]]:
    """A column for each level of rows along a path; without a value below where a path ends."""
    return {name: [row[place] if place < len(row) else None for row in rows] for place, name in enumerate(names)}


def _own_ids(answers: Sequence[Answer]) -> pa.Array:
    import pyarrow as pa

    ids = [answer.product_id for answer in answers]
    try:
        return pa.array(ids) if ids else pa.array(ids, pa.int64())
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array(list(map(str, ids)))
