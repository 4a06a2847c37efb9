"""What `catalog split` keeps on one side beside exact copies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.files.wording import percent, plural
from catalog.product import ProblemLog
from catalog.split.given_groups import GROUP, GivenGroups
from catalog.split.linking import Together
from catalog.split.plan import Plan, trainable
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.near_products import NearProducts
from curation.near_vectors import Ints, NearVectors


@dataclass(frozen=True)
class Belonging:
    """What is asked for.

    Attributes:
        near_bits: bits of 64 in which the hashes of near copies may differ, None: none are looked for.
        max_group: near copies join no more products than this.
        column: of the catalogue, or of `file`, by which products are grouped.
        file: CSV of product_id and that column (`group` where none is named).
        vectors: folder of `mosaic embed`, None: closeness is not looked at; cosine: from which products are close.
        titles: where neither is given, products of one title are a group.
    """

    near_bits: int | None = None
    max_group: int = 50
    column: str | None = None
    file: Path | None = None
    titles: bool = True
    vectors: Path | None = None
    cosine: float = 0.9

    def find(
        self, catalog: Catalog, tree: Taxonomy, max_copies: int, progress: Progress | None = None
    ) -> tuple[Together | None, list[str], ProblemLog]:
        """What the plan takes, sentences about the groups that were given, photos that could not be decoded.

        Raises:
            FileNotFoundError, ValueError: see `GivenGroups` and `PhotoHashes.of`.
        """
        among = trainable(catalog, tree)
        given = self._given(catalog, among, max_copies, progress)
        told = [] if given is None else [str(given)]
        pairs, distance = list[Ints](), list[NDArray[np.floating]]()
        problems = ProblemLog()
        if self.near_bits is not None:
            near = NearProducts.of(catalog, among, self.near_bits, max_copies, progress)
            if near.n_common:
                told.append(f"near copies: {plural(near.n_common, 'look')} of too many products link nothing")
            pairs.append(near.pairs)
            # near copies come before what is merely close
            distance.append(near.bits - 65.0)
            problems = near.problems
        if self.vectors is not None:
            close = NearVectors.of(self.vectors, catalog, among, self.cosine, progress)
            pairs.append(close.pairs)
            distance.append(close.distance)
        group, of = (None, "") if given is None else (given.group, given.of)
        if not pairs:
            return None if given is None else Together(group, of), told, problems
        together = Together(
            group, of, np.concatenate(pairs), np.concatenate(distance), self.max_group, self.near_bits,
            None if self.vectors is None else self.cosine,
        )  # fmt: skip
        return together, told, problems

    def _given(
        self, catalog: Catalog, among: NDArray[np.bool_], max_copies: int, progress: Progress | None
    ) -> GivenGroups | None:
        if self.file is not None:
            return GivenGroups.of_file(catalog, self.file, self.column or GROUP)
        if self.column is not None:
            return GivenGroups.of_column(catalog, self.column, progress)
        return GivenGroups.of_titles(catalog, among, max_copies, progress) if self.titles else None

    @property
    def options(self) -> str:
        """The options that ask for it, as they are typed; each with a blank before it."""
        given = {"--group": self.column, "--groups": self.file}
        near = "" if self.near_bits is None else f" --near --distance {self.near_bits}"
        near += "" if self.vectors is None else f" --near-embeddings {self.vectors} --cosine {self.cosine:g}"
        near += f" --max-group {self.max_group}" if near else ""
        titles = "" if self.titles else " --no-titles"
        return near + titles + "".join(f" {name} {value}" for name, value in given.items() if value is not None)


def linked_lines(plan: Plan) -> list[str]:
    """Sentences about the groups of a plan that links more than exact copies."""
    by = plan.linked_by
    if by is None:
        return []
    n = len(plan.positions)
    lines = [
        f"linked groups of two products or more: {by.n_groups:,}, the largest of "
        f"{round(plan.largest_component * n):,} ({percent(plan.largest_component)})"
    ]
    kinds = [f"of near copies ({by.near_bits} of 64 bits)"] if by.near_bits is not None else []
    kinds += [f"of vectors with a cosine of {by.near_cosine:g} or more"] if by.near_cosine is not None else []
    if kinds:
        apart = f"{by.n_apart:,} of them may lie on both sides: " if by.n_apart else "none is left apart: "
        lines.append(
            f"{plural(by.n_pairs, 'pair')} of products {' or '.join(kinds)}; {apart}"
            f"they join no more than {plural(by.max_group, 'product')} (--max-group)"
        )
    return lines
