"""What the run folder of a text branch keeps in its `run.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from catalog.product import ProblemLog
from catalog.runs.config import STRICT
from ocr.route import RouteCurve


def _problems(value: object) -> ProblemLog:
    try:
        return ProblemLog.from_json(value)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no log of problems: {error!r}") from None


@dataclass(frozen=True)
class OcrDetails:
    """Details of a text run.

    Attributes:
        k: leaves that saved probabilities keep.
        n_texts, n_products: products of the configured categories on which text was read, and all that were looked at.
        problems: their photos that could not be read.
        engine, encoders: what read them, and the sentence encoders beside the n-grams.
        route_threshold: mass on the categories from which on a product is read, as configured or as chosen.
        seconds_per_photo: None when all transcripts were in the cache.
        route_curve: what the threshold was chosen by, None when it was configured.
    """

    k: int
    n_texts: int
    n_products: int
    problems: Annotated[ProblemLog, PlainValidator(_problems), PlainSerializer(ProblemLog.to_json)]
    engine: str
    encoders: tuple[str, ...]
    route_threshold: float
    seconds_per_photo: float | None
    route_curve: RouteCurve | None = None
    __pydantic_config__ = STRICT
