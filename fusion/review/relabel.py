"""Reviewers' answers as a BSON catalogue for the next training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import Progress
from catalog.files.wording import listed
from catalog.ids.shop_id import ShopId
from catalog.product import ProblemLog
from catalog.relabel import Relabelled, check_destination, left_behind, write_relabelled
from fusion.review.journal import Journal

MAX_NAMED = 20


@dataclass(frozen=True)
class ExportedLabels:
    """What the new catalogue holds.

    Attributes:
        kept, relabelled: training documents as they were, and with a reviewer's label in the place of theirs.
        added: reviewed products of the other catalogues.
        missing: product_ids of reviewed products that stand in none of the files, ascending by their numbers.
        strangers: numbers of active reviews that were made on predictions of none of the catalogues.
        left_behind: stretches of the training file that hold no product of their own.
    """

    output: Path
    kept: int
    relabelled: int
    added: int
    missing: list[ShopId]
    strangers: list[int]
    left_behind: ProblemLog

    def summary(self) -> str:
        """What was written, for people."""
        return (
            f"{self.output}: {self.kept} training documents as they were, {self.relabelled} relabelled, "
            f"{self.added} reviewed products added"
        )

    def warnings(self) -> list[str]:
        """What a person should know before training on it."""
        lines = []
        if len(self.missing):
            missing = listed(self.missing, MAX_NAMED)
            lines.append(f"{len(self.missing)} reviewed products stand in none of the files: {missing}")
        if self.strangers:
            lines.append(
                f"review {', '.join(map(str, self.strangers))} was made on another catalogue than the ones given: "
                "its products were looked for by product_id alone"
            )
        if len(self.left_behind):
            lines.append(f"left out of the training file:\n{self.left_behind.summary()}")
        return lines


def export(
    journal: Journal, catalogs: Sequence[Catalog], train: Catalog | None, output: Path, progress: Progress | None = None
) -> ExportedLabels:
    """Write the training catalogue with the active answers in it, then the reviewed products of `catalogs`.

    Training documents that nobody reviewed are copied byte for byte; in a reviewed one the `category_id` alone
    changes. A product that stands in several files is taken from the first one, as `catalog split` would.

    Raises:
        FileExistsError: `output` is there already.
        ValueError: `output` is no name of a BSON file, no active review, or not one reviewed product in the files.
    """
    sources = [*([train] if train is not None else []), *catalogs]
    check_destination(output, sources)
    labels = journal.labels()
    ids = labels.product_ids
    if not len(labels):
        raise ValueError(f"{journal.folder} holds no active review: run `fusion review apply` first")
    placed = np.zeros(len(ids), bool)
    parts: list[Relabelled] = []
    for source in sources:
        place = positions_of(ids, source.product_ids)
        reviewed = (place != UNKNOWN) & ~placed[place]
        placed[place[reviewed]] = True
        label = np.where(reviewed, place, UNKNOWN)
        parts.append(Relabelled(source, label, labels.category_ids, whole=source is train, ids=labels.ids))
    if not placed.any():
        raise ValueError(f"none of the {len(ids)} reviewed products stands in {', '.join(str(s) for s in sources)}")
    write_relabelled(output, parts, progress)
    counts = [int((part.label >= 0).sum()) for part in parts]
    relabelled = counts[0] if train is not None else 0
    return ExportedLabels(
        output, kept=len(train) - relabelled if train is not None else 0, relabelled=relabelled,
        added=sum(counts) - relabelled, missing=labels.ids.take(ids[~placed]),
        strangers=[
            entry.number for entry in journal.active() if not any(source.matches(entry.catalog) for source in sources)
        ],
        left_behind=left_behind(train) if train is not None else ProblemLog(),
    )  # fmt: skip
