"""One thing that a reviewer did in the browser: an answer on a product or on many, or taking one back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from catalog.ids.shop_id import ShopId

ACTS = 10**7
"""Acts that one entry has room for: an act's number is its entry's times this, and its place there, 1, 2, ..."""
UNJUDGED = -1
"""Stands for the levels that an audited product is right at, where its photos do not tell the category."""


class ReviewAct(BaseModel):
    """An answer for `products`: a category, else a parent alone, else why there is no category.

    Attributes:
        act: its number, see `ACTS`; at: when (UTC), later for each act of a journal; who: the reviewer.
        browser: digest of the browser's session, which may take it back; how: `one`, `grid`, `copies` or `bulk`.
        after: number of the journal's newest entry then: a sheet that was applied later has a larger one.
        category_id: the category given; parent: the path of the parent given, as the tree has it; why: `wrong_photos`,
            `no_such_category` or `no_product`. One of the three.
        products, suggested, decision, kind: of each product its id, and the columns of `fusion.review.answers.ROWS`.
        right: of each product, levels at which the suggestion is right, from Cat I on; `UNJUDGED` where none can tell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    act: int
    at: str
    who: str
    browser: str
    how: str
    after: int
    category_id: ShopId | None = None
    parent: tuple[str, ...] = ()
    why: str = ""
    products: tuple[ShopId, ...]
    suggested: tuple[ShopId, ...]
    decision: tuple[str, ...]
    kind: tuple[str, ...]
    right: tuple[int, ...]

    @model_validator(mode="after")
    def _is_one_answer(self) -> ReviewAct:
        if [self.category_id is not None, bool(self.parent), bool(self.why)].count(True) != 1:
            raise ValueError("an act gives a category, a parent or a reason why there is none: one of these")
        if {len(self.suggested), len(self.decision), len(self.kind), len(self.right)} != {len(self.products)}:
            raise ValueError("an act has as many suggestions, decisions, kinds and rights as products")
        return self

    @property
    def entry(self) -> int:
        """Number of the journal's entry that it stands in."""
        return self.act // ACTS

    @property
    def said(self) -> str:
        """What was answered, in a few words for people."""
        if self.category_id is not None:
            return f"category {self.category_id}"
        return f"the parent {' > '.join(self.parent)}" if self.parent else self.why.replace("_", " ")


class Undoing(BaseModel):
    """Takes the act `undo` back."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    undo: int
    at: str
    who: str
    after: int

    @property
    def entry(self) -> int:
        """Number of the journal's entry that both stand in."""
        return self.undo // ACTS


Act = ReviewAct | Undoing


def act_in(line: bytes) -> Act:
    """The act that a line of a live entry holds.

    Raises:
        ValueError: the line holds none.
    """
    # a union is tried in turn: what it is stands at its beginning
    model = Undoing if line.startswith(b'{"undo"') else ReviewAct
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        raise ValueError(f"{error.errors()[0]['msg']}: {line[:80]!r}") from None


def line_of(act: Act) -> bytes:
    """The line that `act_in` reads."""
    return act.model_dump_json(exclude_defaults=True).encode() + b"\n"


def time_after(latest: str) -> str:
    """Now, or a microsecond after `latest` where the clock has been put back."""
    now = datetime.now(UTC)
    if latest:
        now = max(now, datetime.fromisoformat(latest) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")


def seconds_since(at: str) -> float:
    """Seconds from then to now."""
    return (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
