"""Predictions as they lie in a folder, looked at product by product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.ids.id_columns import id_in_cell, ids_in, numbers_in
from catalog.ids.id_names import IdCollector
from catalog.ids.shop_id import ShopId, id_number
from catalog.recently_used import RecentlyUsed
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.config import FusionConfig
from fusion.decide import Decision, Thresholds, proved_only
from fusion.head_artifacts import HeadArtifacts, thresholds_for
from fusion.prediction.columns import TITLE, probability_columns
from fusion.prediction.folder import PredictionFolder, PredictionOrigin
from fusion.prediction.predicted_product import PredictedProduct
from fusion.prediction.reasons import ExpertChoice

DECISIONS = tuple(Decision)
"""Decisions by the number that stands for them in `PredictedProducts.decisions`."""
BATCH = 4096
KEPT_GROUPS = 8
"""Row groups of the table in memory, of up to 2048 products each: those next to each other are asked for together."""
MAX_EXPERTS = 64


class PredictedProducts:
    """The products of a folder of predictions, safe in threads: some 30 bytes each and its id, rows read when wanted.

    Attributes:
        folder: the predictions; origin: what they were made from.
        tree: of the run that predicted, with the names that the predictions show.
        catalog: the products themselves; None where they cannot be opened, `without_photos` says why.
        thresholds: by which was decided; None where the run does not tell.
        numbers: `(N,)` int64 numbers of the products' ids, in the order of the table; ids: what they stand for.
        leaves: `(N,)` int32 likeliest leaf; confidences: `(N,)` float32 its probability.
        distances: `(N,)` float32 expected distance of it in the tree.
        decisions: `(N,)` uint8 place in `DECISIONS`; n_images: `(N,)` int8.
        experts: names of those that speak anywhere.
        dissenting: `(N,)` uint64, bit b: expert b would have said another leaf than the likeliest.
    """

    def __init__(
        self, folder: PredictionFolder, tree: Taxonomy, catalog: Catalog | None = None, without_photos: str = "",
        thresholds: Thresholds | None = None,
    ) -> None:  # fmt: skip
        folder.require_whole()
        self.folder, self.tree, self.catalog, self.without_photos = folder, tree, catalog, without_photos
        self.thresholds = thresholds
        self.origin: PredictionOrigin = folder.origin()
        self.experts: list[str] = []
        self._names = set(pq.read_schema(folder.table).names)
        self._scan()
        self._metadata = pq.read_metadata(folder.table)
        sizes = [self._metadata.row_group(group).num_rows for group in range(self._metadata.num_row_groups)]
        self._first_row = np.cumsum([0, *sizes])
        self._groups = RecentlyUsed[int, pa.Table](KEPT_GROUPS)

    @classmethod
    def open(cls, path: Path, workspace: Workspace) -> PredictedProducts:
        """The predictions in a folder, with the run that made them and the catalogue that they are of.

        Raises:
            FileNotFoundError: no whole predictions there, or the run is gone.
            ValueError: another version wrote them.
        """
        folder = PredictionFolder(path)
        folder.require_whole()
        origin = folder.origin()
        if not (workspace.folder / origin.run).is_dir():
            raise FileNotFoundError(
                f"{workspace.folder / origin.run}, which predicted {path}, does not exist: predict again"
            )
        run = Run.load(workspace.folder / origin.run, "fusion")
        tree = run.taxonomy(origin.lang or None)
        catalog, why = _catalog_of(origin, workspace)
        return cls(folder, tree, catalog, why, _thresholds_of(run, tree, origin.precision))

    def _scan(self) -> None:
        tree, parts, texts = self.tree, [], IdCollector()
        names = ["product_id", "category_id", "decision", "expected_distance", "n_images", "votes"]
        along = probability_columns(tree.depth)
        with pq.ParquetFile(self.folder.table) as file:
            for batch in file.iter_batches(BATCH, columns=[*names, *along]):
                leaves = tree.leaf_index(numbers_in(batch["category_id"]))
                confidences = np.stack([batch[name].to_numpy(zero_copy_only=False) for name in along])
                at_end = confidences[tree.path_lengths[leaves] - 1, np.arange(len(leaves))]
                decisions = pc.index_in(batch["decision"], pa.array([one.value for one in DECISIONS])).to_numpy()
                ids = batch["product_id"]
                has_text = not pa.types.is_integer(ids.type)
                numbers = np.array(list(map(texts.number, ids_in(ids))), np.int64) if has_text else numbers_in(ids)
                parts.append((
                    numbers, leaves.astype(np.int32), at_end.astype(np.float32),
                    batch["expected_distance"].to_numpy(), decisions.astype(np.uint8), batch["n_images"].to_numpy(),
                    self._dissent(batch["votes"], leaves),
                ))  # fmt: skip
        none = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32),
                np.zeros(0, np.uint8), np.zeros(0, np.int8), np.zeros(0, np.uint64))  # fmt: skip
        columns = [np.concatenate(column) for column in zip(none, *parts, strict=True)]
        self.numbers: NDArray[np.int64] = columns[0]
        self.ids = texts.names(self.numbers)
        self.leaves: NDArray[np.int32] = columns[1]
        self.confidences: NDArray[np.float32] = columns[2]
        self.distances: NDArray[np.float32] = columns[3]
        self.decisions: NDArray[np.uint8] = columns[4]
        self.n_images: NDArray[np.int8] = columns[5]
        self.dissenting: NDArray[np.uint64] = columns[6]

    def _dissent(self, votes: pa.ListArray, leaves: NDArray[np.int64]) -> NDArray[np.uint64]:
        row, each = votes.value_parent_indices().to_numpy(), votes.flatten()
        said, by = self.tree.leaf_index(numbers_in(each.field("category_id"))), each.field("expert").to_pylist()
        for name in dict.fromkeys(by):
            if name not in self.experts and len(self.experts) < MAX_EXPERTS:
                self.experts.append(name)
        bits = np.zeros(len(leaves), np.uint64)
        place = {name: np.uint64(1 << number) for number, name in enumerate(self.experts)}
        bit = np.array([place.get(name, 0) for name in by], np.uint64)
        other = said != leaves[row]
        np.bitwise_or.at(bits, row[other], bit[other])
        return bits

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.numbers)

    def position(self, product_id: ShopId) -> int | None:
        """The row of a product, None where it was not predicted here."""
        place = int(self.positions(np.array([id_number(product_id)], np.int64))[0])
        return None if place == UNKNOWN else place

    def positions(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 rows of the products with these `(n,)` numbers; -1 where one was not predicted here."""
        return positions_of(self.numbers, numbers, self._order)

    def product_ids(self, positions: Sequence[int] | NDArray[np.integer]) -> list[ShopId]:
        """The ids of the products at these `(n,)` rows, without a look at the table."""
        return self.ids.take(self.numbers[np.asarray(positions, np.int64)])

    def __getitem__(self, position: int) -> PredictedProduct:
        return self.take([position])[0]

    def take(self, positions: Sequence[int] | NDArray[np.integer]) -> list[PredictedProduct]:
        """The products at these `(n,)` rows, in their order."""
        return [self._product(int(position), self._row(int(position))) for position in positions]

    def photos(self, position: int) -> list[bytes]:
        """The encoded photos of the product at a row, as the catalogue has them; none where it cannot be opened."""
        if self.catalog is None:
            return []
        place = positions_of(self.catalog.product_ids, self.numbers[[position]], self._catalog_order)[0]
        return [] if place == UNKNOWN else list(self.catalog[int(place)].images)

    @cached_property
    def _catalog_order(self) -> NDArray[np.int64]:
        assert self.catalog is not None
        return np.argsort(self.catalog.product_ids)

    def _row(self, position: int) -> dict[str, Any]:
        if not 0 <= position < len(self):
            raise IndexError(f"{self.folder.path} holds {len(self)} products: there is no [{position}]")
        group = int(np.searchsorted(self._first_row, position, side="right")) - 1
        table = self._groups.get(group)
        if table is None:
            # a group is small: read by several threads it takes 20 times as long, and so does reading the footer anew
            with pq.ParquetFile(self.folder.table, metadata=self._metadata) as file:
                table = file.read_row_group(group, use_threads=False)
            self._groups.keep(group, table)
        row: dict[str, Any] = table.slice(position - int(self._first_row[group]), 1).to_pylist()[0]
        return row

    def _needed(self, leaf: int, end: int) -> tuple[float | None, ...]:
        if self.thresholds is None:
            return ()
        nodes = np.array([[self.tree.ancestor(level)[leaf] for level in self.tree.levels]], np.int64)
        return proved_only(self.thresholds.needed(nodes, self.tree)[0, :end])

    def _product(self, position: int, row: dict[str, Any]) -> PredictedProduct:
        tree = self.tree
        leaf = int(self.leaves[position])
        decision = Decision(row["decision"])
        end = int(tree.path_lengths[leaf])
        top = tree.leaf_index([id_in_cell(one) for one in row["top_category_ids"]]).tolist()
        votes = [
            ExpertChoice(
                vote["expert"],
                int(tree.leaf_index([id_in_cell(vote["category_id"])])[0]),
                float(vote["probability"]),
            )
            for vote in row["votes"] or ()
        ]
        return PredictedProduct(
            position, id_in_cell(row["product_id"]), leaf,
            tuple(float(row[name]) for name in probability_columns(end)), decision,
            given_level=_given_level(decision, row["given"], tree, leaf),
            candidates=tuple(zip(top, map(float, row["top_probabilities"]), strict=True)),
            votes=tuple(votes),
            expected_distance=float(row["expected_distance"]), n_images=row["n_images"], n_readable=row["n_readable"],
            reason=row["reason"], text_read=row["text_read"], title=row.get(TITLE) or "",
            photos_md5=tuple(row["photos_md5"]), needed=self._needed(leaf, end),
        )  # fmt: skip


