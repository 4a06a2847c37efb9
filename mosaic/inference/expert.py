"""Networks of the image branch as one expert."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Opinion
from catalog.files.progress import in_batches
from catalog.photos.batch import PhotoDecoder
from catalog.probabilities import Probabilities, Silence, concatenate
from catalog.recent_rows import Row
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.loading import photo_decoder
from mosaic.inference.outputs import Backend, Outputs, softmax
from mosaic.layout import arrange, mirrored
from mosaic.merging import average
from mosaic.photos import squared
from mosaic.views import Pass, View, passes

EVIDENCE = "photos"
MosaicKey = tuple[object, View, tuple[bytes, ...]]
"""An expert's mark, the network, and the MD5s of the photos that it is shown together."""
RowsBeside = Callable[[Sequence[tuple[bytes, ...]], Sequence[Outputs]], Mapping[Any, Row]]
"""From mosaics, by the MD5s of their photos, and what a network says of them in each way, to rows to remember."""


class MosaicExpert:
    """Sends each product to the networks that serve its image count (`mosaic.views.passes`).

    Where a network sees one photo per pass, the probabilities of a product's photos are averaged; a count that no
    network serves leaves the expert silent (no network).
    """

    def __init__(
        self, name: str, networks: Mapping[View, DeployedNetwork], config: MosaicConfig, *, k: Mapping[View, int],
        taxonomy: str, plan: str = "", partial: bool = False,
    ) -> None:  # fmt: skip
        """`networks` by what they see; `k`, by the same keys: leaves kept.

        `partial`: speak also of products of which only some photos have a network.
        """
        if not networks:
            raise ValueError(f"expert {name} has no network: run `mosaic train`")
        self.name, self.config, self.photo_side = name, config, config.photo_size
        self.networks, self.k = dict(networks), dict(k)
        self.taxonomy, self.plan, self.partial = taxonomy, plan, partial
        self.support, self.frequency = self._support(sorted(self.networks))
        # an expert that is asked later need not run a network a second time
        self.beside: dict[View, RowsBeside] = {}
        # experts of the same name may share a memory: of two checkpoints, or two models
        self._mark = object()

    @property
    def photo_decoder(self) -> PhotoDecoder:
        """As the configuration says."""
        return photo_decoder(self.config)

    def close(self) -> None:
        """Nothing was started."""

    def predict(self, chunk: Chunk, so_far: Sequence[Opinion] = ()) -> Opinion:
        """What the networks say, see `Expert.predict`.

        Products of one image count are predicted together: the networks, and with them the support, depend on it.
        """
        counts, ids = chunk.n_readable, chunk.product_ids
        parts, rows_of_parts = [], []
        for count in np.unique(counts).tolist() or [0]:
            rows = np.flatnonzero(counts == count)
            parts.append(self._predict_count(count, ids[rows], [chunk.readable[row] for row in rows], chunk))
            rows_of_parts.append(rows)
        rows_in_order = np.argsort(np.concatenate(rows_of_parts))
        # the chunk's image counts must not decide over which leaves a product's remaining mass is spread
        probabilities = replace(concatenate(parts), support=self.support, frequency=self.frequency)
        return Opinion(probabilities.select(rows_in_order), EVIDENCE)

    def _predict_count(
        self, count: int, ids: NDArray[np.int64], md5s: list[tuple[bytes, ...]], chunk: Chunk
    ) -> Probabilities:
        """Rows of products that all have `count` readable photos, given by their MD5s."""
        passes_made = passes(list(self.networks), count, partial=self.partial)
        views = sorted({view for view, _ in passes_made}) or [next(iter(self.networks))]
        support, frequency = self._support(views)
        if passes_made:
            dense = self._dense(passes_made, support, md5s, chunk)
            silence = Silence.SPEAKS
        else:
            dense = np.full((len(ids), len(support)), np.nan, np.float32)
            silence = Silence.NO_NETWORK if count else Silence.UNREADABLE
        return Probabilities.from_dense(
            self.name, ids, np.full(len(ids), count, np.int8), dense, np.full(len(ids), silence, np.uint8),
            support=support, frequency=frequency,
            # a silent row lists nothing, and must not widen the rows of the others
            k=max(self.k.get(view, 1) for view in views) if passes_made else 1,
            taxonomy=self.taxonomy, plan=self.plan,
        )  # fmt: skip

    def _support(self, views: Sequence[View]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """`(S,)` leaves that any of these networks can name, and their `(S,)` mean training share."""
        leaves = np.concatenate([self.networks[view].support for view in views])
        shares = np.concatenate([self.networks[view].frequency for view in views])
        support, column = np.unique(leaves, return_inverse=True)
        return support.astype(np.int32), np.bincount(column, shares) / len(views)

    def _dense(
        self, passes_made: list[Pass], support: NDArray[np.int32], md5s: list[tuple[bytes, ...]], chunk: Chunk
    ) -> NDArray[np.float32]:
        """`(len(md5s), len(support))` probabilities; equal mosaics are computed once."""
        keys: list[list[MosaicKey]] = [
            [(self._mark, view, tuple(md5s_of_product[photo] for photo in shown)) for view, shown in passes_made]
            for md5s_of_product in md5s
        ]
        rows = chunk.recent.of(chain(*keys), lambda missing: self._compute(missing, chunk))
        dense = np.zeros((len(passes_made), len(md5s), len(support)), np.float32)
        for number, (view, _) in enumerate(passes_made):
            columns = np.searchsorted(support, self.networks[view].support)
            dense[number][:, columns] = [rows[keys_of_product[number]] for keys_of_product in keys]
        return average(dense, self.config.inference.average)

    def _compute(self, keys: list[MosaicKey], chunk: Chunk) -> dict[MosaicKey, Row]:
        """Probabilities of each mosaic over the support of its own network, and what else is to be remembered of it."""
        rows: dict[MosaicKey, Row] = {}
        by_view = defaultdict(list)
        for _, view, md5s in keys:
            by_view[view].append(md5s)
        for view, mosaics in by_view.items():
            for batch, pictures in batches(mosaics, chunk, self.config):
                ways = run_network(self.networks[view].backend, pictures, self.config)
                rows.update(
                    ((self._mark, view, md5s), row) for md5s, row in zip(batch, _probabilities(ways), strict=True)
                )
                if view in self.beside:
                    rows.update(self.beside[view](batch, ways))
        return rows


def _probabilities(ways: Sequence[Outputs]) -> NDArray[np.float32]:
    """`(B, leaves)` float32 softmax of B mosaics, mean with the mirrored photos when configured."""
    of_ways = [softmax(outputs.logits) for outputs in ways]
    mean: NDArray[np.float32] = sum(of_ways[1:], of_ways[0]) / np.float32(len(of_ways))
    return mean


def batches(
    mosaics: Iterable[tuple[bytes, ...]], chunk: Chunk, config: MosaicConfig
) -> Iterator[tuple[list[tuple[bytes, ...]], NDArray[np.uint8]]]:
    """Group mosaics, given as the MD5s of their photos, into batches of one length: `(B, N, S, S, 3)` uint8 each."""
    by_length = defaultdict(list)
    for md5s in mosaics:
        by_length[len(md5s)].append(md5s)
    for length, alike in by_length.items():
        for batch in in_batches(alike, max(1, config.photos_per_batch // length)):
            yield batch, np.stack([np.stack([squared(chunk.pictures[md5], config.photo_size) for md5 in md5s])
                                   for md5s in batch])  # fmt: skip


def run_network(backend: Backend, photos: NDArray[np.uint8], config: MosaicConfig) -> list[Outputs]:
    """What a network says of `(B, N, S, S, 3)` uint8 photos set into mosaics and, when configured, mirrored.

    Further augmentation at prediction did not help in the challenge.
    """
    ways = [photos, mirrored(photos)] if config.inference.flip else [photos]
    # in one call: a single product's two ways are two cores' work
    outputs = backend(arrange(np.concatenate(ways), config.layout))
    return [Outputs(*arrays) for arrays in zip(*(np.split(values, len(ways)) for values in outputs), strict=True)]
