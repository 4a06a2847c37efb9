"""What a fit does, as one YAML file that can be read, changed and given back: `recipe.yaml`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from catalog.runs.config import StrictConfig

Quality = Literal["fast", "balanced", "best"]


class Choice(StrictConfig):
    """One decision, for people.

    Attributes are its own words: `chosen` is what was decided, `why` the reason, `seconds` what it is expected to cost
    here, `instead` what was left out, and what that would bring.
    """

    chosen: str
    why: str
    seconds: float = 0.0
    instead: str = ""


class FitSection(StrictConfig):
    """The section `fit` of a recipe: what the single commands are told beside their own sections."""

    catalog: str
    """The labelled catalogue."""
    tree: str | None = None
    """CSV of its tree, null where the labels are the tree."""
    names: str | None = None
    """CSV of names in other languages."""
    fingerprint: str = ""
    """Of the catalogue that the choices were made for; empty: whatever it is."""
    time_s: float | None = None
    """Seconds that were given, null for as long as it takes."""
    quality: Quality = "balanced"
    """How much is done where time is not what limits it."""
    folds: int | None = Field(default=None, ge=2)
    """Every product is held out once, in so many trainings; null: a share is held out once."""
    held_out: float | None = Field(default=None, ge=0.01, le=0.5)
    """That share, null where there are folds."""
    group: str | None = None
    """Column that names what must stay together."""
    min_leaf: int | None = Field(default=None, ge=2)
    """Leaves of fewer products count as the one above them."""
    networks: tuple[Literal["any", "1", "2", "3", "4", "photos"], ...] = ("any",)
    """Photo networks, in the order of their training; `photos`: the second backbone, one photo per pass."""
    read: bool = False
    """Whether photos are read (`ocr train`)."""
    choices: dict[str, Choice] = Field(default_factory=dict)
    """What was decided, and why: notes for people, which change nothing."""


class Recipe(StrictConfig):
    """A recipe: the choices of `fit`, and configurations of the rooms as overlays of their defaults."""

    fit: FitSection
    mosaic: dict[str, Any] = Field(default_factory=dict)
    ocr: dict[str, Any] = Field(default_factory=dict)
    fusion: dict[str, Any] = Field(default_factory=dict)
