"""Reviewers' answers as a BSON catalogue for the next training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bson
import numpy as np
from numpy.typing import NDArray

from catalog.atomic import atomic_path
from catalog.catalog import Catalog
from catalog.product import ProblemKind, ProblemLog
from catalog.sources.source import Progress
from fusion.review.journal import Journal

STRIDE = 1000
LEFT_BEHIND = (ProblemKind.TRUNCATED, ProblemKind.GARBAGE, ProblemKind.BAD_DOCUMENT, ProblemKind.REPEATED_ID)
MAX_NAMED = 20


@dataclass(frozen=True)
class Exported:
    """What the new catalogue holds.

    Attributes:
        kept, relabelled: training documents as they were, and with a reviewer's label in the place of theirs.
        added: reviewed products of the other catalogues.
        missing: product_ids of reviewed products that stand in none of the files, ascending.
        strangers: numbers of active reviews that were made on predictions of none of the catalogues.
        left_behind: stretches of the training file that hold no product of their own.
    """

    output: Path
    kept: int
    relabelled: int
    added: int
    missing: NDArray[np.int64]
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
            names = ", ".join(map(str, self.missing[:MAX_NAMED].tolist()))
            more = f" and {len(self.missing) - MAX_NAMED} more" if len(self.missing) > MAX_NAMED else ""
            lines.append(f"{len(self.missing)} reviewed products stand in none of the files: {names}{more}")
        if self.strangers:
            lines.append(
                f"review {', '.join(map(str, self.strangers))} was made on another catalogue than the ones given: "
                "its products were looked for by product_id alone"
            )
        if len(self.left_behind):
            lines.append(f"left out of the training file:\n{self.left_behind.summary()}")
        return lines


def export(
    journal: Journal,
    catalogs: Sequence[Catalog],
    train: Catalog | None,
    output: Path,
    progress: Progress | None = None,
) -> Exported:
    """Write the training catalogue with the active answers in it, then the reviewed products of `catalogs`.

    Training documents that nobody reviewed are copied byte for byte; in a reviewed one the `category_id` alone
    changes. A product that stands in several files is taken from the first one, as `catalog split` would.

    Raises:
        FileExistsError: `output` is there already.
        ValueError: no active review, or not one reviewed product in the files.
    """
    if output.exists():
        raise FileExistsError(f"{output} exists already: choose another --output")
    ids, categories = journal.labels()
    if not len(ids):
        raise ValueError(f"{journal.folder} holds no active review: run `fusion review apply` first")
    sources = [*([train] if train is not None else []), *catalogs]
    found = np.zeros(len(ids), bool)
    plans: list[tuple[Catalog, NDArray[np.int64]]] = []
    for source in sources:
        place = np.searchsorted(ids, source.product_ids).clip(max=len(ids) - 1)
        reviewed = (ids[place] == source.product_ids) & ~found[place]
        found[place[reviewed]] = True
        plans.append((source, np.where(reviewed, place, -1)))
    if not found.any():
        raise ValueError(f"none of the {len(ids)} reviewed products stands in {', '.join(str(s) for s in sources)}")
    total, done = sum(len(source) for source in sources), 0
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        for source, label in plans:
            for document in _documents(source, label, categories, whole=source is train):
                file.write(document)
                done += 1
                if progress is not None and (done % STRIDE == 0 or done == total):
                    progress(done, total)
    counts = [int((label >= 0).sum()) for _, label in plans]
    relabelled = counts[0] if train is not None else 0
    fingerprints = {source.fingerprint for source in sources}
    return Exported(
        output,
        kept=len(train) - relabelled if train is not None else 0,
        relabelled=relabelled,
        added=sum(counts) - relabelled,
        missing=ids[~found],
        strangers=[entry.number for entry in journal.active() if entry.catalog not in fingerprints],
        left_behind=_left_behind(train),
    )


def _documents(
    source: Catalog, label: NDArray[np.int64], categories: NDArray[np.int64], *, whole: bool
) -> Iterator[bytes]:
    """One for each product of a file: relabelled where `label`, a place in `categories`, is not -1.

    The others as they are, or empty unless the `whole` file is wanted.
    """
    wanted = np.ones(len(label), bool) if whole else label >= 0
    raws = source.raw(np.flatnonzero(wanted))
    for take, place in zip(wanted.tolist(), label.tolist(), strict=True):
        raw = next(raws) if take else b""
        yield relabel(raw, int(categories[place])) if place >= 0 else raw


def relabel(raw: bytes, category_id: int) -> bytes:
    """A BSON document with another `category_id`; its other fields stay, in their order."""
    fields = bson.decode(raw)
    if "category_id" not in fields:
        # where Cdiscount's files have it: after the _id
        fields = {"_id": fields.pop("_id"), "category_id": category_id, **fields}
    fields["category_id"] = category_id
    return bson.encode(fields)


def _left_behind(train: Catalog | None) -> ProblemLog:
    """What of a training file is not copied."""
    log = ProblemLog()
    if train is not None:
        log.counts.update({kind: n for kind, n in train.problems.counts.items() if kind in LEFT_BEHIND})
        log.named = [problem for problem in train.problems.named if problem.kind in LEFT_BEHIND]
    return log
