"""Suspects one by one, as sheet and page show them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import Progress
from catalog.ids.shop_id import ShopId
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.audit.copies import count_copies, count_same_titles
from curation.audit.evidence import LabelEvidence
from curation.audit.suspects import Suspects
from curation.shown_titles import titles_at


@dataclass(frozen=True, slots=True)
class Suspect:
    """One likely wrong label.

    Attributes:
        position: in the catalogue.
        label_id, suggested_id: category_ids; label, suggestion: their paths as people are shown them.
        part_at: the highest level at which the two differ, by name.
        p_label, p_suggestion: probabilities of the two leaves.
        gain: expected tree distance that a correction takes away.
        copies: labelled products that share a photo; of these with another label, and with the suggested one.
        reason: what speaks against the label, for people.
        title: the shop's own, empty where there is none.
    """

    product_id: ShopId
    position: int
    label_id: ShopId
    label: str
    suggested_id: ShopId
    suggestion: str
    part_at: str
    p_label: float
    p_suggestion: float
    gain: float
    copies: int
    copies_other: int
    copies_suggested: int
    reason: str
    title: str = ""


def list_suspects(
    catalog: Catalog,
    tree: Taxonomy,
    evidence: LabelEvidence,
    suspects: Suspects,
    at_most: int,
    progress: Progress | None = None,
) -> list[Suspect]:
    """The first `at_most` suspects in their order."""
    scores, rows = evidence.scores, suspects.rows[:at_most]
    leaf, label = scores.predicted[rows, -1], evidence.label[rows]
    positions = evidence.positions[rows]
    copies = count_copies(catalog, positions, catalog.leaves(tree), leaf, progress)
    ids, titles = catalog.shop_ids(positions), titles_at(catalog.titles(progress), positions)
    alike, of_title = count_same_titles(catalog, positions), _title_reasons(tree, evidence, rows)
    # a label may be a name, or a category that counts as the one above it
    own_labels = catalog.ids.take(catalog.category_ids[positions])
    listed = []
    for at, row in enumerate(rows.tolist()):
        label_leaf, suggested_leaf = int(label[at]), int(leaf[at])
        counts = int(copies.all[at]), int(copies.other[at]), int(copies.suggested[at])
        listed.append(
            Suspect(
                product_id=ids[at],
                position=int(evidence.positions[row]),
                label_id=own_labels[at],
                label=path_text(tree.shown[label_leaf]),
                suggested_id=tree.shop_ids[suggested_leaf],
                suggestion=path_text(tree.shown[suggested_leaf]),
                part_at=tree.level_names[parting_level(tree, int(scores.distance[row]))],
                p_label=float(scores.p_truth[row, -1]),
                p_suggestion=float(scores.confidence[row, -1]),
                gain=float(suspects.gain[row]),
                copies=counts[0],
                copies_other=counts[1],
                copies_suggested=counts[2],
                reason="; ".join(
                    [*_reasons(tree, evidence, suspects, row, counts), *of_title[at], *_of_alike(*alike[at].tolist())]
                ),
                title=titles[at],
            )
        )
    return listed


def parting_level(tree: Taxonomy, distance: int) -> int:
    """The highest level at which two leaves of this tree distance differ: Cat I for the depth of the tree."""
    return tree.depth + 1 - distance


def _reasons(tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects, row: int, copies: Sequence[int]) -> list[str]:
    scores = evidence.scores
    # the highest level that is flagged: sums over many leaves are surer than single ones
    level = next(level for level in tree.levels if suspects.counted[level].flagged[row])
    path = tree.shown_path(level, int(scores.likeliest[row, level - 1]))
    p_node, p_label = scores.p_likeliest[row, level - 1], scores.p_truth[row, level - 1]
    # a leaf further up is called by the level at which it stands
    reasons = [f"{tree.level_names[len(path)]} {path[-1]} {p_node:.0%}, the label's {p_label:.0%}"]
    if not evidence.named[row]:
        reasons.append("the label's category was never learnt")
    if copies[1]:
        reasons.append(f"{copies[1]} of {copies[0]} products with its photos are labelled otherwise")
    return reasons


def _title_reasons(tree: Taxonomy, evidence: LabelEvidence, rows: NDArray[np.int64]) -> list[list[str]]:
    """What the titles at `(n,)` rows say by themselves, beside other evidence; nothing where they name the label."""
    titles = evidence.titles
    if titles is None:
        return [[] for _ in rows]
    place = positions_of(titles.product_ids, evidence.scores.product_ids[rows])
    leaf, p = titles.leaves[place, 0], titles.values[place, 0]
    speaks = (place != UNKNOWN) & (leaf != evidence.label[rows])
    return [
        [f"its title says {path_text(tree.shown[leaf[at]])} ({p[at]:.0%})"] if speaks[at] else []
        for at in range(len(rows))
    ]


def _of_alike(n: int, n_otherwise: int) -> list[str]:
    """How other products of one title are labelled."""
    return [f"{n_otherwise} of {n} other products of its title are labelled otherwise"] if n_otherwise else []
