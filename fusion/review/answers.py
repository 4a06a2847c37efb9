"""Reviewers' answers held against the predictions that they are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.files.answer_sheet import FILL_ANEW, MAX_FAULTS, SheetAnswer, read_answers, refuse
from catalog.files.sheet_ids import likely_ids
from catalog.ids.id_columns import id_column, ids_in, numbers_in
from catalog.ids.shop_id import ShopId
from catalog.tree.answers import CategoryNames
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.decide import Decision
from fusion.prediction.folder import PredictionFolder
from fusion.review.audit import audit_keys, right_at_each_level
from fusion.review.queue import Queue, read_queue

ROWS = ("product_id", "category_id", "suggested_category_id", "decision", "kind")
"""Columns of answers: ids as `catalog.ids.id_columns.id_type` says, and two texts."""
REVIEW, AUDIT, COPY = "review", "audit", "copy"
"""Kinds of a row: an answer about what waited, about the audit sample, or one given to a product of the same photos."""


@dataclass(frozen=True)
class Settled:
    """Answers with what had been predicted; the counts are those of `fusion.review.entry.Entry`.

    Attributes:
        rows: columns `ROWS`, one row per product, ascending by their numbers.
    """

    rows: pa.Table
    run: str
    catalog: str
    confirmed: int
    corrected: int
    copies: int
    blank: int
    drawn: int
    audited: int
    audit_right: tuple[int, ...]
    level_names: tuple[str, ...] = ()


def predictions_of(files: Sequence[Path]) -> Path:
    """The folder that corrected CSVs lie in, when that is a folder of predictions.

    Raises:
        FileNotFoundError: a file is missing, or there are no predictions beside it.
        ValueError: the files lie in different folders.
    """
    for path in files:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: give a review.csv or audit.csv that was filled")
    folders = {path.resolve().parent for path in files}
    if len(folders) > 1:
        raise ValueError(f"{', '.join(map(str, files))} lie in different folders: name the predictions (--predictions)")
    return files[0].parent


def settle(files: Sequence[Path], predictions: PredictionFolder, tree: Taxonomy, *, copies: bool = False) -> Settled:
    """Read corrected CSVs and hold every answer against its product's prediction.

    Args:
        files: filled review.csv and audit.csv.
        predictions: what `fusion predict` wrote.
        tree: of the model that predicted; answers may be its names, as it shows them or its own.
        copies: answers also hold for unanswered products in the queue with the same photos. Shops sell different
            products under one photo: that is for the reviewer to know.

    Raises:
        FileNotFoundError: no whole predictions there.
        ValueError: no answer at all, or answers that cannot be taken; each is named by file and line.
    """
    predictions.require_whole()
    origin, asked = predictions.origin(), predictions.record().review
    answers, n_blank = read_answers(files, categories=CategoryNames(tree))
    if not answers:
        raise ValueError(f"{', '.join(map(str, files))}: no answer in {n_blank} rows, fill corrected_category_id first")
    predicted = _predicted(predictions.table, np.unique([a.product_id for a in answers]))
    ids, given = _checked_answers(answers, predicted, predictions.table, tree)
    kind = np.full(len(ids), REVIEW, object)
    accepted = predicted["decision"].to_numpy(zero_copy_only=False) == Decision.ACCEPT
    # only what was drawn at random says how often accepted products are right: people look up what they doubt
    if asked.audit_limit is not None:
        kind[accepted & (audit_keys(ids, asked.audit_seed) <= asked.audit_limit)] = AUDIT
    copy_ids, copy_given = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if copies:
        copy_ids, copy_given = _copies(read_queue(predictions.table), ids[~accepted], given[~accepted])
    suggested = numbers_in(predicted["category_id"])
    audited = kind == AUDIT
    whole = _rows(predicted, given, kind, tree)
    if len(copy_ids):
        copied = _rows(_predicted(predictions.table, copy_ids), copy_given, np.full(len(copy_ids), COPY, object), tree)
        whole = _ascending(pa.concat_tables([whole, copied]))
    return Settled(
        whole, origin.run, origin.data,
        confirmed=int((given == suggested).sum()), corrected=int((given != suggested).sum()), copies=len(copy_ids),
        blank=n_blank, drawn=asked.audited, audited=int(audited.sum()),
        audit_right=right_at_each_level(given[audited], suggested[audited], tree), level_names=tree.given_level_names,
    )  # fmt: skip


def _predicted(table: Path, wanted: NDArray[np.int64]) -> pa.Table:
    """Rows `product_id, category_id, decision` of those of the wanted products (ascending) that were predicted."""
    names = ["product_id", "category_id", "decision"]
    with pq.ParquetFile(table) as file:
        parts = [
            batch.filter(pa.array(np.isin(numbers_in(batch["product_id"]), wanted)))
            for batch in file.iter_batches(columns=names)
        ]
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
    return _ascending(pa.Table.from_batches([part.select(names) for part in parts], schema))


def _ascending(rows: pa.Table) -> pa.Table:
    """Rows by the numbers of their products."""
    return rows.take(pa.array(np.argsort(numbers_in(rows["product_id"]), kind="stable")))


def _checked_answers(
    answers: Sequence[SheetAnswer], predicted: pa.Table, table: Path, tree: Taxonomy
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(n,)` numbers of products as predicted has them and `(n,)` those of the category given to each."""
    ids, suggestions = (numbers_in(predicted[name]).tolist() for name in ("product_id", "category_id"))
    suggested = dict(zip(ids, suggestions, strict=True))
    known = {str(leaf_id): path_text(names) for leaf_id, names in zip(tree.shop_ids, tree.shown, strict=True)}
    numbers, shown = set(tree.known_ids.tolist()), tree.ids.shown
    strange = (answer.cell.product_id for answer in answers if answer.product_id not in suggested)
    likely = _likely_ids([one for one in strange if one is not None][:MAX_FAULTS], table)
    given: dict[int, tuple[int, SheetAnswer]] = {}
    faults: list[str] = []
    for answer in answers:
        product, product_id = answer.product_id, answer.cell.product_id
        if product not in suggested:
            meant = likely.get(product_id) if product_id is not None else None
            why = "" if meant is None else f", but {meant} was, of which a spreadsheet may have made it"
            faults.append(f"{answer.cell.where}: product {product_id} was not predicted there{why} ({FILL_ANEW})")
            continue
        category = suggested[product] if answer.category_id is None else answer.category_id
        if answer.suggested not in (None, suggested[product]):
            faults.append(
                f"{answer.cell.where}: the reviewer saw {answer.cell.suggested_id} suggested for product {product_id}, "
                f"these predictions suggest {shown(suggested[product])}: name the ones that were reviewed "
                "(--predictions)"
            )
        elif category not in numbers:
            # the search is slow, and later faults are only counted
            near = get_close_matches(str(category), known, n=1, cutoff=0) if len(faults) < MAX_FAULTS else []
            hint = "".join(f"; the nearest is {leaf}, {known[leaf]}" for leaf in near)
            faults.append(f"{answer.cell.where}: category_id {category} is not in the tree{hint}")
        elif product in given and given[product][0] != category:
            other, earlier = given[product]
            faults.append(
                f"{answer.cell.where}: product {product_id} is given {shown(category)}, but {shown(other)} in "
                f"{earlier.cell.where}"
            )
        else:
            given.setdefault(product, (category, answer))
    refuse(faults)
    ids = sorted(given)
    return np.array(ids, np.int64), np.array([given[i][0] for i in ids], np.int64)


