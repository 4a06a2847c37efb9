"""What is kept of a catalogue beside its source: where its products lie, the texts of their ids, the photos' MD5s."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.sidecar import keep_sidecar, read_sidecar
from catalog.ids.id_names import IdNames
from catalog.product import ProblemLog
from catalog.sources.alike_ids import alike_ids
from catalog.sources.source import ROW, Index, Source

MD5 = np.dtype((np.uint8, 16))
BYTE = np.dtype(np.uint8)
ANY_IDS = "any_ids"
"""Key of an index that was made when ids could be texts."""
LEFT_OUT_ONCE = frozenset({"BAD_DOCUMENT", "BAD_ROW", "BAD_CATEGORY", "SAME_NUMBER", "GARBAGE"})
"""What was told before that of ids that are texts, and of documents with a title in another encoding."""
LABELS = ("product_id", "category_id", "n_images")
"""Columns of the index that enter the fingerprint whole."""


@dataclass(frozen=True)
class KeptIndex:
    """The index of a source, and the ids that its numbers stand for.

    Attributes:
        header: plain JSON types; rows: `(N,)` of dtype `ROW`, memory-mapped where it was read.
    """

    header: dict[str, Any]
    rows: NDArray[np.void]
    ids: IdNames

    @classmethod
    def read(cls, source: Source, stamp: dict[str, Any]) -> Self | None:
        """What lies in sidecars of a state of the source; None where something does not, or reads more by now."""
        index = read_sidecar(source.sidecar(".index"), stamp, ROW)
        if index is None or _is_outgrown(index[0]):
            return None
        if not index[0].get("n_ids"):
            return cls(*index, IdNames.none())
        try:
            ids = read_sidecar(source.sidecar(".ids"), stamp, BYTE)
            # a bit that a disk has flipped would show another product's id
            if ids is None or ids[0]["digest"] != _digest(ids[1]):
                return None
            return cls(*index, IdNames.from_bytes(ids[1]))
        except (ValueError, KeyError):
            return None

    @classmethod
    def keep(cls, source: Source, stamp: dict[str, Any], index: Index) -> Self:
        """Write an index beside its source, and the MD5s where it has them."""
        problems = ProblemLog()
        problems.merge(index.problems)
        problems.extend(alike_ids(index))
        header = {
            "stamp": stamp,
            "n_rows": len(index.rows),
            "fingerprint": index.fingerprint,
            "content": content_fingerprint(index.rows, index.fingerprint),
            "problems": problems.to_json(),
            **({} if index.has_texts is None else {"has_texts": index.has_texts}),
            **({"n_ids": len(index.ids)} if len(index.ids) else {}),
            ANY_IDS: True,
        }
        if len(index.ids):
            data = index.ids.to_bytes()
            keep_sidecar(source.sidecar(".ids"), {"stamp": stamp, "n_rows": len(data), "digest": _digest(data)}, data)
        keep_sidecar(source.sidecar(".index"), header, index.rows)
        if index.md5s is not None:
            keep_md5s(source, stamp, index.md5s)
        return cls(header, index.rows, index.ids)

    @property
    def sampled(self) -> str:
        """The source's own fingerprint."""
        return str(self.header["fingerprint"])

    @property
    def fingerprint(self) -> str:
        """That of the content; computed where an earlier version kept none."""
        return str(self.header.get("content") or content_fingerprint(self.rows, self.sampled))


def _is_outgrown(header: dict[str, Any]) -> bool:
    """Whether an earlier version made this index, and left out what can be read by now."""
    return ANY_IDS not in header and not LEFT_OUT_ONCE.isdisjoint(header["problems"]["counts"])


def _digest(data: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(data).data, digest_size=8).hexdigest()


def content_fingerprint(rows: NDArray[np.void], sampled: str) -> str:
    """Fingerprint of all ids, categories and numbers of photos of `(N,)` rows, and of the source's own.

    Where a document lies, and how long it is, says nothing of the product. Seven million take 0.4 s.
    """
    digest = hashlib.blake2b(sampled.encode(), digest_size=16)
    for name in LABELS:
        digest.update(np.ascontiguousarray(rows[name]).data)
    return digest.hexdigest()


def keep_md5s(source: Source, stamp: dict[str, Any], digests: NDArray[np.uint8]) -> None:
    """Write the photos' MD5s, `(P, 16)` uint8 in catalogue order, beside their source."""
    keep_sidecar(source.sidecar(".md5"), {"stamp": stamp, "n_rows": len(digests)}, digests)
