"""What `/v1/review` takes and gives."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from rayonnage.web.api.web_id import WebId


class AnswerKind(StrEnum):
    """What a reviewer says of a product."""

    ACCEPT = "accept"
    CATEGORY = "category"
    PARENT = "parent"
    NONE = "none"
    SKIP = "skip"


class NoCategory(StrEnum):
    """Why a product gets no category."""

    WRONG_PHOTOS = "wrong_photos"
    NO_SUCH_CATEGORY = "no_such_category"
    NO_PRODUCT = "no_product"


class ShownCategory(BaseModel):
    """A leaf, with its path in the language asked for; probability in [0, 1], None where nobody asked the model."""

    category_id: WebId
    path: list[str]
    probability: float | None = None


class ShownParent(BaseModel):
    """A node above the suggestion that can be given in its place; level 1 is Cat I."""

    level: int
    path: list[str]
    probability: float


class ReviewCard(BaseModel):
    """A product before a reviewer.

    `photos` are links from the root; `suggestion` is the likeliest leaf, `parent` what `p` gives; `candidates` are the
    keys 1 to 9; `why` are sentences; `copies` counts the waiting products with the same photos, itself included;
    `is_audit`: it was accepted, and drawn to see how often that is right; `lease_s`: seconds for which nobody else
    gets it.
    """

    product_id: WebId
    title: str = ""
    photos: list[str]
    suggestion: ShownCategory
    parent: ShownParent | None = None
    candidates: list[ShownCategory]
    why: list[str] = Field(default_factory=list)
    text_read: str = ""
    copies: int = 1
    is_audit: bool = False
    lease_s: float = 0


class LevelPrecision(BaseModel):
    """How often audited products were right at a level: shares in [0, 1] with a 95 % interval."""

    level: str
    right: int
    share: float
    low: float
    high: float


class ReviewProgress(BaseModel):
    """How far the review is.

    Of the products that were not accepted `waiting` are those that nobody has answered, `answered` the others, `none`
    of these without a category (none of these, the parent alone). `skipped`: put to the end by who asks; `mine`:
    products that stand as who asks answered them, corrections of accepted ones included; `per_hour`: pace of who asks
    over the last 10 minutes, None in the first minute; `audited` of `drawn` accepted products; `precision` of these,
    the leaf's level first, empty while none is audited; `may_undo`: there is something to take back.
    """

    predictions: str
    waiting: int
    answered: int
    none: int
    skipped: int
    mine: int
    per_hour: float | None = None
    audited: int
    drawn: int
    precision: list[LevelPrecision] = Field(default_factory=list)
    may_undo: bool = False


class ReviewNext(BaseModel):
    """Asks for the next products: `count` of them beside those `held`, which the page has before it already."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"count": 4, "held": [17, "MH01-gray"]},
            ]
        }
    )
    count: int = Field(4, ge=1, le=60)
    held: list[WebId] = Field(default_factory=list, max_length=100)
    audit: bool = False


class HeldProducts(BaseModel):
    """Products that a page has before it."""

    held: list[WebId] = Field(default_factory=list, max_length=200)


class ReviewCards(BaseModel):
    """Products to look at, in order, and how far it is.

    `lost`: of those `held`, what somebody else has answered or is looking at by now.
    """

    cards: list[ReviewCard]
    progress: ReviewProgress
    lost: list[WebId] = Field(default_factory=list)


class ReviewAnswer(BaseModel):
    """An answer on one product: `category_id` with `category`, `level` with `parent`, `why_none` with `none`.

    `suggested` is what the reviewer saw suggested. `anew`: answer although somebody has answered before, as who asks
    knows; one's own answers are replaced unasked.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"product_id": 17, "kind": "accept", "suggested": 1000010653},
                {"product_id": 17, "kind": "category", "category_id": 1000004085},
                {"product_id": "MH01-gray", "kind": "parent", "level": 2},
                {"product_id": 17, "kind": "none", "why_none": "no_product"},
            ]
        }
    )
    product_id: WebId
    kind: AnswerKind
    suggested: WebId | None = None
    category_id: WebId | None = None
    level: int | None = Field(None, ge=1, le=8)
    why_none: NoCategory | None = None
    anew: bool = False


class Answered(BaseModel):
    """The answer is kept; `act` is its number, which `undo` takes; `count` products were answered by it.

    A skip's number is negative. `left_out`: products of a bulk or a grid that somebody else answered or looks at.
    """

    act: int
    count: int = 1
    left_out: int = 0
    progress: ReviewProgress


class UndoAct(BaseModel):
    """Takes an act back, the visitor's last one where none is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {},
                {"act": 30000012},
            ]
        }
    )
    act: int | None = Field(None, examples=[12])


class Undone(BaseModel):
    """What waits again, and is leased to who took it back."""

    act: int
    cards: list[ReviewCard]
    count: int
    progress: ReviewProgress


class SuggestionGroup(BaseModel):
    """Waiting products that share a suggestion; `sure`: of them with at least the confidence asked for."""

    suggestion: ShownCategory
    waiting: int
    sure: int


class GridAsked(BaseModel):
    """Asks for up to `count` waiting products of one suggestion, side by side."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"category_id": 1000010653, "count": 60},
            ]
        }
    )
    category_id: WebId
    count: int = Field(60, ge=1, le=60)


class GridAnswer(BaseModel):
    """Confirms the suggestion for `right`; the `wrong` ones wait on, to be looked at one by one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"category_id": 1000010653, "right": [17, 18, 20], "wrong": [19]},
            ]
        }
    )
    category_id: WebId
    right: list[WebId] = Field(max_length=60)
    wrong: list[WebId] = Field(default_factory=list, max_length=60)


class BulkAsked(BaseModel):
    """Products that one answer is for: the waiting copies of `copies_of`, or those of a suggestion that are sure.

    `min_confidence` in [0, 1] goes with `category_id`; `answer_id`: the category given, None for the suggestion.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"copies_of": 17},
                {"category_id": 1000010653, "min_confidence": 0.95},
            ]
        }
    )
    copies_of: WebId | None = None
    category_id: WebId | None = None
    min_confidence: float = Field(0.9, ge=0, le=1)
    answer_id: WebId | None = None


class BulkShown(BaseModel):
    """What a bulk answer would take in: all of `count`, of which some are shown; `ticket` confirms exactly these."""

    count: int
    category: ShownCategory
    cards: list[ReviewCard]
    ticket: str


class BulkConfirmed(BaseModel):
    """Confirms what was shown."""

    ticket: str = Field(examples=["m3Yx0cPq"])
