"""The one document model of every HTML page: sections of sentences, tables, plots and photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from numbers import Integral, Real
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from catalog.reports.estimate import UNDEFINED, Estimate

MAX_FACTS = 200
MAX_FACT_LENGTH = 400


@dataclass(frozen=True)
class TableCell:
    """What stands in a cell of a table, with something small and soft below it; numbers stand at the right."""

    text: str
    below: str = ""
    is_number: bool = False

    @classmethod
    def of(cls, value: object) -> TableCell:
        """Text, a number, an `Estimate` (its interval goes below it), or a cell as it is."""
        match value:
            case TableCell():
                return value
            case Estimate():
                return cls(value.text, value.interval, is_number=True)
            case Integral():
                return cls(f"{int(value):,}", is_number=True)
            case Real():
                return cls(f"{float(value):.3g}", is_number=True)
            case _:
                return cls(str(value), is_number=value == UNDEFINED)


@dataclass(frozen=True)
class Table:
    """A table: `rows` hold as many cells as `columns`, whatever `TableCell.of` takes.

    Attributes:
        columns: its header; empty without one.
        note, more: what is to be known before it, and what it has no room for.
        folded: shown only when asked for.
        spans: a header above the header: titles, and how many columns each stands over.
        groups: headings of the rows that begin at these numbers.
        leads: the first row stands out.
    """

    kind: ClassVar = "table"
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""
    more: str = ""
    folded: bool = False
    spans: Sequence[tuple[str, int]] = ()
    groups: Mapping[int, str] = field(default_factory=dict)
    leads: bool = False

    @property
    def cells(self) -> list[list[TableCell]]:
        """The rows as the page writes them."""
        return [[TableCell.of(value) for value in row] for row in self.rows]

    @property
    def starts(self) -> set[int]:
        """Columns that begin a span: some space goes before them."""
        return set(accumulate(width for _, width in self.spans))

    def to_json(self) -> list[list[object]]:
        """Header and rows; `catalog.reports.write` knows what JSON makes of an `Estimate`."""
        return [list(self.columns), *(list(row) for row in self.rows)]


@dataclass(frozen=True)
class Plot:
    """A drawing, inline SVG, with its title and what is written below it."""

    kind: ClassVar = "plot"
    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Matrix:
    """Where the members of each of M groups were put, by the same groups.

    Attributes:
        names: M names; counts: `(M,)` int64 members of each.
        shares: `(M, M)` float64 in [0, 1], share of the row's members put on the column.
    """

    kind: ClassVar = "matrix"
    title: str
    names: Sequence[str]
    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    note: str = ""


@dataclass(frozen=True)
class Example:
    """A product, or a photo: encoded images (JPEG, PNG or WebP), a heading, and what is said about it.

    Attributes:
        beside: what it is to be compared with.
    """

    photos: Sequence[bytes]
    lines: Sequence[str]
    title: str = ""
    beside: Example | None = None


@dataclass(frozen=True)
class Gallery:
    """Products or photos shown under a title.

    Attributes:
        strips: many small pictures in a row, with little said about each.
    """

    kind: ClassVar = "gallery"
    title: str
    examples: Sequence[Example]
    note: str = ""
    more: str = ""
    strips: bool = False


Part: TypeAlias = Table | Plot | Matrix | Gallery


@dataclass(frozen=True)
class Section:
    """One question and what answers it.

    Attributes:
        key: its anchor on the page, and its name in the JSON.
        sentences: the main figures in words; what stands between backticks is a command.
        parts: tables, drawings and pictures in the page's order.
        figures: its numbers in plain JSON types.
        folded: shown only when asked for.
    """

    key: str
    title: str
    sentences: Sequence[str] = ()
    parts: Sequence[Part] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    folded: bool = False


@dataclass(frozen=True)
class Card:
    """A figure at the top of a page: what it is, the figure, and what stands below it."""

    what: str
    figure: str
    below: str = ""


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        warnings: what is to be known before any figure.
        facts: how it was made; a mapping among its values (a configuration) is folded away under its key.
    """

    title: str
    subtitle: str = ""
    cards: Sequence[Card] = ()
    sections: Sequence[Section] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def section(self, key: str) -> Section:
        """The section of this key; raises KeyError when there is none."""
        return {section.key: section for section in self.sections}[key]

    def text(self) -> str:
        """Its sentences, a line each under the section's title."""
        lines = [f"Warning: {warning}" for warning in self.warnings]
        for section in self.sections:
            lines += [section.title, *(f"  {sentence}" for sentence in section.sentences)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The figures of all sections by their keys, and how the page was made."""
        warnings = {"warnings": self.warnings} if self.warnings else {}
        return {"title": self.title, "facts": self.facts, **warnings, **{s.key: s.figures for s in self.sections}}

    @property
    def shown_sections(self) -> list[Section]:
        """The sections that say anything, and last how the page was made."""
        made = [_fact_table("", {key: v for key, v in self.facts.items() if not isinstance(v, Mapping)})]
        made += [_fact_table(key, _flat(v), folded=True) for key, v in self.facts.items() if isinstance(v, Mapping)]
        sections = [*self.sections, Section("made", "How this was made", parts=[table for table in made if table.rows])]
        return [section for section in sections if section.sentences or section.parts]


def _fact_table(title: str, facts: Mapping[str, object], *, folded: bool = False) -> Table:
    rows = [(key, _shortened(value)) for key, value in facts.items()]
    more = f"and {len(rows) - MAX_FACTS:,} more" if len(rows) > MAX_FACTS else ""
    return Table(title, (), rows[:MAX_FACTS], more=more, folded=folded)


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Nested keys joined by dots, as `--set` takes them."""
    flat: dict[str, object] = {}
    for key, value in mapping.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _shortened(value: object) -> str:
    text = UNDEFINED if value is None else str(value)
    return text if len(text) <= MAX_FACT_LENGTH else text[: MAX_FACT_LENGTH - 1] + "…"
