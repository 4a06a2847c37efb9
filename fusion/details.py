"""What the run folder of a fusion keeps in its `run.json`."""

from dataclasses import dataclass

from catalog.runs.config import STRICT

FUSED = "fused"
"""Name of the result of the head that decides, among what is measured."""


@dataclass(frozen=True)
class FusionDetails:
    """Details of a fusion run.

    Attributes:
        heads: names of all that were fitted; experts: in the order in which the heads take them.
        head: the one that decides; why: for people.
        others: folder names of the networks that were added to the workspace's latest ones, by backbone.
        runs: folder names of the experts' runs, all of which lie in the run; empty in runs of earlier versions.
        held_out_scores: file of the deciding head's cross-fitted scores, see `Run.scores_file`; runs of earlier
            versions do not name it.
    """

    heads: tuple[str, ...]
    experts: tuple[str, ...]
    head: str
    why: str
    others: dict[str, tuple[str, ...]]
    runs: tuple[str, ...] = ()
    held_out_scores: str | None = None
    __pydantic_config__ = STRICT
