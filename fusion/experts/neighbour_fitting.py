"""How neighbours are held out and kept: vectors of all labelled products by the networks that were cross-fitted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.cli_options import no_bar
from catalog.embeddings import ALL_PHOTOS, EmbeddingOrigin, Embeddings
from catalog.files.atomic import scratch_folder, write_text
from catalog.files.progress import Bar, Progress, in_batches, part_of
from catalog.probabilities import Probabilities, concatenate
from catalog.recent_rows import RecentRows
from catalog.runs.config import checked
from catalog.runs.run import Run, read_json
from catalog.runs.training_data import TrainingData, catalog_positions
from fusion.experts.labelled_products import INSTALL, LabelledProducts, search_is_installed
from fusion.experts.neighbour_shares import MAX_FITTED, NearestLabelled, NeighbourShares
from fusion.experts.neighbours import probabilities_of
from mosaic.config import MosaicConfig
from mosaic.inference.backbone_digest import saved_backbone_digest
from mosaic.inference.embedding import CHUNK, Embedder, part_embedder, run_embedder, vectors_digest
from mosaic.run_files import weights_name

SHARES = "shares.json"
SEARCHED = 1024
"""Products searched together."""
MIN_SPEAKING = 20
"""Held-out products with neighbours: fewer make no expert."""


@dataclass(frozen=True)
class NeighbourFitting:
    """The labelled products of a workspace, which have neighbours among each other.

    Each held-out product is embedded by the network that has learnt from none of its part, and so are the products of
    the other parts, among which its neighbours are: as a new product is by the deployed network, which has learnt from
    all labelled ones.

    Attributes:
        run: of the general network. folder: where vectors are kept from one training of the head to the next.
        mode, at_most: see `FusionConfig.neighbours` and `neighbour_products`. seed: draws the halves of `held_out`.
        bar: shows how far it is.
    """

    run: Run
    data: TrainingData
    folder: Path
    mode: Literal["auto", "on", "off"] = "off"
    at_most: int = 0
    seed: int = 0
    bar: Bar = no_bar

    @property
    def why_not(self) -> str:
        """Why no neighbours are looked for, for people; empty where they are."""
        n = len(self.data.plan.positions)
        needed = (*self.data.plan.held_out_parts, None)
        missing = [name for part in needed if not self._has(name := weights_name(part))]
        if self.mode == "off":
            return "not asked: `fusion train` tells whether they help, where `neighbours` is not off"
        if not search_is_installed():
            return f"not asked: the search for them is not installed, {INSTALL}"
        if missing:
            return f"not asked: {self.run.folder / missing[0]} is missing: the run is not whole, train it again"
        if n > self.at_most:
            return f"not asked: {n:,} labelled products, more than neighbour_products={self.at_most}"
        return ""

    def held_out(self, product_ids: NDArray[np.int64]) -> Probabilities | None:
        """What their neighbours say of `(N,)` products; None where too few have some.

        How neighbours are counted is chosen on one half of the products and told on the other.
        """
        self._forget_other_parts()
        positions = catalog_positions(self.data.catalog, product_ids)
        nearest = self._nearest(positions)
        if nearest.any.sum() < MIN_SPEAKING:
            return None
        truth = self.data.leaf[positions]
        n_images = np.where(nearest.any, self.data.catalog.n_images[positions], 0).astype(np.int8)
        halves, rows_of_halves = [], []
        for fitted, told in self._halves(positions, nearest.any):
            shares = NeighbourShares.fit(nearest.select(fitted), truth[fitted], self.data.leaf_frequency)
            halves.append(probabilities_of(
                nearest.select(told), shares, product_ids[told], n_images[told],
                frequency=self.data.leaf_frequency, taxonomy=self.data.tree.fingerprint, plan=self.data.plan.plan_id,
            ))  # fmt: skip
            rows_of_halves.append(told)
        return concatenate(halves).select(np.argsort(np.concatenate(rows_of_halves)))

    def keep(self, folder: Path) -> None:
        """Index the labelled products by the deployed network's vectors, and write how neighbours are counted."""
        plan = self.data.plan
        positions = np.sort(np.concatenate([plan.held_out_positions(part) for part in plan.held_out_parts]))
        positions = positions[:: -(-len(positions) // MAX_FITTED)]
        shares = NeighbourShares.fit(self._nearest(positions), self.data.leaf[positions], self.data.leaf_frequency)
        embeddings = self._vectors(None)
        # who opens the index asks for what the deployed network sees
        origin = replace(embeddings.origin, network=self.run.folder.name, digest=run_embedder(self.run).digest)
        embeddings = replace(embeddings, origin=origin)
        with self.bar("neighbours, index") as progress:
            LabelledProducts.create(folder, self.data, embeddings, progress).index.close()
        write_text(folder / SHARES, json.dumps(asdict(shares), indent=2) + "\n")

    def _forget_other_parts(self) -> None:
        """Remove vectors of parts that the plan does not hold out: an earlier plan may have had more."""
        known = {self._name(part) for part in self.data.plan.held_out_parts}
        for folder in self.folder.glob("part*"):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _name(self, part: int | None) -> str:
        """Folder of the vectors by the deployed network, or by the one that never saw `part`."""
        if self._frozen is not None:
            return "frozen"
        return "deployed" if part is None else f"part{part}"

    @cached_property
    def _frozen(self) -> str | None:
        """Digest of the backbone that all networks of the run share, whose heads alone were fitted: they see the same.

        None where each has a backbone of its own.
        """
        if self.run.config(MosaicConfig).method == "fine-tune":
            return None
        names = [weights_name(part) for part in (*self.data.plan.held_out_parts, None)]
        digests = {saved_backbone_digest(self.run.folder / name) for name in names}
        return digests.pop() if len(digests) == 1 else None

    def _has(self, name: str) -> bool:
        return (self.run.folder / name).is_file()

    def _halves(
        self, positions: NDArray[np.int64], has_some: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """`(n,)` rows to fit on and `(m,)` rows to tell of, twice; products that the plan links are in one half."""
        groups, place = np.unique(self.data.plan.linked(self.data.catalog, positions), return_inverse=True)
        half = (np.random.default_rng(self.seed).permutation(len(groups)) % 2)[place]
        if min(has_some[half == side].sum() for side in (0, 1)) == 0:
            # all are copies of each other
            half = np.arange(len(positions)) % 2
        for side in (0, 1):
            yield np.flatnonzero(half != side), np.flatnonzero(half == side)

    def _nearest(self, positions: NDArray[np.int64]) -> NearestLabelled:
        """Of `(n,)` held-out positions, those among the other parts' products."""
        plan, catalog = self.data.plan, self.data.catalog
        photos = catalog.photo_index()
        found, rows_found = [], []
        for _, alike in groupby(plan.held_out_parts, self._name):
            own_parts = [(part, plan.held_out_positions(part)) for part in alike]
            if not np.isin(positions, np.concatenate([own for _, own in own_parts])).any():
                continue
            embeddings = self._vectors(own_parts[0][0])
            with scratch_folder(self.folder / "index") as room:
                labelled = LabelledProducts.create(room, self.data, embeddings)
                for part, own in own_parts:
                    rows = np.flatnonzero(np.isin(positions, own))
                    with self.bar(f"neighbours, part {part + 1}") as progress:
                        for some in in_batches(rows, SEARCHED, progress):
                            vectors = embeddings.rows(np.searchsorted(plan.positions, positions[some]))
                            md5s = [photos.md5s_of(position) for position in positions[some].tolist()]
                            found.append(labelled.nearest(vectors, md5s, without=catalog.product_ids[own]))
                            rows_found.append(some)
                labelled.index.close()
        return NearestLabelled.concatenate(found).select(np.argsort(np.concatenate(rows_found)))

    def _vectors(self, part: int | None) -> Embeddings:
        """Of the plan's products, by the deployed network or the one that never saw `part`: a row each, in order."""
        name, catalog, positions = self._name(part), self.data.catalog, self.data.plan.positions
        embedder = run_embedder(self.run) if part is None or self._frozen else part_embedder(self.run, part)
        digest = embedder.digest if self._frozen is None else vectors_digest(self._frozen, embedder.config)
        folder, product_ids = self.folder / name, catalog.product_ids[positions]
        origin = EmbeddingOrigin(embedder.name, digest, catalog.address, catalog.fingerprint, "product")
        try:
            kept = Embeddings.load(folder)
        except (FileNotFoundError, ValueError):
            kept = None
        # heads that were fitted again have another run, and see the same
        is_same = kept is not None and replace(kept.origin, network=origin.network) == origin
        if kept is None or not is_same or not np.array_equal(kept.product_ids, product_ids):
            photos = np.full(len(positions), ALL_PHOTOS, np.int8)
            with Embeddings.writer(
                folder, embedder.width, origin=origin, product_ids=product_ids, photos=photos, ids=catalog.ids
            ) as unfinished, self.bar(f"embed for neighbours, {name}") as progress:  # fmt: skip
                for chunk_vectors in self._embedded(embedder, unfinished.n_done, progress):
                    unfinished.write(chunk_vectors)
            kept = Embeddings.load(folder)
        return kept

    def _embedded(self, embedder: Embedder, first: int, progress: Progress) -> Iterator[NDArray[np.float32]]:
        """`(n, D)` vectors of the plan's products from the row `first` on."""
        catalog, positions, recent = self.data.catalog, self.data.plan.positions, RecentRows()
        told = part_of(progress, first, len(positions))
        for _, products in catalog.batches(CHUNK, told, positions[first:]):
            yield embedder.embed(embedder.chunk(products, recent))


def load_shares(folder: Path) -> NeighbourShares:
    """How neighbours are counted, as `NeighbourFitting.keep` wrote it; raises ValueError where it is damaged."""
    path = folder / SHARES
    try:
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is missing or damaged ({error}): run `fusion train` again") from None
    return checked(NeighbourShares, values, f"{path} is damaged, run `fusion train` again")
