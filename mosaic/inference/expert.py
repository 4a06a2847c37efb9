"""Networks of the image branch as one expert: products in, `Probabilities` out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import photo_md5
from catalog.files.progress import in_batches
from catalog.probabilities import Probabilities, Silence, concatenate
from catalog.product import Problem, ProblemKind, Product
from mosaic.config import MosaicConfig
from mosaic.inference.backend import make_backend
from mosaic.inference.outputs import Backend, Outputs
from mosaic.layout import arrange, mirrored
from mosaic.networks.device import best_device
from mosaic.networks.network import MosaicNetwork
from mosaic.photos import Picture, UnreadablePhoto, decode, resize
from mosaic.views import Pass, View, passes

CACHE_BYTES = 16 * 2**20
ENTRY_BYTES = 1024
"""What keeping one strip costs beside its probabilities: its key and the objects around both."""
MIN_PROBABILITY = 1e-6
"""Floor of a probability in a geometric mean: one network alone cannot rule a leaf out."""
MosaicKey = tuple[View, tuple[bytes, ...]]


@dataclass
class DecodedPhotos:
    """Decoded photos of one chunk of products, each distinct photo once.

    Attributes:
        pictures: MD5 -> `(photo_size, photo_size, 3)` uint8; readable photos only.
        keys: per product the MD5s of its readable photos, in the seller's order.
        md5s: per product the MD5s of all its photos.
        problems: unreadable photos, by product and position.
    """

    pictures: dict[bytes, Picture]
    keys: list[tuple[bytes, ...]]
    md5s: list[tuple[bytes, ...]]
    problems: list[Problem] = field(default_factory=list)

    @property
    def n_readable(self) -> NDArray[np.int8]:
        """`(N,)` int8."""
        return np.array([len(keys) for keys in self.keys], np.int8)


def load_photos(products: Sequence[Product], size: int, max_pixels: int) -> DecodedPhotos:
    """Decode a chunk's photos at `size` in threads (OpenCV lets go of the interpreter lock)."""
    md5s = [tuple(photo_md5(photo) for photo in product.images) for product in products]
    encoded = {
        md5: photo
        for own, product in zip(md5s, products, strict=True)
        for md5, photo in zip(own, product.images, strict=True)
    }

    def read(item: tuple[bytes, bytes]) -> tuple[bytes, Picture | UnreadablePhoto]:
        try:
            return item[0], resize(decode(item[1], max_pixels), size)
        except UnreadablePhoto as error:
            return item[0], error

    with ThreadPoolExecutor(cv2.getNumberOfCPUs()) as pool:
        decoded = dict(pool.map(read, encoded.items()))
    pictures = {md5: p for md5, p in decoded.items() if not isinstance(p, UnreadablePhoto)}
    photos = DecodedPhotos(pictures, [tuple(m for m in own if m in pictures) for own in md5s], md5s)
    for product, own in zip(products, md5s, strict=True):
        for rank, md5 in enumerate(own, start=1):
            if md5 not in pictures:
                where, why = f"photo {rank}", str(decoded[md5])
                photos.problems.append(Problem(ProblemKind.UNREADABLE_PHOTO, where, product.product_id, why))
    return photos