def _likely_ids(strange: Sequence[ShopId], table: Path) -> dict[ShopId, ShopId]:
    """The predicted products that a spreadsheet may have made these ids of; integers are rounded beyond knowing."""
    with pq.ParquetFile(table) as file:
        if not pa.types.is_string(file.schema_arrow.field("product_id").type):
            return {}
        batches = file.iter_batches(columns=["product_id"]) if strange else ()
        return likely_ids(strange, (one for batch in batches for one in ids_in(batch["product_id"])))


def _copies(
    queue: Queue, ids: NDArray[np.int64], given: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Waiting products without an answer that share the photos of answered ones (`ids`, ascending), and theirs."""
    answered = np.isin(queue.product_ids, ids)
    category = given[np.searchsorted(ids, queue.product_ids[answered])]
    n_groups = int(queue.group.max(initial=-1)) + 1
    low, high = np.full(n_groups, np.iinfo(np.int64).max), np.full(n_groups, np.iinfo(np.int64).min)
    np.minimum.at(low, queue.group[answered], category)
    np.maximum.at(high, queue.group[answered], category)
    # copies whose reviewers disagree settle nothing: low and high differ
    copies = np.flatnonzero(~answered & (low == high)[queue.group])
    copies = copies[np.argsort(queue.product_ids[copies])]
    return queue.product_ids[copies], low[queue.group[copies]]


def _rows(predicted: pa.Table, given: NDArray[np.int64], kind: NDArray[np.object_], tree: Taxonomy) -> pa.Table:
    ids, suggested, decision = (predicted[name] for name in ("product_id", "category_id", "decision"))
    return pa.table([ids, id_column(given, tree.ids), suggested, decision, pa.array(kind, pa.string())], names=ROWS)
