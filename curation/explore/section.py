"""The page of `catalog explore`: sections of numbers, and what is drawn and shown from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from catalog.files.atomic import write_text
from catalog.reports.page import Estimate, Example, Table, data_uri, page_template
from catalog.reports.plots import Plot

FILES = ("explore.html", "explore.json")


@dataclass(frozen=True)
class Gallery:
    """Products or photos shown under a title.

    Attributes:
        strips: many small pictures in a row, with little said about each.
    """

    title: str
    examples: Sequence[Example]
    note: str = ""
    strips: bool = False


Part: TypeAlias = Table | Plot | Gallery


@dataclass
class Section:
    """One question asked of a catalogue.

    Attributes:
        key: its name in the JSON.
        said: sentences that give the main figures.
        figures: all of its numbers, plain JSON types.
        parts: tables, drawings and pictures in the page's order.
    """

    key: str
    title: str
    said: Sequence[str]
    figures: dict[str, Any]
    parts: Sequence[Part] = ()


@dataclass
class Exploration:
    """What was found in a catalogue, or in counts by category.

    Attributes:
        cards: a few figures at the top: what, figure, what stands below it.
        facts: how the page was made.
        warnings: what is to be known before any figure.
    """

    title: str
    subtitle: str
    cards: list[tuple[str, str, str]] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def section(self, key: str) -> Section:
        """The section of this key; raises KeyError when there is none."""
        return {section.key: section for section in self.sections}[key]

    def text(self) -> str:
        """Its sentences, a line each under the section's title."""
        lines = [f"Warning: {warning}" for warning in self.warnings]
        for section in self.sections:
            lines += [section.title, *(f"  {sentence}" for sentence in section.said)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Every figure of the page, and more of them than it has room for."""
        warnings = {"warnings": self.warnings} if self.warnings else {}
        return {"title": self.title, "facts": self.facts, **warnings, **{s.key: s.figures for s in self.sections}}

    def write(self, folder: Path) -> Path:
        """Write `explore.json` and `explore.html` into `folder`; returns the page's path."""
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / FILES[1], json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n")
        page = page_template("catalog.reports", "exploration.html").render(
            page=self,
            kind_of=lambda part: type(part).__name__,
            is_estimate=lambda cell: isinstance(cell, Estimate),
            data_uri=data_uri,
        )
        write_text(folder / FILES[0], page)
        return folder / FILES[0]


def percent(share: float, digits: int = 1) -> str:
    """A share as people read it: `74.9 %`."""
    return f"{100 * share:.{digits}f} %"
