"""Everything that `catalog explore` finds, from a catalogue or from counts alone."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.files.progress import Bar
from catalog.files.wording import percent, plural
from catalog.photos.photo_index import PhotoIndex
from catalog.probabilities import Probabilities
from catalog.product import ProblemLog
from catalog.reports.page import Card, Page, Section, Table
from catalog.reports.write import write_page
from catalog.split.labels import TreeMatch
from catalog.tree.taxonomy import Taxonomy
from curation.explore.copies import copies_section
from curation.explore.counts_file import CountsFile, levels_above, read_counts
from curation.explore.hardness import hardness_section, judge
from curation.explore.levels import products_section, tree_section
from curation.explore.photo_problems import photo_problems
from curation.explore.photos import Decode, check_decoding, read_headers
from curation.explore.photos_section import photos_section
from curation.explore.placement import LevelCounts, Placement
from curation.explore.samples import samples_section
from curation.explore.size_distribution import distribution_section
from curation.explore.titles_section import titles_section

FILES = ("explore.html", "explore.json")
PLACES = 5
"""Places of each kind of problem that the page names; the JSON names up to a thousand."""


def explore(
    catalog: Catalog, tree: Taxonomy | None = None, *, probabilities: Probabilities | None = None,
    decode: Decode = "sample", n_categories: int = 24, seed: int = 0, bars: Bar = no_bar,
) -> Page:  # fmt: skip
    """Look at all products of a catalogue; its photos are read once for their MD5 and once for their headers.

    Args:
        probabilities: what an expert says of labelled products, for hard and easy ones.
        decode: which photos are decoded to see whether they can be: a sample of 2000, all, or none.
        n_categories: categories shown in pictures.
        bars: makes a progress bar, such as `catalog.cli_options.progress_bar`.

    Raises:
        ValueError: the probabilities do not belong to the catalogue or to the tree.
    """
    placement = Placement(catalog, tree)
    judged = None
    if probabilities is not None:
        if tree is None:
            raise ValueError("hard and easy products need the category tree (--tree)")
        judged = judge(probabilities, catalog, placement.leaf, tree)
    with bars("photos") as progress:
        photos = catalog.photo_index(progress)
        texts = catalog.titles(progress)
    with bars("headers") as progress:
        headers = read_headers(catalog, progress)
    with bars("decode") as progress:
        decoding = check_decoding(catalog, photos, headers, decode, seed, progress)
    of_photos = photo_problems(catalog, photos, headers, decoding)
    problems = ProblemLog()
    for log in (catalog.problems, texts.problems, placement.strangers(catalog), of_photos):
        problems.merge(log)
    counts = placement.counts()
    sections = [products_section(placement)]
    if tree is not None:
        sections.append(tree_section(tree, counts, "products"))
    sections.append(distribution_section(counts, "products"))
    if texts.any:
        sections.append(titles_section(catalog, texts, placement, seed))
    sections += [
        copies_section(catalog, photos, placement),
        photos_section(headers, decoding, of_photos),
        problems_section(problems),
        samples_section(catalog, placement, n_categories, seed),
    ]
    if judged is not None and probabilities is not None:
        sections.append(hardness_section(judged, probabilities.expert, catalog, placement))
    facts = {
        "catalogue": catalog.name,
        "fingerprint": catalog.fingerprint,
        "tree": "none given" if tree is None else tree.fingerprint,
        "photos decoded": len(decoding.checked),
        "seed": seed,
    }
    cards = _cards(photos, placement, counts, problems)
    if texts.any:
        n_described = plural(texts.n_descriptions, "description")
        cards.insert(2, Card("Titles", f"{texts.n_titles:,}", f"{percent(texts.n_titles / len(texts))}; {n_described}"))
    warnings = [] if tree is None else _warnings(TreeMatch.of(catalog, tree))
    return Page(f"Catalogue {catalog.name}", f"What {catalog} holds", cards, sections, facts, warnings)


def write_exploration(page: Page, folder: Path) -> Path:
    """Write `explore.html`, and all figures as `explore.json`, into `folder`; returns the page's path."""
    return write_page(folder / FILES[0], page, page.to_json(), indent=1)