def _thresholds_of(run: Run, tree: Taxonomy, precision: float) -> Thresholds | None:
    """What decided at a precision; None where a run of an earlier version does not keep it."""
    try:
        if run.config(FusionConfig).target_precision == precision:
            return HeadArtifacts.load(run.folder, tree).thresholds
        return thresholds_for(run, tree, precision)
    except (OSError, ValueError):
        # the predictions are whole without it
        return None


def _given_level(decision: Decision, given: str, tree: Taxonomy, leaf: int) -> int:
    if decision is not Decision.PARENT:
        return tree.depth if decision is Decision.ACCEPT else 0
    levels = [level for level in tree.levels[:-1] if path_text(tree.shown[leaf][:level]) == given]
    return levels[-1] if levels else 0


def _catalog_of(origin: PredictionOrigin, workspace: Workspace) -> tuple[Catalog | None, str]:
    """The catalogue, or None and why it cannot be shown."""
    if not origin.catalog:
        return None, "the predictions are of an earlier version, which did not note where the catalogue lies"
    try:
        catalog = workspace.open(origin.catalog)
    except (OSError, ValueError) as error:
        return None, f"the catalogue {origin.catalog} cannot be opened: {error}"
    if not catalog.matches(origin.data):
        return None, f"the catalogue {origin.catalog} has changed since it was predicted"
    return catalog, ""
