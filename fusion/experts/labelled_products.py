"""The labelled products of a catalogue as vectors: which of them look most like others, copies left aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import ALL_PHOTOS, Embeddings
from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.photos.photo_index import md5_halves
from catalog.runs.training_data import TrainingData
from catalog.tree.label_leaves import label_leaves
from catalog.tree.taxonomy import Taxonomy
from fusion.experts.neighbour_shares import K, NearestLabelled
from search.contract import Entries, Filter, IndexIdentity, VectorIndex
from search.index import LocalIndex

FILE = "labelled.safetensors"
"""Beside the index: who carries which photo, and how frequent the leaves are."""
SPARE = 16
"""More products than are wanted, as some are copies: few products have more, and these are asked for alone."""
REMEDY = "run `fusion train` again"
INSTALL = "pip install 'rayonnage[search]'"
NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True)
class LabelledProducts:
    """Labelled products that can be searched by what they look like; safe in threads.

    A product that shares a photo is never among the nearest. What its label tells is the copy expert's to say; and in
    fitting there is none, as the plan keeps copies in one part: a head that met them in prediction alone would take
    their word for that of products that only look alike.

    Attributes:
        index: of their vectors.
        photo: `(P,)` uint64 first halves of the photos' MD5s, rising; product: `(P,)` int64 who carries each.
        frequency: `(n_leaves,)` float64 share of each leaf among them.
    """

    index: VectorIndex
    photo: NDArray[np.uint64]
    product: NDArray[np.int64]
    frequency: NDArray[np.float64]
    tree: Taxonomy

    @classmethod
    def create(
        cls, folder: Path, data: TrainingData, embeddings: Embeddings, progress: Progress | None = None
    ) -> LabelledProducts:
        """Index the products of a plan in a folder of its own.

        `embeddings`: a row for each of `data.plan.positions`, in order.
        """
        catalog, positions = data.catalog, data.plan.positions
        origin = embeddings.origin
        identity = IndexIdentity(origin.network, origin.digest, embeddings.width, origin.catalog, origin.fingerprint)
        entries = Entries(
            embeddings.product_ids, np.full(len(positions), ALL_PHOTOS, np.int8), catalog.category_ids[positions],
            catalog.n_images[positions].astype(np.int8), catalog.ids,
        )  # fmt: skip
        index = LocalIndex.create(folder, identity, embeddings, entries, progress=progress)
        labelled = np.zeros(len(catalog), bool)
        labelled[positions] = True
        photos = catalog.photo_index().within(labelled)
        number, carrier = photos.carriers
        photo = md5_halves(photos.md5s[photos.first])[number, 0]
        made = cls(index, photo, catalog.product_ids[carrier], data.leaf_frequency, data.tree)
        save_arrays(folder / FILE, {name: getattr(made, name) for name in _arrays(len(data.tree))})
        return made

    @classmethod
    def open(cls, folder: Path, tree: Taxonomy, digest: str) -> LabelledProducts:
        """What `create` wrote, for vectors of the network that `digest` tells.

        Raises:
            FileNotFoundError, ValueError: it is missing, damaged, or of another network or tree.
        """
        if not search_is_installed():
            raise ValueError(f"{folder} is searched by what is not installed: {INSTALL}")
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is missing: copy the whole run, or {REMEDY}")
        try:
            index = LocalIndex.open(folder)
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(f"{folder} is not whole, {REMEDY} ({error})") from None
        if index.identity.digest != digest:
            raise ValueError(
                f"{folder} holds vectors of another network ({index.identity.network}) than the run's: {REMEDY}"
            )
        arrays = load_arrays(
            folder / FILE, _arrays(len(tree)), what="labelled products", remedy=REMEDY,
            misfit="does not fit its run's tree",
        )  # fmt: skip
        return cls(index, **arrays, tree=tree)

    def nearest(
        self, vectors: NDArray[np.float32], md5s: Sequence[Sequence[bytes]], own: NDArray[np.int64] | None = None,
        without: NDArray[np.int64] = NOBODY,
    ) -> NearestLabelled:  # fmt: skip
        """The K nearest of each of N products.

        Args:
            vectors: `(N, D)` of length 1, zeros where nothing is known: nothing is near these.
            md5s: of each product's photos; none of the products that carry one of them is among its nearest.
            own: `(N,)` numbers of products that are labelled themselves: none is near itself.
            without: `(W,)` numbers of products that are near to none.
        """
        hits = self.index.search(vectors, K + SPARE, _all_but(without))
        carriers = [self._carriers(photos) for photos in md5s]
        if own is not None:
            carriers = [np.append(known, one) for known, one in zip(carriers, own, strict=True)]
        is_copy = np.array([np.isin(*pair) for pair in zip(hits.product_ids, carriers, strict=True)], bool)
        is_copy = is_copy.reshape(hits.product_ids.shape)
        # the nearest that are no copies keep their order
        order = np.argsort(is_copy, axis=1, kind="stable")[:, :K]
        scores, product_ids, labels = (
            np.take_along_axis(array, order, axis=1)
            for array in (np.where(is_copy, -np.inf, hits.scores), hits.product_ids, hits.category_ids)
        )
        for row in np.flatnonzero(is_copy.sum(axis=1) > SPARE).tolist():
            # the photo of an energy label is on hundreds of products
            alone = self.index.search(vectors[row : row + 1], K, _all_but(np.concatenate([without, carriers[row]])))
            scores[row], product_ids[row], labels[row] = alone.scores[0], alone.product_ids[0], alone.category_ids[0]
        leaves = label_leaves(self.tree, labels.ravel(), self.index.ids).reshape(labels.shape)
        return NearestLabelled(scores.astype(np.float32), product_ids, np.where(np.isinf(scores), UNKNOWN, leaves))

    def _carriers(self, md5s: Sequence[bytes]) -> NDArray[np.int64]:
        """`(n,)` numbers of the labelled products with one of these photos."""
        halves = np.array([int.from_bytes(md5[:8], "big") for md5 in md5s], np.uint64)
        start, end = (np.searchsorted(self.photo, halves, side) for side in ("left", "right"))
        found = [self.product[first:last] for first, last in zip(start, end, strict=True)]
        return np.unique(np.concatenate([NOBODY, *found]))


def search_is_installed() -> bool:
    """Whether the library is there that searches among vectors."""
    return find_spec("faiss") is not None


def _all_but(product_ids: NDArray[np.int64]) -> Filter | None:
    return Filter(without=product_ids) if len(product_ids) else None


def _arrays(n_leaves: int) -> dict[str, ArraySpec]:
    """Each array of `LabelledProducts` on disk."""
    return {
        "photo": ArraySpec(np.uint64, ("P",)),
        "product": ArraySpec(np.int64, ("P",)),
        "frequency": ArraySpec(np.float64, (n_leaves,), finite=True),
    }
