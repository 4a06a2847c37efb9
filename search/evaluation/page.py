"""The page of a search's evaluation: its figures, and the best and worst queries with their photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import ShopId
from catalog.photos.thumbnails import strip
from catalog.reports.page import Card, Example, Gallery, Page, Section, Table
from catalog.reports.write import write_page
from search.evaluation.distractors import FILLER, filler_numbers
from search.evaluation.evaluate import MeasuredSearch
from search.evaluation.evaluation import SHOWN_DEPTH, QueryKind, SearchEvaluation
from search.evaluation.measures import DEPTHS, first_match

N_SHOWN = 24
"""Best, and worst, queries with photos."""
N_FOUND = 5
"""Products found that are shown of each."""
N_CATEGORIES = 200
PHOTO_HEIGHT = 84
NAMED = 5
MEASURE = (
    "MAR@k is the mean over queries of the true matches among the first k products found, out of k or of all true "
    "matches where there are fewer. 95 % intervals: queries that share a true match are drawn together."
)


class Shown:
    """The products of some catalogues by the numbers of their ids: their photos, and their ids as the shop has them."""

    def __init__(self, catalogs: Sequence[Catalog], fillers: Catalog | None = None) -> None:
        """`catalogs`: an id that several hold is that of the first. `fillers`: distractors, see `as_fillers`."""
        self._numbers = [(catalog, catalog.product_ids) for catalog in catalogs]
        self._fillers = fillers
        if fillers is not None:
            self._numbers.append((fillers, filler_numbers(fillers.shop_ids())))

    def photos(self, number: int) -> Sequence[bytes]:
        """Encoded photos of a product; none where no catalogue holds it."""
        catalog, position = self._place(number)
        return catalog.take([position])[0].images if catalog else []

    def shop_id(self, number: int) -> ShopId:
        """The id; the number where no catalogue holds it."""
        catalog, position = self._place(number)
        if catalog is None:
            return number
        own = catalog.shop_ids([position])[0]
        return f"{FILLER}{own}" if catalog is self._fillers else own

    def _place(self, number: int) -> tuple[Catalog | None, int]:
        for catalog, numbers in self._numbers:
            position = int(positions_of(numbers, np.array([number]))[0])
            if position != UNKNOWN:
                return catalog, position
        return None, UNKNOWN


def write_evaluation(
    folder: Path, measured: MeasuredSearch, queries: Catalog, indexed: Shown,
    name_of: Callable[[int], str] = str, facts: Mapping[str, object] | None = None,
) -> Path:  # fmt: skip
    """Write `search.html`, and `search.json` beside it; returns the page.

    Args:
        queries, indexed: whose photos are shown, of queries and of what is found.
        name_of: what the number of a category's id is called. facts: how it was made.
    """
    evaluation = measured.evaluation
    numbers = {"facts": facts or {}, "left_out": measured.truth_file.remarks, **evaluation.to_json(name_of)}
    return write_page(folder / "search.html", page_of(measured, queries, indexed, name_of, facts), numbers)


def page_of(
    measured: MeasuredSearch, queries: Catalog, indexed: Shown,
    name_of: Callable[[int], str] = str, facts: Mapping[str, object] | None = None,
) -> Page:  # fmt: skip
    """The page; the photos of the queries and products that are shown are read from their catalogues."""
    evaluation = measured.evaluation
    overall, *kinds = evaluation.kinds
    categories = evaluation.categories(name_of)
    by_category = _table("By category of the query", categories[:N_CATEGORIES], (SHOWN_DEPTH,), folded=True)
    worst = evaluation.worst_first()
    best = worst[::-1][: min(N_SHOWN, len(worst) // 2)]
    asked = Shown([queries])
    galleries = [
        Gallery(title, [_example(evaluation, row, asked, indexed) for row in rows.tolist()], note)
        for title, rows, note in (
            ("Worst queries", worst[: min(N_SHOWN, len(worst) - len(best))], "Least is found, and that latest."),
            ("Best queries", best, ""),
        )
    ]
    silent = [f"{plural(evaluation.n_silent, 'query', 'queries')} without a readable photo: nothing is found for them."]
    sections = [
        Section("figures", "What is found", [MEASURE], [_table("", [overall, *kinds], DEPTHS), by_category]),
        Section("queries", "Queries", parts=galleries),
    ]
    warnings = [*measured.truth_file.remarks, *(silent if evaluation.n_silent else [])]
    cards = [Card("Queries", f"{len(evaluation):,}", f"{plural(overall.n_groups, 'group')} that share no match")]
    cards += [
        Card(f"MAR@{k}", f"{one.text} %", one.interval)
        for k, one in zip(DEPTHS, overall.estimates(), strict=True)
        if k in (1, SHOWN_DEPTH, 100)
    ]
    return Page(f"Search by photos of {queries.name}", str(queries), cards, sections, facts or {}, warnings)


def _table(title: str, kinds: Sequence[QueryKind], depths: Sequence[int], *, folded: bool = False) -> Table:
    rows = [[kind.name, kind.n, *kind.estimates(depths)] for kind in kinds]
    return Table(title, ["queries", "number", *(f"MAR@{k}, %" for k in depths)], rows, folded=folded)


def _example(evaluation: SearchEvaluation, row: int, asked: Shown, shown: Shown) -> Example:
    """A query and its first true match, beside what was found."""
    number, matches = int(evaluation.truth.query_ids[row]), evaluation.truth.matches(row)
    n_found = int(evaluation.are_true[row, :SHOWN_DEPTH].sum())
    place = int(first_match(evaluation.are_true[row : row + 1])[0])
    pictures = [strip(asked.photos(number), PHOTO_HEIGHT), strip(shown.photos(int(matches[0])), PHOTO_HEIGHT)]
    where = f"the first at place {place}" if place else f"none among the first {evaluation.ranking.depth}"
    # those that are counted alone are not looked up
    names = [*map(shown.shop_id, matches[:NAMED].tolist()), *matches[NAMED:].tolist()]
    lines = [
        f"{n_found} of {plural(len(matches), 'match', 'matches')} among the first {SHOWN_DEPTH}, {where}",
        f"above the query, below {names[0]}",
        f"matches: {listed(names, NAMED)}",
    ]
    found = evaluation.ranking.product_ids[row][np.isfinite(evaluation.ranking.scores[row])][:N_FOUND].tolist()
    found_names = [
        f"{shown.shop_id(one)}{' (right)' if right else ''}"
        for one, right in zip(found, evaluation.are_true[row].tolist(), strict=False)
    ]
    beside = Example(
        [strip(shown.photos(one), PHOTO_HEIGHT) for one in found],
        ["found, the best first", *found_names] if found else ["nothing was found"],
    )
    return Example(pictures, lines, str(asked.shop_id(number)), beside)
