"""Configuration of the head; the defaults stand in `configs/fusion.yaml`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from catalog.runs.config import StrictConfig


def _switch(value: Any) -> Any:
    # YAML reads on and off as true and false
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


class FusionConfig(StrictConfig):
    """The head and its decisions."""

    added: ClassVar = {"title_encoder": None, "encoded_titles": 0, "neighbours": "off", "neighbour_products": 0}

    head: Literal[
        "auto", "best-single", "arithmetic", "geometric", "flat", "tree", "tree-global", "tree-cat1", "stacker"
    ]
    """The head that decides: `auto` for the best in cross-fitting, or one of those that `fusion train` compares."""
    shrinkage: float = Field(gt=0)
    """How strongly the weights for an image count, or for a set of experts that speak, are drawn to the common ones:
    the factor of their squared deviations beside the summed log loss."""
    target_precision: float = Field(gt=0, lt=1)
    """Share of accepted products that must be right, at each level of the back-off."""
    confidence: float = Field(gt=0, lt=1)
    """How sure it must be that the target precision is kept: the fewer held-out products, the higher the thresholds."""
    top_leaves: int = Field(ge=1, le=100)
    """Likely leaves listed for each product in the full table, `predictions.parquet`."""
    head_folds: int = Field(ge=2)
    """Parts of the cross-fitting: thresholds and figures come from products that the head was not fitted on."""
    title_encoder: Literal["auto", "use", "minilm", "e5"] | None
    """Sentence encoder that tells what titles mean, beside their words; auto: `use`, where it is installed."""
    encoded_titles: int = Field(ge=0)
    """Of more different titles than these none is encoded, and words alone tell the category: a thousand take a second
    and more, in training and in prediction."""
    neighbours: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)]
    """Whether the labelled products that look most like one have a say; auto: where that makes the head measurably
    better on held-out products. Every labelled product is embedded once for each held-out part to find out."""
    neighbour_products: int = Field(ge=0)
    """Of more labelled products than these no neighbours are looked for: a thousand take some ten seconds on two cores
    for each held-out part, and 2.5 MB in the run and for each part in the workspace."""
    seed: int
    """Seed of the cross-fitting's parts and of the audit sample."""
    review_rows: int = Field(ge=0, le=1_000_000)
    """Rows of `review.csv`, those that bring a reviewer most; the others stay in `predictions.parquet` with their
    decision. A spreadsheet holds 1,048,576."""
    audit_rows: int = Field(ge=0, le=1_000_000)
    """Accepted products drawn at random into `audit.csv`, to estimate how often accepted products are right."""
