"""What waits for a reviewer, the answers that bring most first, and the audit sample of what was accepted."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.ids.id_columns import numbers_in
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.prediction.columns import TITLE, path_columns, probability_columns
from fusion.review.audit import AuditSample
from fusion.review.sheet import write_review

BATCH = 4096
MAX_COPIES = 20
"""Photos with more copies than this (a shop's logo, "no picture yet") settle nothing about each other, as in a plan."""
BESIDE_PATH = [
    "product_id", "category_id", "expected_distance", "decision", "given", "reason", "top_category_ids",
    "top_probabilities", "text_read",
]  # fmt: skip
"""Columns of the full table that are shown, beside those of the path."""


@dataclass(frozen=True)
class Queue:
    """All N products that were not accepted, in the order of the full table, about 40 bytes each.

    Attributes:
        product_ids: `(N,)` int64 numbers; rows: `(N,)` int64 position in the full table.
        distance: `(N,)` float32 expected tree distance, 0..D, of the likeliest leaf.
        group: `(N,)` int64, equal for products with the same set of photos.
        copies: `(N,)` int64 size of the product's group: how many products one answer settles.
    """

    product_ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    distance: NDArray[np.float32]
    group: NDArray[np.int64]
    copies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def gain(self) -> NDArray[np.float64]:
        """`(N,)` expected tree distance that an answer removes, over all products that it settles."""
        return self.distance.astype(np.float64) * self.copies

    def best_first(self) -> NDArray[np.int64]:
        """`(N,)` positions in this queue, by gain; products of one group stand together, where its best one stands."""
        gain = self.gain
        best = np.zeros(int(self.group.max(initial=-1)) + 1)
        np.maximum.at(best, self.group, gain)
        return np.lexsort((self.rows, -gain, self.group, -best[self.group]))


@dataclass(frozen=True)
class QueueFiles:
    """What was put before the reviewers.

    Attributes:
        waiting: products that were not accepted; queued: how many of them stand in review.csv.
        audited: rows of audit.csv; audit_seed, audit_limit: an accepted product is in the sample when its key
            (`fusion.review.audit.audit_keys`) is not larger than the limit; None when none is.
    """

    waiting: int
    queued: int
    audited: int
    audit_seed: int
    audit_limit: int | None


def write_queue(
    table: Path, review: Path, audit: Path, tree: Taxonomy, *, review_rows: int, audit_rows: int, seed: int
) -> QueueFiles:
    """Write review.csv (the `review_rows` best answers to ask for) and audit.csv from the full table.

    The table is read twice, in batches: once for small arrays, once for the rows that are written.
    """
    sample = AuditSample(audit_rows, seed)
    queue = read_queue(table, sample)
    chosen = queue.best_first()[:review_rows]
    titles = [TITLE] if TITLE in pq.read_schema(table).names else []
    shown = [*BESIDE_PATH, *titles, *path_columns(tree.depth), *probability_columns(tree.depth)]
    picked = _pick(table, np.concatenate([queue.rows[chosen], sample.rows]), shown)
    asked, drawn = picked.slice(0, len(chosen)), picked.slice(len(chosen))
    write_review(review, _with_gain(asked, queue.gain[chosen], queue.copies[chosen]), tree)
    alone = np.ones(len(drawn), np.int64)
    write_review(audit, _with_gain(drawn, drawn["expected_distance"].to_numpy(), alone), tree)
    return QueueFiles(len(queue), len(chosen), len(drawn), seed, sample.limit)


def read_queue(table: Path, sample: AuditSample | None = None) -> Queue:
    """Scan a full table for what was not accepted; what was is shown to `sample`."""
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.uint64))]
    for first, batch in _batches(table, ["product_id", "decision", "expected_distance", "photos_md5"]):
        ids = numbers_in(batch["product_id"])
        accepted = pc.equal(batch["decision"], Decision.ACCEPT.value).to_numpy(zero_copy_only=False)
        rows, waits = first + np.arange(len(ids)), np.flatnonzero(~accepted)
        if sample is not None:
            sample.add(ids[accepted], rows[accepted])
        photos = batch["photos_md5"].take(pa.array(waits)).to_pylist()
        keys = [_photo_key(i, md5s) for i, md5s in zip(ids[waits].tolist(), photos, strict=True)]
        distance = batch["expected_distance"].to_numpy()[waits]
        parts.append((ids[waits], rows[waits], distance, np.array(keys, np.uint64)))
    ids, rows, distance, key = (np.concatenate(column) for column in zip(*parts, strict=True))
    group, copies = _group(key)
    return Queue(ids, rows, distance, group, copies)


def _group(key: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of each product's group, by first appearance, and the group's size; the too common ones stand alone."""
    _, first, inverse, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    group, copies = first[inverse], count[inverse]
    common = copies > MAX_COPIES
    return np.where(common, np.arange(len(key)), group), np.where(common, 1, copies)


def _photo_key(product: int, md5s: Sequence[str]) -> int:
    """64 bits that stand for a set of photos; products without a photo have nothing in common."""
    # of ten million sets of photos two share their 64 bits with a probability of 3e-6
    photos = md5s[0] if len(md5s) == 1 else "".join(sorted(set(md5s))) if md5s else f"product {product}"
    return int.from_bytes(hashlib.blake2b(photos.encode(), digest_size=8).digest(), "little")


def _pick(table: Path, rows: NDArray[np.int64], columns: list[str]) -> pa.Table:
    """The rows at distinct positions of a full table, in the order asked for."""
    # a parquet file is read forwards: rows are picked in its order, then put in the one asked for
    order = np.argsort(rows)
    ascending, picked = rows[order], []
    for first, batch in _batches(table, columns):
        low, high = np.searchsorted(ascending, [first, first + len(batch)])
        if high > low:
            picked.append(batch.take(pa.array(ascending[low:high] - first)))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    schema = pa.schema([pq.read_schema(table).field(name) for name in columns])
    return pa.Table.from_batches(picked, schema).take(pa.array(back))


def _with_gain(rows: pa.Table, gain: NDArray[np.floating], copies: NDArray[np.int64]) -> pa.Table:
    return rows.append_column("gain", pa.array(gain)).append_column("copies", pa.array(copies))


def _batches(table: Path, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches of a parquet file's columns, each with its first row's position."""
    first = 0
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(BATCH, columns=columns):
            yield first, batch.select(columns)
            first += len(batch)
