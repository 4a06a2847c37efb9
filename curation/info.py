"""What `catalog info` tells about a catalogue."""

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.files.wording import listed
from catalog.product import MAX_IMAGES, ProblemLog
from catalog.sources.source import NO_CATEGORY
from catalog.split.labels import TreeMatch
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.explore.placement import unknown_categories
from curation.shown_titles import first_titled, shortened


def overview(
    catalog: Catalog, tree: Taxonomy | None = None, progress: Progress | None = None
) -> tuple[str, ProblemLog]:
    """Text for people, and every problem found (the tree's included)."""
    photos = catalog.photo_index(progress)
    categories, texts = catalog.category_ids, catalog.titles(progress)
    labelled = categories != NO_CATEGORY
    lines = [
        f"{catalog}",
        f"  products      {len(catalog):>12,}   labelled {int(labelled.sum()):,}",
        f"  photos        {len(photos):>12,}   distinct {photos.n_distinct:,}",
    ]
    for n in range(MAX_IMAGES + 1):
        here = int((catalog.n_images == n).sum())
        if here or n:
            lines.append(f"  {n} photo{'s' if n != 1 else ' '}      {here:>12,}   {here / len(catalog):.1%}")
    if texts.any:
        lines.append(f"  titles        {texts.n_titles:>12,}   descriptions {texts.n_descriptions:,}")
    if example := first_titled(catalog, texts):
        lines.append(f"  for example   {example}")
    lines += _left_alone(catalog, titled=texts.any)
    lines.append(f"  categories    {len(np.unique(categories[labelled])):>12,}")
    if choice := catalog.source.category_choice():
        lines.append(f"  of the columns of categories, {choice}")
    problems = ProblemLog()
    problems.merge(catalog.problems)
    problems.merge(texts.problems)
    if tree is not None:
        match = TreeMatch.of(catalog, tree)
        if match.doubtful:
            lines.append(f"  only {match}: is it the right tree?")
        leaf = catalog.leaves(tree)
        known = leaf[leaf != UNKNOWN]
        lines += [
            f"  {tree.level_names[level]:<13} {len(np.unique(tree.ancestor(level)[known])):>12,}   "
            f"of {tree.n_nodes(level):,} in the tree"
            for level in tree.levels
        ]
        problems.merge(unknown_categories(catalog, np.flatnonzero(labelled & (leaf == UNKNOWN))))
        counts = np.bincount(known, minlength=len(tree))
        largest = [f"    {counts[i]:>8,}  {path_text(tree.shown[i])}" for i in np.argsort(-counts)[:5] if counts[i]]
        lines += ["  largest leaves", *largest] if largest else []
    lines.append(problems.summary() if len(problems) else "  no problems")
    return "\n".join(lines), problems


def _left_alone(catalog: Catalog, *, titled: bool) -> list[str]:
    """A line that names a table's other columns where it has no titles: these may stand in one of them."""
    columns = catalog.source.columns_left_alone()
    if titled or not columns:
        return []
    named = listed([shortened(name) for name in columns if name.strip()], 5)
    return [f"  columns left alone: {named}; if one has titles: --text-columns COLUMN"]
