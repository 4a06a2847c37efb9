"""Everything that `catalog explore` finds, from a catalogue or from counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.files.progress import Bar
from catalog.files.wording import plural
from catalog.photos.photo_index import PhotoIndex
from catalog.probabilities import Probabilities
from catalog.product import ProblemLog
from catalog.reports.page import Table
from catalog.split.match import TreeMatch
from catalog.tree.taxonomy import LEVEL_NAMES, Taxonomy
from curation.explore.copies_section import copies_section
from curation.explore.counts_file import CountsFile, levels_above, read_counts
from curation.explore.hardness import judge
from curation.explore.hardness_section import hardness_section
from curation.explore.levels import products_section, tree_section
from curation.explore.photos import Decode, check_decoding, read_headers
from curation.explore.photos_section import broken_photos, photos_section
from curation.explore.samples import samples_section
from curation.explore.section import Exploration, Section, percent
from curation.explore.shelves import LevelCounts, Shelves
from curation.explore.size_distribution import spread_section

PLACES = 5
"""Places of each kind of problem that the page names; the JSON names up to a thousand."""


def explore(
    catalog: Catalog,
    tree: Taxonomy | None = None,
    *,
    probabilities: Probabilities | None = None,
    decode: Decode = "sample",
    n_categories: int = 24,
    seed: int = 0,
    bars: Bar = no_bar,
) -> Exploration:
    """Look at all products of a catalogue; its photos are read once for their MD5 and once for their headers.

    Args:
        probabilities: what an expert says of labelled products, for hard and easy ones.
        decode: which photos are decoded to see whether they can be: a sample of 2000, all, or none.
        n_categories: categories shown in pictures.
        bars: makes a progress bar, such as `catalog.command.progress_bar`.

    Raises:
        ValueError: the probabilities do not belong to the catalogue or to the tree.
    """
    shelves = Shelves(catalog, tree)
    judged = None
    if probabilities is not None:
        if tree is None:
            raise ValueError("hard and easy products need the category tree (--tree)")
        judged = judge(probabilities, catalog, shelves.leaf, tree)
    with bars("photos") as progress:
        copies = catalog.photo_index(progress)
    with bars("headers") as progress:
        headers = read_headers(catalog, progress)
    with bars("decode") as progress:
        decoding = check_decoding(catalog, copies, headers, decode, seed, progress)
    n_broken, broken = broken_photos(catalog, copies, headers, decoding)
    problems = ProblemLog()
    for log in (catalog.problems, shelves.strangers(catalog), broken):
        problems.merge(log)
    counts = shelves.counts()
    page = Exploration(f"Catalogue {catalog.name}", f"What {catalog} holds", _cards(copies, shelves, counts, problems))
    page.warnings = [] if tree is None else _warnings(TreeMatch.of(catalog, tree))
    page.sections = [products_section(shelves)]
    if tree is not None:
        page.sections.append(tree_section(tree, counts, "products"))
    page.sections += [
        spread_section(counts, "products"),
        copies_section(catalog, copies, shelves),
        photos_section(headers, decoding, n_broken),
        problems_section(problems),
        samples_section(catalog, shelves, n_categories, seed),
    ]
    if judged is not None and probabilities is not None:
        page.sections.append(hardness_section(judged, probabilities.expert, catalog, shelves))
    page.facts = {
        "catalogue": catalog.name,
        "fingerprint": catalog.fingerprint,
        "tree": "none given" if tree is None else tree.fingerprint,
        "photos decoded": len(decoding.checked),
        "seed": seed,
    }
    return page


def explore_counts(tree: Taxonomy, files: Sequence[Path], unit: str) -> Exploration:
    """What counts by category tell; `unit`: what they count, `products` or `photos`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: one is no CSV of counts, or two give the same level.
    """
    found = sorted((read_counts(path, tree) for path in files), key=lambda own: own.counts.level)
    for a, b in pairwise(found):
        if a.counts.level == b.counts.level:
            raise ValueError(f"{a.path} and {b.path} both count {a.counts.title}: give one file of a level (--counts)")
    given = {own.counts.level: own.counts for own in found}
    by_level = {level.level: level for level in levels_above(found[-1].counts, tree)} | given
    counts = [by_level[level] for level in sorted(by_level)]
    total = int(counts[-1].counts.sum())
    cards = [(unit.capitalize(), f"{total:,}", "in all")]
    cards += [(level.title, f"{len(level.used):,}", f"of {_in_tree(level)}") for level in counts]
    page = Exploration("Counts by category", ", ".join(own.path.name for own in found), cards)
    page.sections = [tree_section(tree, counts, unit), spread_section(counts, unit), _counts_section(found, unit)]
    page.facts = {"counts": ", ".join(own.path.name for own in found), "tree": tree.fingerprint}
    return page


def _in_tree(level: LevelCounts) -> str:
    """Categories of a level; by their names, where the counts do not tell those of one name apart."""
    if level.is_by_place:
        return f"{level.n_nodes:,} in the tree"
    return f"{len(level.names):,} names in the tree ({level.n_nodes:,} categories)"


def _cards(
    copies: PhotoIndex, shelves: Shelves, counts: Sequence[LevelCounts], problems: ProblemLog
) -> list[tuple[str, str, str]]:
    n, labelled = len(shelves.leaf), int(shelves.labelled.sum())
    distinct = copies.n_distinct
    stranger = labelled - int((shelves.leaf >= 0).sum())
    off = f", {stranger:,} of them not in the tree" if stranger else ""
    cards = [
        ("Products", f"{n:,}", ("all labelled" if labelled == n else f"{percent(labelled / n)} labelled") + off),
        ("Photos", f"{len(copies):,}", f"{distinct:,} distinct"),
    ]
    if counts:
        cards.append(("Leaves in use", f"{len(counts[-1].used):,}", f"of {counts[-1].n_nodes:,}"))
    kinds = plural(len(problems.counts), "kind") if len(problems) else "none found"
    cards.append(("Problems", f"{len(problems):,}", kinds))
    return cards


def _warnings(match: TreeMatch) -> list[str]:
    """What makes most figures of categories meaningless."""
    if not match.doubtful:
        return []
    return [
        f"{match.labelled - match.known:,} of {plural(match.labelled, 'labelled product')} have a category_id that is "
        "not in the tree: it seems to be that of another catalogue. Give the one that belongs to this catalogue "
        "(--tree)."
    ]


def problems_section(problems: ProblemLog) -> Section:
    """Everything that is wrong with the catalogue's documents and photos."""
    kinds = [kind for kind, _ in problems.counts.most_common()]
    rows: list[list[object]] = []
    for kind in kinds:
        places = [
            ", ".join(filter(None, [p.where, "" if p.product_id is None else f"product {p.product_id}", p.detail]))
            for p in problems.named
            if p.kind is kind
        ]
        more = ["…"] if problems.counts[kind] > PLACES else []
        rows.append([kind.value, problems.counts[kind], "; ".join([*places[:PLACES], *more])])
    figures = {
        "total": len(problems),
        "counts": {kind.name: problems.counts[kind] for kind in kinds},
        "named": [
            {"kind": p.kind.name, "where": p.where, "product_id": p.product_id, "detail": p.detail}
            for p in problems.named
        ],
    }
    if not rows:
        return Section("problems", "Problems", ["No problems."], figures)
    counted = ", ".join(f"{problems.counts[kind]:,} x {kind.value}" for kind in kinds)
    said = [f"{plural(len(problems), 'problem')}: {counted}. The JSON names up to 1000 of each kind."]
    table = Table("By kind", ["problem", "times", f"where (the first {PLACES})"], rows)
    return Section("problems", "Problems", said, figures, [table])


