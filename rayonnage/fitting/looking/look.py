"""A look at a catalogue before anything is decided: counted, its tree, what belongs together, what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.photos.photo_index import PhotoIndex
from catalog.product import MAX_IMAGES, ProblemLog
from catalog.sources.address import Address, shown
from catalog.sources.opening import open_source, tree_for
from catalog.sources.source import NO_CATEGORY
from catalog.split.copies import link_products
from catalog.split.given_groups import GivenGroups
from catalog.split.linking import Together
from catalog.split.plan import trainable
from catalog.split.same_titles import NO_TITLE, title_numbers
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.explore.copies import Places
from curation.explore.placement import unknown_categories
from curation.indexing import open_indexed
from curation.split_tree import tree_of_labels
from rayonnage.fitting.looking.article_column import article_column
from rayonnage.fitting.looking.decoded_sample import DecodedSample
from rayonnage.fitting.looking.learnable import check_labels, check_photos, check_products
from rayonnage.fitting.looking.survey import CatalogSurvey, ShelfSize

MAX_COPIES = 20
"""A photo of more products than this links nothing and contradicts nothing, as in `catalog split`: it is a stand-in."""
Ints = NDArray[np.int64]


def look(
    address: Address,
    tree: Path | None = None,
    names: Path | None = None,
    group: str | None = None,
    progress: Progress | None = None,
) -> CatalogSurvey:
    """Look through a catalogue once; index, MD5s and titles come from their sidecars where they were made before.

    Args:
        tree: CSV of its tree, None: the one in the folder, else the labels are the tree. names: see
            `Taxonomy.from_csv`. group: column by which products are kept together, None: one that seems to name the
            article, else titles.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: nothing can be learnt from it, see `rayonnage.fitting.looking.learnable`, or it changed meanwhile.
    """
    tree = tree_for(address, tree)
    taxonomy = None if tree is None else Taxonomy.from_csv(tree, names).whole()
    catalog = open_indexed(open_source(address, tree), progress)
    note = ""
    if taxonomy is None:
        taxonomy, note = tree_of_labels(catalog, names)
    check_labels(catalog, taxonomy, tree)
    texts = catalog.titles(progress)
    leaf, among = catalog.leaves(taxonomy), trainable(catalog, taxonomy)
    positions = np.flatnonzero(among)
    own = catalog.photo_index(progress).within(among)
    column, lots, titles_apart = _lots(catalog, own, leaf, among, group, progress)
    check_products(catalog, taxonomy, leaf, among, lots)
    sample = DecodedSample.of(catalog, own, progress=progress)
    check_photos(catalog, sample)
    title = title_numbers(texts)[positions]
    titled = title[title != NO_TITLE]
    in_use = [np.unique(taxonomy.ancestor(level)[leaf[positions]]) for level in taxonomy.levels]
    sizes = np.unique(leaf[positions], return_counts=True)[1]
    of_lot = np.unique(lots, return_counts=True)[1]
    by_images = np.bincount(catalog.n_images[leaf != UNKNOWN], minlength=MAX_IMAGES + 1).tolist()
    survey = CatalogSurvey(
        address=shown(address),
        fingerprint=catalog.fingerprint,
        n_products=len(catalog),
        n_labelled=len(positions),
        n_by_images=(by_images[0], by_images[1], by_images[2], by_images[3], by_images[4]),
        n_photos=len(own),
        n_distinct_photos=own.n_distinct,
        megapixels_per_photo=float(np.median(sample.megapixels)),
        level_names=tuple(taxonomy.level_names[level] for level in taxonomy.levels),
        n_nodes=tuple(map(len, in_use)),
        leaf_sizes=tuple(np.sort(sizes)[::-1].tolist()),
        n_titled=len(titled),
        n_distinct_titles=len(np.unique(titled)),
        n_groups=len(of_lot),
        group_column=column,
        n_contradicting=_n_contradicting(own, leaf, taxonomy),
        bytes=round(float(np.mean(sample.n_bytes)) * int(catalog.n_images.sum(dtype=np.int64))),
        problems=_problems(catalog, leaf),
        shelves=_shelves(taxonomy, leaf, own),
        tree=None if tree is None else str(tree),
        tree_note=note,
        n_sampled=sample.n_tried,
        n_broken=len(sample.broken),
        n_linked=int(of_lot[of_lot > 1].sum()),
        titles_apart=titles_apart,
        columns_left_alone=() if texts.any else catalog.source.columns_left_alone(),
    )
    check_unchanged(catalog, address, tree)
    return survey


def check_unchanged(catalog: Catalog, address: Address, tree: Path | None) -> None:
    """Raise ValueError where the place that a catalogue was opened from holds something else by now."""
    now = open_source(address, tree)
    # another stamp alone is no other content: somebody has copied the files
    if now.stamp() != catalog.stamp and Catalog(now).fingerprint != catalog.fingerprint:
        raise ValueError(
            f"{catalog} has changed while it was looked at: run the command again when whoever writes it has ended"
        )


def _lots(
    catalog: Catalog, own: PhotoIndex, leaf: Ints, among: NDArray[np.bool_], column: str | None,
    progress: Progress | None,
) -> tuple[str | None, Ints, bool]:  # fmt: skip
    """The column that names the article, if there is one, and `(n,)` lot of each product that can be learnt from.

    And whether products of one title are no lot: nobody has asked for it, and so much would hang together that nothing
    could be set aside.
    """
    positions = np.flatnonzero(among)
    if column is not None:
        given: GivenGroups | None = GivenGroups.of_column(catalog, column, progress)
    else:
        given = article_column(catalog, leaf, among)
        column = None if given is None else given.of
        given = given or GivenGroups.of_titles(catalog, among, MAX_COPIES, progress)
    _, copies = np.unique(link_products(own, MAX_COPIES).product[positions], return_inverse=True)
    if given is None or not len(positions):
        return column, copies, False
    try:
        return column, Together(given.group, given.of).link(copies, positions)[0], False
    except ValueError:
        if column is not None:
            raise
        return column, copies, True


def _shelves(tree: Taxonomy, leaf: Ints, own: PhotoIndex) -> tuple[ShelfSize, ...]:
    """Nodes of the highest level, the largest first; `(N,)` leaf, and photos of products that can be learnt from."""
    node, n_nodes = tree.ancestor(1), tree.n_nodes(1)
    used = leaf[own.n_images > 0]
    n_products = np.bincount(node[used], minlength=n_nodes)
    # a photo of products of several nodes counts for each
    on = node[leaf[own.owner]]
    distinct = np.unique(on * own.n_distinct + own.number) // own.n_distinct
    counts = [
        n_products,
        np.bincount(on, minlength=n_nodes),
        np.bincount(distinct, minlength=n_nodes),
        np.bincount(node[np.unique(used)], minlength=n_nodes),
    ]
    by_size = np.argsort(-n_products, kind="stable")
    return tuple(
        ShelfSize(path_text(tree.node_path(1, i)), *(int(count[i]) for count in counts))
        for i in by_size.tolist()
        if n_products[i]
    )


def _n_contradicting(own: PhotoIndex, leaf: Ints, tree: Taxonomy) -> int:
    """Products with a photo that lies on another leaf, too, and on too few products to be a stand-in."""
    parted = (Places.of(own, leaf, tree).parts_at > 0) & (own.n_products <= MAX_COPIES)
    return int(own.carry(parted).sum())


def _problems(catalog: Catalog, leaf: Ints) -> ProblemLog:
    problems = ProblemLog()
    problems.merge(catalog.problems)
    problems.merge(catalog.titles().problems)
    problems.merge(
        unknown_categories(catalog, np.flatnonzero((catalog.category_ids != NO_CATEGORY) & (leaf == UNKNOWN)))
    )
    return problems
