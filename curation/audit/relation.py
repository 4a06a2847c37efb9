"""How a catalogue is related to the one that was split: itself, a later state of it, or another one."""

from dataclasses import dataclass

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan


@dataclass(frozen=True)
class CatalogRelation:
    """What a catalogue of n products has in common with the one that a workspace's networks have learnt from.

    Attributes:
        same: it is that catalogue.
        n: its products; known: those whose _id stands in the split catalogue; relabelled: of these with another label.
        split: the split catalogue, for people.
        doubt: why nothing of this can be told, else empty.
    """

    same: bool
    n: int
    known: int = 0
    relabelled: int = 0
    split: str = ""
    doubt: str = ""

    @property
    def later(self) -> bool:
        """Whether it is a later state of the split catalogue, such as a corrected copy.

        Two shops that number their products alike share ids, but not labels.
        """
        return not self.same and 0 < self.n <= 2 * self.known and 2 * self.relabelled <= self.known

    def warnings(self) -> list[str]:
        """Of probabilities that were predicted: how many labels their networks may have learnt."""
        if self.doubt:
            return [f"nothing tells whether the networks have learnt from these labels ({self.doubt})"]
        if self.same or not self.known:
            return []
        return [
            f"{self.known:,} of these {self.n:,} products stand in {self.split} (the same _id), from which the "
            "networks have learnt: a wrong label that was learnt looks right. To audit what a run held out give --run "
            "FOLDER; for all products run `catalog split` and the trainings on this file"
        ]


def find_relation(workspace: Workspace, plan: Plan, catalog: Catalog) -> CatalogRelation:
    """Compare a catalogue with the one that the plan was made of, product by product."""
    if plan.is_of(catalog):
        return CatalogRelation(True, len(catalog))
    try:
        split = workspace.training_catalog()
    except (ValueError, OSError) as error:
        return CatalogRelation(False, len(catalog), doubt=str(error))
    position = positions_of(split.product_ids, catalog.product_ids)
    known = position != UNKNOWN
    changed = catalog.category_ids[known] != split.category_ids[position[known]]
    return CatalogRelation(False, len(catalog), int(known.sum()), int(np.count_nonzero(changed)), str(split))