def _counts_section(found: Sequence[CountsFile], unit: str) -> Section:
    """What of the counts could not be placed in the tree to the letter: nothing is dropped unsaid."""
    rows: list[tuple[str, str, int, str]] = []
    figures = {}
    for own in found:
        title = LEVEL_NAMES[own.counts.level]
        lost = sum(n for _, n in own.unknown)
        rows += [
            (title, what, len(names), "; ".join([*names[:PLACES], *(["…"] if len(names) > PLACES else [])]))
            for what, names in (
                ("one count for several categories of a name", own.merged),
                ("found by plain letters alone (other characters are damaged)", own.loosely),
                (f"not in the tree: {lost:,} {unit} in no figure", [name for name, _ in own.unknown]),
                ("in the tree, not in the counts: taken as empty", own.missing),
            )
            if names
        ]
        figures[title] = {
            "file": own.path.name,
            "merged": own.merged,
            "loosely": own.loosely,
            "unknown": [list(row) for row in own.unknown],
            "missing": own.missing,
        }
    if not rows:
        return Section("fit", "Counts and tree", ["Every category has a count, and every count a category."], figures)
    table = Table("What does not fit to the letter", ["level", "what", "names", "which"], rows)
    said = [f"{title}: {plural(n, 'name')}, {what}." for title, what, n, _ in rows]
    return Section("fit", "Counts and tree", said, figures, [table])