def explore_counts(tree: Taxonomy, files: Sequence[Path], unit: str) -> Page:
    """What counts by category tell; `unit`: what they count, `products` or `photos`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: one is no CSV of counts, or two give the same level.
    """
    counted = sorted((read_counts(path, tree) for path in files), key=lambda file: file.counts.level)
    for a, b in pairwise(counted):
        if a.counts.level == b.counts.level:
            raise ValueError(f"{a.path} and {b.path} both count {a.counts.title}: give one file of a level (--counts)")
    given = {file.counts.level: file.counts for file in counted}
    by_level = {level.level: level for level in levels_above(counted[-1].counts, tree)} | given
    counts = [by_level[level] for level in sorted(by_level)]
    total = int(counts[-1].counts.sum())
    cards = [Card(unit.capitalize(), f"{total:,}", "in all")]
    cards += [Card(level.title, f"{len(level.used):,}", f"of {_in_tree(level)}") for level in counts]
    sections = [tree_section(tree, counts, unit), distribution_section(counts, unit), _counts_section(counted, unit)]
    names = ", ".join(file.path.name for file in counted)
    return Page("Counts by category", names, cards, sections, {"counts": names, "tree": tree.fingerprint})


def _in_tree(level: LevelCounts) -> str:
    """Categories of a level; by their names, where the counts do not tell those of one name apart."""
    if level.is_by_place:
        return f"{level.n_nodes:,} in the tree"
    return f"{len(level.names):,} names in the tree ({level.n_nodes:,} categories)"


def _cards(photos: PhotoIndex, placement: Placement, counts: Sequence[LevelCounts], problems: ProblemLog) -> list[Card]:
    n, labelled = len(placement.leaf), int(placement.labelled.sum())
    distinct = photos.n_distinct
    stranger = labelled - int((placement.leaf >= 0).sum())
    off = f", {stranger:,} of them not in the tree" if stranger else ""
    cards = [
        Card("Products", f"{n:,}", ("all labelled" if labelled == n else f"{percent(labelled / n)} labelled") + off),
        Card("Photos", f"{len(photos):,}", f"{distinct:,} distinct"),
    ]
    if counts:
        cards.append(Card("Leaves in use", f"{len(counts[-1].used):,}", f"of {counts[-1].n_nodes:,}"))
    kinds = plural(len(problems.counts), "kind") if len(problems) else "none found"
    cards.append(Card("Problems", f"{len(problems):,}", kinds))
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
    kinds = problems.counts.most_common()
    rows: list[list[object]] = []
    for kind, n in kinds:
        places = [
            ", ".join(filter(None, [p.place, "" if p.product_id is None else f"product {p.product_id}", p.detail]))
            for p in problems.named
            if p.kind is kind
        ]
        rows.append([kind.value, n, "; ".join([*places[:PLACES], *(["…"] if n > PLACES else [])])])
    figures = {
        "total": len(problems),
        "counts": {kind.name: n for kind, n in kinds},
        "named": [
            {"kind": p.kind.name, "where": p.place, "product_id": p.product_id, "detail": p.detail}
            for p in problems.named
        ],
    }
    if not rows:
        return Section("problems", "Problems", ["No problems."], figures=figures)
    counted = ", ".join(f"{n:,} x {kind.value}" for kind, n in kinds)
    sentence = f"{plural(len(problems), 'problem')}: {counted}. The JSON names up to 1000 of each kind."
    table = Table("By kind", ["problem", "times", f"where (the first {PLACES})"], rows)
    return Section("problems", "Problems", [sentence], [table], figures)


def _counts_section(counted: Sequence[CountsFile], unit: str) -> Section:
    """What of the counts could not be placed in the tree to the letter: nothing is dropped unsaid."""
    rows: list[tuple[str, str, int, str]] = []
    figures = {}
    for file in counted:
        title = file.counts.title
        lost = sum(n for _, n in file.unknown)
        rows += [
            (title, what, len(names), "; ".join([*names[:PLACES], *(["…"] if len(names) > PLACES else [])]))
            for what, names in (
                ("one count for several categories of a name", file.merged),
                ("found by plain letters alone (other characters are damaged)", file.loosely),
                (f"not in the tree: {lost:,} {unit} in no figure", [name for name, _ in file.unknown]),
                ("in the tree, not in the counts: taken as empty", file.missing),
            )
            if names
        ]
        figures[title] = {
            "file": file.path.name,
            "merged": file.merged,
            "loosely": file.loosely,
            "unknown": [list(row) for row in file.unknown],
            "missing": file.missing,
        }
    table = Table("What does not fit to the letter", ["level", "what", "names", "which"], rows)
    sentences = [f"{title}: {plural(n, 'name')}, {what}." for title, what, n, _ in rows]
    sentences = sentences or ["Every category has a count, and every count a category."]
    return Section("fit", "Counts and tree", sentences, [table] if rows else [], figures)
