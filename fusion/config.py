"""Configuration of the head; the defaults stand in `configs/fusion.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from catalog.runs.config import StrictConfig


class FusionConfig(StrictConfig):
    """The head and its decisions."""

    head: Literal[
        "auto", "best-single", "arithmetic", "geometric", "flat", "tree", "tree-global", "tree-cat1", "stacker"
    ]
    """The head that decides: `auto` for the best in cross-fitting, or one of those that `fusion train` compares."""
    shrinkage: float = Field(gt=0)
    """Weight of the squared deviations by image count and by speaking set against the summed log loss."""
    target_precision: float = Field(gt=0, lt=1)
    """Share of accepted products that must be right, at each level of the back-off."""
    confidence: float = Field(gt=0, lt=1)
    """Probability over calibration samples with which the target precision is kept."""
    top_leaves: int = Field(ge=1, le=100)
    """Leaves listed for each product in the full table."""
    head_folds: int = Field(ge=2)
    """Parts in which held-out products are cross-fitted, for thresholds and figures."""
    seed: int
    """Seed of the cross-fitting's parts and of the audit sample."""
    review_rows: int = Field(ge=0, le=1_000_000)
    """Rows of `review.csv`, those that bring a reviewer most; the others stay in `predictions.parquet` with their
    decision. A spreadsheet holds 1,048,576."""
    audit_rows: int = Field(ge=0, le=1_000_000)
    """Accepted products drawn at random into `audit.csv`, to estimate how often accepted products are right."""
