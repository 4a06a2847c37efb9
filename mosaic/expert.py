"""Networks by image count as one expert: products in, `Probabilities` out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import photo_md5
from catalog.photo_branch import ANY
from catalog.probabilities import Probabilities, Silence, concatenate
from catalog.product import Problem, ProblemKind, Product
from mosaic.config import MosaicConfig
from mosaic.device import best_device
from mosaic.network import MosaicNetwork
from mosaic.photos import Picture, UnreadablePhoto, decode, resize
from mosaic.strip import assemble

CACHE_BYTES = 16 * 2**20
ENTRY_BYTES = 1024
"""What keeping one strip costs beside its probabilities: its key and the objects around both."""
Progress = Callable[[int, int], None]


@dataclass
class Photos:
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


def load_photos(products: Sequence[Product], size: int, max_pixels: int) -> Photos:
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
    photos = Photos(pictures, [tuple(m for m in own if m in pictures) for own in md5s], md5s)
    for product, own in zip(products, md5s, strict=True):
        for rank, md5 in enumerate(own, start=1):
            if md5 not in pictures:
                where, why = f"photo {rank}", str(decoded[md5])
                photos.problems.append(Problem(ProblemKind.UNREADABLE_PHOTO, where, product.product_id, why))
    return photos


class MosaicExpert:
    """Sends each product to the network of its image count.

    A count without its own network goes to the general one, else its photos pass one by one through the network
    for single photos and the probabilities are averaged; with neither, the expert is silent (no network).
    """

    def __init__(
        self,
        name: str,
        networks: Mapping[int, MosaicNetwork],
        config: MosaicConfig,
        *,
        k: Mapping[int, int],
        taxonomy: str,
        plan: str = "",
    ) -> None:
        """`networks` by image count (`ANY` = 0: general); `k` by the same keys: leaves kept."""
        if not networks:
            raise ValueError(f"expert {name} has no network: run `mosaic train`")
        self.name, self.config, self.k = name, config, dict(k)
        self.taxonomy, self.plan = taxonomy, plan
        self.device = best_device()
        self.networks = {count: network.to(self.device).eval() for count, network in networks.items()}
        # strips of copied photos recur across chunks; a few recent results are kept, never more than CACHE_BYTES
        self._recent: OrderedDict[tuple[int, tuple[bytes, ...]], NDArray[np.float32]] = OrderedDict()

    def predict(self, products: Sequence[Product], photos: Photos) -> Probabilities:
        """One row per product, in order."""
        ids = np.array([p.product_id for p in products], np.int64)
        counts = photos.n_readable
        parts, rows_of = [], []
        for key, rows in self._groups(counts).items():
            network = self.networks[key] if key in self.networks else next(iter(self.networks.values()))
            silence = np.full(len(rows), Silence.SPEAKS, np.uint8)
            if key in self.networks:
                dense = self._dense(key, [photos.keys[i] for i in rows], photos)
            else:
                dense = np.full((len(rows), len(network.support)), np.nan, np.float32)
                silence[:] = Silence.NO_NETWORK
                silence[counts[rows] == 0] = Silence.UNREADABLE
            parts.append(
                Probabilities.from_dense(
                    self.name, ids[rows], counts[rows], dense, silence,
                    support=network.support.cpu().numpy().astype(np.int32),
                    frequency=network.frequency.cpu().numpy(),
                    # a silent row lists nothing, and must not widen the rows of the others
                    k=self.k.get(key, 1), taxonomy=self.taxonomy, plan=self.plan,
                )
            )  # fmt: skip
            rows_of.append(rows)
        stacked = concatenate(parts)
        return stacked.select(np.argsort(np.concatenate(rows_of)))

    def _groups(self, counts: NDArray[np.int8]) -> dict[int, NDArray[np.int64]]:
        """Rows by the network that serves them; key -1 for none."""
        groups: dict[int, list[int]] = {}
        for row, count in enumerate(counts.tolist()):
            if count and count in self.networks:
                key = count
            elif count and ANY in self.networks:
                key = ANY
            else:
                key = 1 if count and 1 in self.networks else -1
            groups.setdefault(key, []).append(row)
        found = {key: np.array(rows) for key, rows in groups.items()}
        return found or {next(iter(self.networks)): np.zeros(0, np.int64)}

    def _dense(self, key: int, keys: list[tuple[bytes, ...]], photos: Photos) -> NDArray[np.float32]:
        """`(len(keys), S)` probabilities; equal strips are computed once."""
        single = key == 1
        wanted = [[(m,) for m in own] if single else [own] for own in keys]
        missing = dict.fromkeys(s for strips in wanted for s in strips if (key, s) not in self._recent)
        fresh = self._compute(self.networks[key], list(missing), photos)
        found = {s: fresh[s] if s in fresh else self._recent[key, s] for strips in wanted for s in strips}
        for strip, row in found.items():
            self._recent[key, strip] = row
            self._recent.move_to_end((key, strip))
        support = len(self.networks[key].support)
        if not keys:
            return np.zeros((0, support), np.float32)
        while len(self._recent) > max(1, CACHE_BYTES // (4 * support + ENTRY_BYTES)):
            self._recent.popitem(last=False)
        return np.stack([np.mean([found[s] for s in strips], axis=0, dtype=np.float32) for strips in wanted])

    def _compute(
        self, network: MosaicNetwork, strips: list[tuple[bytes, ...]], photos: Photos
    ) -> dict[tuple[bytes, ...], NDArray[np.float32]]:
        out: dict[tuple[bytes, ...], NDArray[np.float32]] = {}
        by_length: dict[int, list[tuple[bytes, ...]]] = {}
        for strip in strips:
            by_length.setdefault(len(strip), []).append(strip)
        for length, own in by_length.items():
            size = max(1, self.config.photos_per_batch // length)
            for start in range(0, len(own), size):
                batch = own[start : start + size]
                pictures = [assemble([photos.pictures[m] for m in s], self.config.photo_size) for s in batch]
                out.update(zip(batch, self._probabilities(network, np.stack(pictures), length), strict=True))
        return out

    @torch.inference_mode()
    def _probabilities(self, network: MosaicNetwork, strips: NDArray[np.uint8], n: int) -> NDArray[np.float32]:
        """`(B, H, n * W, 3)` uint8 -> `(B, S)` float32 softmax, averaged with the mirrored photos when configured."""
        batch = torch.from_numpy(strips).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            out = network(batch).float().softmax(dim=1)
            if self.config.inference.flip:
                # each photo is mirrored in its own place: the order of ranks carries information
                b, height, width, _ = batch.shape
                mirrored = batch.view(b, height, n, width // n, 3).flip(3).reshape(batch.shape)
                out = (out + network(mirrored).float().softmax(dim=1)) / 2
        result: NDArray[np.float32] = out.cpu().numpy()
        return result
