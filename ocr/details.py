"""What the run folder of a text branch keeps in its `run.json`."""

from dataclasses import dataclass

from catalog.runs.config import STRICT, Problems
from ocr.route import RouteCurve
from ocr.shelves.choice import ShelfChoice


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
        shelf_choice: what the categories were chosen by, None when they were configured.
    """

    k: int
    n_texts: int
    n_products: int
    problems: Problems
    engine: str
    encoders: tuple[str, ...]
    route_threshold: float
    seconds_per_photo: float | None
    route_curve: RouteCurve | None = None
    shelf_choice: ShelfChoice | None = None
    __pydantic_config__ = STRICT
