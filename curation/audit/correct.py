"""`catalog audit --apply`: a corrected copy of a catalogue from a filled suspects.csv."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.answer_sheet import (
    FILL_ANEW,
    LABEL,
    Categories,
    IdsAlone,
    SheetAnswer,
    read_answers,
    read_cells,
    refuse,
)
from catalog.files.progress import Progress
from catalog.files.sheet_ids import id_of_cell
from catalog.files.wording import plural
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from catalog.product import ProblemLog
from catalog.relabel import Relabelled, check_destination, left_behind, write_relabelled
from catalog.sources.source import NO_CATEGORY
from catalog.tree.answers import CategoryNames
from catalog.tree.taxonomy import Taxonomy
from curation.audit.sheet import ACCEPTED


@dataclass(frozen=True)
class Corrected:
    """What was written: products with another label, those that keep theirs as answered, rows without an answer."""

    output: Path
    changed: int
    kept: int
    blank: int
    left_behind: ProblemLog

    def summary(self) -> str:
        """For people."""
        return (
            f"{self.output}: {plural(self.changed, 'label')} changed, {self.kept:,} answered to be right as they are, "
            f"{plural(self.blank, 'row')} left blank; every other document as it was"
        )


def correct(
    catalog: Catalog,
    sheet: Path,
    output: Path,
    tree: Taxonomy | None = None,
    progress: Progress | None = None,
    *,
    overwrite: bool = False,
) -> Corrected:
    """Write `catalog` with the categories that a person has filled into `sheet`.

    A category (or `suggested`) becomes the label; `ok` and an empty cell leave it. Documents that keep their label are
    copied byte for byte. A category is its id, or what the `tree` calls it: see `CategoryNames`. Without a tree, the
    ids of the catalogue's categories and of those that the sheet suggests are known.

    Raises:
        FileExistsError: `output` is there already (and `overwrite` is not set), or is the catalogue itself.
        FileNotFoundError: no such sheet.
        ValueError: `output` is no name of a BSON file, no answer, or answers that cannot be taken: of a product that
            is not in the catalogue, has another label there than the reviewer saw, or is answered twice, or with a
            category that is not known; file and line are named.
    """
    check_destination(output, [catalog], overwrite=overwrite)
    if tree is not None:
        names: Categories = CategoryNames(tree)
        known, ids, unknown = set(tree.known_ids.tolist()), tree.ids, "is not in the tree"
    else:
        in_use = _in_use(catalog, sheet)
        known, ids = set(map(id_number, in_use)), IdNames.of(in_use)
        names = IdsAlone(frozenset(known))
        unknown = "is no product's, nor suggested in the sheet: give the category tree that has it (--tree)"
    answers, n_blank = read_answers([sheet], ACCEPTED, names)
    if not answers:
        raise ValueError(f"{sheet}: no answer in {n_blank} rows, fill corrected_category_id first")
    label, categories = _labels(catalog, answers, known, unknown, ids)
    write_relabelled(output, [Relabelled(catalog, label, categories, ids=ids)], progress, overwrite=overwrite)
    n_answered = len({answer.product_id for answer in answers})
    return Corrected(output, len(categories), n_answered - len(categories), n_blank, left_behind(catalog))


def _in_use(catalog: Catalog, sheet: Path) -> list[ShopId]:
    """The category_ids of the catalogue, then those of the sheet's suggestions."""
    suggested = {category for cell in read_cells(sheet) if (category := cell.suggested_id) is not None}
    used = np.unique(catalog.category_ids)
    return catalog.ids.take(used[used != NO_CATEGORY]) + list(suggested)


def _ids_of(answers: Sequence[SheetAnswer], known: IdNames) -> IdNames:
    """The texts of known ids, and of those that stand in the sheet, for messages."""
    cells = [answer.cell for answer in answers]
    every = ((cell.product_id, cell.suggested_id, cell.label_id, id_of_cell(cell.text)) for cell in cells)
    in_sheet = (shop_id for of_cell in every for shop_id in of_cell if shop_id is not None)
    return IdNames.of(chain(known.take(known.numbers), in_sheet))


def _labels(
    catalog: Catalog, answers: Sequence[SheetAnswer], known: set[int], unknown: str, texts: IdNames
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(N,)` place in `(C,)` categories of each product's new label, -1 where its own stays.

    A category that is not in `known` is refused: `unknown` says why. `texts`: of the ids that are known.
    """
    ids, labels = catalog.product_ids, catalog.category_ids
    answered = np.flatnonzero(np.isin(ids, [answer.product_id for answer in answers]))
    position = dict(zip(ids[answered].tolist(), answered.tolist(), strict=True))
    given: dict[int, tuple[int | None, SheetAnswer]] = {}
    faults = []
    shown = _ids_of(answers, texts).shown
    for answer in answers:
        product, category = answer.product_id, answer.category_id
        if product not in position:
            faults.append(f"{answer.cell.where}: {catalog} has no product {shown(product)} ({FILL_ANEW})")
        elif answer.label is None:
            faults.append(f"{answer.cell.where}: no {LABEL}: give a suspects.csv that `catalog audit` wrote")
        elif answer.label != labels[position[product]]:
            faults.append(
                f"{answer.cell.where}: the reviewer saw product {shown(product)} labelled {shown(answer.label)}, "
                f"{catalog} labels it {catalog.ids.shown(int(labels[position[product]]))}: give the catalogue that was "
                "audited"
            )
        elif category is not None and category not in known:
            faults.append(f"{answer.cell.where}: category_id {shown(category)} {unknown}")
        elif product in given and given[product][0] != category:
            earlier_category, earlier = given[product]
            new, old = ("ok" if one is None else shown(one) for one in (category, earlier_category))
            where = earlier.cell.where
            faults.append(f"{answer.cell.where}: product {shown(product)} is given {new}, but {old} in {where}")
        else:
            given.setdefault(product, (category, answer))
    refuse(faults)
    label = np.full(len(catalog), -1, np.int64)
    categories: list[int] = []
    for product, (category, _) in given.items():
        if category is not None and category != labels[position[product]]:
            label[position[product]] = len(categories)
            categories.append(category)
    return label, np.array(categories, np.int64)
