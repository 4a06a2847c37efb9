"""What `POST /v1/predict` takes and gives."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.prediction.answers import Answer
from fusion.prediction.answers import Candidate as RankedLeaf
from rayonnage.web.api.web_id import WebId, id_for_web
from rayonnage.web.serving.answering import MAX_CANDIDATES
from rayonnage.web.settings import RequestLimits

MAX_TITLE, MAX_DESCRIPTION = 10_000, 100_000
"""Characters that are taken; of them the model sees what `catalog.product_text` keeps, and the answer says so."""
LANG = r"^[a-z]{2,3}$"
PHOTO = "/9j/4AAQSkZJRgABAQAAAQABAAD..."
PATH: JsonValue = ["CUISINE", "TASSES", "MUG"]
EXAMPLE: dict[str, JsonValue] = {
    "decision": "accept", "given": PATH, "category_id": 1000004, "path": PATH, "probability": 0.93,
    "probabilities": [0.99, 0.96, 0.93], "needed": [0.6, 0.7, 0.8],
    "candidates": [
        {"category_id": 1000004, "path": PATH, "probability": 0.93, "probabilities": [0.99, 0.96, 0.93]},
    ],
    "votes": [{"expert": "image", "category_id": 1000004, "path": PATH, "probability": 0.9}],
    "silent": [{"expert": "text", "why": "not routed"}], "text_read": "", "words": [], "copies": [],
    "reason": "Cat III 93% sure; photos: CUISINE > TASSES > MUG (90%)", "problems": [], "advice": "",
    "n_images": 1, "n_readable": 1, "run": "fusion-20261126-210547", "cached": False,
}  # fmt: skip


class ProductGiven(BaseModel):
    """One product: one to four photos, the order matters, or a title, or both."""

    model_config = ConfigDict(extra="forbid")

    photos: list[str] = Field(
        default_factory=list, max_length=MAX_IMAGES, description="Encoded photos (JPEG, PNG, WebP, ...) in base64."
    )
    title: str | None = Field(None, max_length=MAX_TITLE)
    description: str | None = Field(None, max_length=MAX_DESCRIPTION)


class ProductsGiven(BaseModel):
    """Products to predict; `top`: likely categories in each answer, by default as many as the model was made for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"products": [{"photos": [PHOTO], "title": "Grand mug bleu"}], "top": 4}]},
    )

    products: list[ProductGiven] = Field(min_length=1, max_length=RequestLimits.products)
    top: int | None = Field(None, ge=1, le=MAX_CANDIDATES)
    lang: str | None = Field(
        None, pattern=LANG, description="Language of the category names; default: as the tree has them."
    )


class LikelyCategory(BaseModel):
    """A category; `probabilities`: of each node along its path, the top one first."""

    category_id: WebId
    path: list[str]
    probability: float
    probabilities: list[float]


class ExpertVote(BaseModel):
    """What one source of evidence takes the product for: `image`, `text`, `title`, `copies`."""

    expert: str
    category_id: WebId
    path: list[str]
    probability: float


class SilentVoice(BaseModel):
    """A source of evidence that says nothing on the product, and why."""

    expert: str
    why: str


class WordRead(BaseModel):
    """Words on a photo; `photo` from 0; `box`: left, top, right, bottom in pixels of the whole, upright photo."""

    photo: int
    text: str
    confidence: float
    box: tuple[float, float, float, float]


class ProductProblem(BaseModel):
    """A photo that could not be used (`photo` from 0), or a text that was cut; the others were used."""

    kind: str
    photo: int | None
    detail: str


class PlacedProduct(BaseModel):
    """Where a product belongs.

    `decision`: `accept` (`given` is the whole path), `parent` (`given` is as much of it as is sure), `review` (`given`
    is empty: somebody should look). `path` is that of the likeliest category, `probabilities` of each node along it,
    and `needed` the probability from which that node is given, null for never. `candidates`: the likeliest first, then
    by rising expected distance in the tree. `run`: the model's; `cached`: the same photos and texts were asked before.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    decision: Decision
    given: list[str]
    category_id: WebId
    path: list[str]
    probability: float
    probabilities: list[float]
    needed: list[float | None]
    candidates: list[LikelyCategory]
    votes: list[ExpertVote]
    silent: list[SilentVoice]
    text_read: str
    words: list[WordRead]
    copies: list[WebId] = Field(description="Products of the training catalogue that have one of the photos.")
    reason: str
    problems: list[ProductProblem]
    advice: str
    n_images: int
    n_readable: int
    run: str
    cached: bool

    @classmethod
    def of(cls, answer: Answer, tree: Taxonomy, run: str, *, cached: bool = False) -> PlacedProduct:
        """What an answer says; `tree`: with its names in the language of the answer."""
        votes = [
            ExpertVote(
                expert=vote.expert, category_id=id_for_web(tree.shop_ids[vote.leaf]), path=list(tree.shown[vote.leaf]),
                probability=vote.probability,
            )
            for vote in answer.votes
        ]  # fmt: skip
        faults = zip(answer.faults, answer.problems, strict=True)
        return cls(
            decision=answer.decision, given=list(answer.given), **_category(answer.best),
            needed=list(answer.needed), candidates=[LikelyCategory(**_category(one)) for one in answer.candidates],
            votes=votes, silent=[SilentVoice(expert=one.expert, why=one.silence.words) for one in answer.silent],
            text_read=answer.text_read,
            words=[WordRead(photo=b.photo, text=b.text, confidence=b.confidence, box=b.box) for b in answer.boxes],
            copies=[id_for_web(one) for one in answer.copies], reason=answer.reason,
            problems=[ProductProblem(kind=f.kind.name.lower(), photo=f.photo, detail=words) for f, words in faults],
            advice=answer.advice, n_images=answer.n_images, n_readable=answer.n_readable, run=run, cached=cached,
        )  # fmt: skip


class PlacedProducts(BaseModel):
    """An answer for each product, in order."""

    answers: list[PlacedProduct]


def _category(one: RankedLeaf) -> dict[str, Any]:
    return {
        "category_id": id_for_web(one.category_id), "path": list(one.path), "probability": one.probability,
        "probabilities": list(one.probabilities),
    }  # fmt: skip