class MosaicExpert:
    """Sends each product to the networks that serve its image count (`catalog.photo_branch.passes`).

    Where a network sees one photo per pass, the probabilities of a product's photos are averaged; a count that no
    network serves leaves the expert silent (no network).
    """

    def __init__(
        self,
        name: str,
        networks: Mapping[View, MosaicNetwork],
        config: MosaicConfig,
        *,
        k: Mapping[View, int],
        taxonomy: str,
        plan: str = "",
        backends: Mapping[View, Backend] | None = None,
        partial: bool = False,
    ) -> None:
        """`networks` by what they see; by the same keys `k`: leaves kept, and what runs the networks, made if None.

        `partial`: speak also of products of which only some photos have a network.
        """
        if not networks:
            raise ValueError(f"expert {name} has no network: run `mosaic train`")
        self.name, self.config, self.k = name, config, dict(k)
        self.taxonomy, self.plan, self.partial = taxonomy, plan, partial
        self.device = best_device()
        self.networks = {view: network.to(self.device).eval() for view, network in networks.items()}
        self.backends = dict(backends or {}) or {
            view: make_backend(network, config.inference, self.device, config.photo_size)
            for view, network in self.networks.items()
        }
        # mosaics of copied photos recur across chunks; a few recent results are kept, never more than CACHE_BYTES
        self._recent: OrderedDict[MosaicKey, NDArray[np.float32]] = OrderedDict()

    def predict(self, products: Sequence[Product], photos: DecodedPhotos) -> Probabilities:
        """One row per product, in order."""
        ids = np.array([p.product_id for p in products], np.int64)
        counts = photos.n_readable
        parts, rows_of = [], []
        for count in np.unique(counts).tolist() or [0]:
            rows = np.flatnonzero(counts == count)
            plan = passes(list(self.networks), count, partial=self.partial)
            used = sorted({view for view, _ in plan}) or [next(iter(self.networks))]
            support, frequency = self._support(used)
            silence = np.full(len(rows), Silence.SPEAKS, np.uint8)
            if plan:
                dense = self._dense(plan, support, [photos.keys[i] for i in rows], photos)
            else:
                dense = np.full((len(rows), len(support)), np.nan, np.float32)
                silence[:] = Silence.NO_NETWORK if count else Silence.UNREADABLE
            parts.append(
                Probabilities.from_dense(
                    self.name, ids[rows], counts[rows], dense, silence,
                    support=support, frequency=frequency,
                    # a silent row lists nothing, and must not widen the rows of the others
                    k=max(self.k.get(view, 1) for view in used) if plan else 1,
                    taxonomy=self.taxonomy, plan=self.plan,
                )
            )  # fmt: skip
            rows_of.append(rows)
        stacked = concatenate(parts)
        return stacked.select(np.argsort(np.concatenate(rows_of)))

    def _support(self, views: Sequence[View]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Leaves that any of these networks can name, and their mean training share."""
        leaves = np.concatenate([self.networks[view].support.cpu().numpy() for view in views])
        shares = np.concatenate([self.networks[view].frequency.cpu().numpy() for view in views])
        support, place = np.unique(leaves, return_inverse=True)
        return support.astype(np.int32), np.bincount(place, shares) / len(views)

    def _dense(
        self, plan: list[Pass], support: NDArray[np.int32], keys: list[tuple[bytes, ...]], photos: DecodedPhotos
    ) -> NDArray[np.float32]:
        """`(len(keys), len(support))` probabilities; equal mosaics are computed once."""
        wanted: list[list[MosaicKey]] = [[(view, tuple(own[i] for i in shown)) for view, shown in plan] for own in keys]
        distinct = dict.fromkeys(key for own in wanted for key in own)
        found = {key: self._recent[key] for key in distinct if key in self._recent}
        found.update(self._compute([key for key in distinct if key not in found], photos))
        for key, row in found.items():
            self._recent[key] = row
            self._recent.move_to_end(key)
        while len(self._recent) > max(1, CACHE_BYTES // (4 * len(support) + ENTRY_BYTES)):
            self._recent.popitem(last=False)
        places = [np.searchsorted(support, self.networks[view].support.cpu().numpy()) for view, _ in plan]
        seen = np.zeros((len(plan), len(keys), len(support)), np.float32)
        for number, place in enumerate(places):
            seen[number][:, place] = [found[own[number]] for own in wanted]
        return average(seen, self.config.inference.average)

    def _compute(self, keys: list[MosaicKey], photos: DecodedPhotos) -> dict[MosaicKey, NDArray[np.float32]]:
        out: dict[MosaicKey, NDArray[np.float32]] = {}
        by_view: dict[View, list[tuple[bytes, ...]]] = {}
        for view, md5s in keys:
            by_view.setdefault(view, []).append(md5s)
        for view, own in by_view.items():
            for batch, pictures in batches(own, photos, self.config.photos_per_batch):
                rows = self._probabilities(self.backends[view], pictures)
                # a view would keep the whole batch alive for as long as one of its rows is remembered
                out.update(((view, md5s), row.copy()) for md5s, row in zip(batch, rows, strict=True))
        return out

    def _probabilities(self, backend: Backend, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`(B, N, S, S, 3)` uint8 -> `(B, leaves)` float32 softmax, mean with the mirrored photos when configured."""
        seen = [torch.from_numpy(out.logits).softmax(dim=1) for out in run_network(backend, photos, self.config)]
        result: NDArray[np.float32] = (sum(seen[1:], seen[0]) / len(seen)).numpy()
        return result


def batches(
    mosaics: Iterable[tuple[bytes, ...]], photos: DecodedPhotos, photos_per_batch: int
) -> Iterator[tuple[list[tuple[bytes, ...]], NDArray[np.uint8]]]:
    """Group mosaics, given as the MD5s of their photos, into batches of one length: `(B, N, S, S, 3)` uint8 each."""
    alike: dict[int, list[tuple[bytes, ...]]] = {}
    for md5s in mosaics:
        alike.setdefault(len(md5s), []).append(md5s)
    for length, own in alike.items():
        size = max(1, photos_per_batch // length)
        for batch in in_batches(own, size):
            yield batch, np.stack([np.stack([photos.pictures[md5] for md5 in md5s]) for md5s in batch])


def run_network(backend: Backend, photos: NDArray[np.uint8], config: MosaicConfig) -> list[Outputs]:
    """What a network says of `(B, N, S, S, 3)` uint8 photos set into mosaics and, when configured, mirrored."""
    straight = torch.from_numpy(photos)
    ways = [straight, mirrored(straight)] if config.inference.flip else [straight]
    # in one call: a single product's two ways are two cores' work
    seen = backend(arrange(torch.cat(ways), config.layout).numpy())
    return [Outputs(*(values[i : i + len(photos)] for values in seen)) for i in range(0, len(seen.logits), len(photos))]


def average(
    probabilities: NDArray[np.floating],
    how: Literal["arithmetic", "geometric"],
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """Mean over the first axis of `(P, N, S)` probabilities: `(N, S)` float32, each row summing to one.

    `weights`: `(P, N)`, for instance how many photos each of the P stands for; a weight of 0 leaves a row out.
    """
    if len(probabilities) == 1:
        return probabilities[0].astype(np.float32)
    if how == "geometric":
        logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        out = np.exp(np.average(logs, axis=0, weights=_spread(weights, logs)))
        out /= out.sum(axis=1, keepdims=True)
    else:
        out = np.average(probabilities, axis=0, weights=_spread(weights, probabilities))
    return out.astype(np.float32)


def _spread(weights: NDArray[np.floating] | None, like: NDArray[np.floating]) -> NDArray[np.floating] | None:
    return None if weights is None else np.broadcast_to(weights[..., None], like.shape)
