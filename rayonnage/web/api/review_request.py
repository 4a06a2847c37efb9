"""A request about what waits for people: the predictions it names, who asks, and what its ids mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Query, Request

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import id_number
from rayonnage.web.api.asked import opened, position_of
from rayonnage.web.api.review_cards import Cards, parent_level
from rayonnage.web.api.review_types import Answered, AnswerKind, ReviewAnswer, ReviewCards, ReviewProgress
from rayonnage.web.api.web_id import WebId, id_for_web, id_from_web
from rayonnage.web.problem import RequestRefused
from rayonnage.web.reviewing.answer_words import standing_text
from rayonnage.web.reviewing.desk import AnsweredMeanwhile, KeptAnswer
from rayonnage.web.reviewing.review_state import Verdict
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import words_of
from rayonnage.web.showing.words import LANGUAGES
from rayonnage.web.visitor import visitor_of


class ReviewRequest:
    """A request about the products of one folder of predictions."""

    def __init__(
        self, request: Request, services: Annotated[Services, Depends(services_of)],
        predictions: Annotated[str | None, Query(description="Name of the predictions; default: the newest.")] = None,
    ) -> None:  # fmt: skip
        products = opened(request, services, predictions)
        self.products, self.visitor, self.services = products, visitor_of(request), services
        try:
            open_desk = services.desks.of(products)
            self.desk, self.many = open_desk.desk, open_desk.many
        except (OSError, ValueError) as error:
            raise RequestRefused(409, "the predictions cannot be reviewed", str(error), "predictions") from None
        self.words = words_of(request)
        tree = services.trees.turned(products.tree, self.words.language)
        self.cards = Cards(self.desk, tree, self.words, predictions or None)
        beside = services.workspace.folder.resolve().parent
        # a job's predictions are known by their job, not by where they lie
        self.name = predictions or os.path.relpath(products.folder.path, beside)

    def progress(self) -> ReviewProgress:
        """How far it is."""
        return self.cards.progress(self.visitor, self.name)

    def shown(self, positions: Sequence[int], lost: Sequence[int] = ()) -> ReviewCards:
        """Cards of products."""
        ids = self.products.product_ids(lost)
        return ReviewCards(
            cards=self.cards.of(positions), progress=self.progress(), lost=[id_for_web(one) for one in ids]
        )

    def answered(self, kept: KeptAnswer) -> Answered:
        """An answer that is kept."""
        return Answered(act=kept.act, count=kept.count, left_out=kept.left_out, progress=self.progress())

    def leaf(self, category_id: WebId, field: str = "category_id") -> int:
        """The leaf of a category; raises RequestRefused (422) where the tree has none."""
        leaf = int(self.products.tree.leaf_index([id_number(id_from_web(category_id, field))])[0])
        if leaf == UNKNOWN:
            raise RequestRefused(
                422, "no such category", f"the tree has no category {category_id}: look it up by /v1/tree/search", field
            )
        return leaf

    def verdict(self, answer: ReviewAnswer, position: int) -> Verdict:
        """What an answer says of a product."""
        if answer.kind is AnswerKind.NONE:
            if answer.why_none is None:
                raise RequestRefused(422, "why is missing", "say why no category fits", "why_none")
            return Verdict(why=answer.why_none.value)
        product = self.products[position]
        tree, leaf = self.products.tree, product.leaf
        if answer.kind is AnswerKind.PARENT:
            level, end = answer.level or parent_level(product, tree), int(tree.path_lengths[leaf])
            if not 1 <= level < end:
                raise RequestRefused(
                    422,
                    "no such parent",
                    f"the suggestion has parents at the levels below {end}, not at {level}",
                    "level",
                )
            return Verdict(parent=tree.paths[leaf][:level])
        if answer.kind is AnswerKind.ACCEPT:
            return Verdict(tree.shop_ids[leaf])
        if answer.category_id is None:
            raise RequestRefused(422, "the category is missing", "name the category that fits", "category_id")
        self.leaf(answer.category_id)
        return Verdict(id_from_web(answer.category_id, "category_id"))

    def checked_suggestion(self, suggested: WebId | None, position: int) -> None:
        """Refuse an answer to another suggestion than the one that these predictions make."""
        there = self.products.tree.shop_ids[self.products.leaves[position]]
        if suggested is not None and self.leaf(suggested, "suggested") != int(self.products.leaves[position]):
            raise RequestRefused(
                409, "another category was suggested",
                f"these predictions suggest {there}, you saw {suggested}: load the product again", "suggested",
            )  # fmt: skip

    def in_words(self, refusal: AnsweredMeanwhile) -> AnsweredMeanwhile:
        """The same, with who, when and what in the language of the page that shows it to people."""
        if self.words.language == LANGUAGES[0]:
            return refusal
        return AnsweredMeanwhile(refusal.standing, standing_text(refusal.standing, self.cards.tree, self.words))

    def positions(self, ids: Sequence[WebId], field: str) -> list[int]:
        """The rows of products."""
        return [position_of(self.products, id_from_web(one, field)) for one in ids]


@contextmanager
def journal_at_hand() -> Iterator[None]:
    """Where the journal cannot be read or written the client is told so: nothing was kept then."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise RequestRefused(
            503, "the journal of reviews cannot be used", f"{error}; nothing was kept", retry_after=10
        ) from None


OfPredictions = Annotated[ReviewRequest, Depends()]
