"""`/v1/review`: what waits for people, and their answers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Response

from fusion.review.without_label import csv_of
from rayonnage.web.api.review_request import OfPredictions, journal_at_hand
from rayonnage.web.api.review_types import (
    Answered,
    AnswerKind,
    BulkAsked,
    BulkConfirmed,
    BulkShown,
    GridAnswer,
    GridAsked,
    HeldProducts,
    ReviewAnswer,
    ReviewCards,
    ReviewNext,
    ReviewProgress,
    SuggestionGroup,
    UndoAct,
    Undone,
)
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.reviewing.desk import AnsweredMeanwhile
from rayonnage.web.reviewing.review_state import Verdict
from rayonnage.web.services import Services, services_of

MAX_SHOWN = 60
"""Cards of a bulk answer, or of one taken back, that are shown."""
PROBLEM = {"model": ProblemDetails}

router = APIRouter(
    prefix="/v1/review", tags=["review"], responses={404: PROBLEM, 409: PROBLEM, 422: PROBLEM, 503: PROBLEM}
)


@router.get("", summary="How far the review is")
def progress(asked: OfPredictions) -> ReviewProgress:
    """What waits, what was answered, and how often accepted products are right."""
    with journal_at_hand():
        return asked.progress()


@router.post("/next", summary="The next products to look at")
def following(asked: OfPredictions, wanted: ReviewNext) -> ReviewCards:
    """The answers that bring most come first, copies together; nobody else gets these until their lease is over.

    Asking again renews the leases of those `held`.
    """
    with journal_at_hand():
        held = asked.positions(wanted.held, "held")
        looked = asked.desk.next(asked.visitor, wanted.count, held, audit=wanted.audit)
        return asked.shown(looked.positions, looked.lost)


@router.post("/answers", summary="Answer a product")
def answer(asked: OfPredictions, given: ReviewAnswer) -> Answered:
    """The answer is on the disk when this one comes back.

    409: somebody answered meanwhile; the detail says who, when and what.
    """
    with journal_at_hand():
        position = asked.positions([given.product_id], "product_id")[0]
        if given.kind is AnswerKind.SKIP:
            return asked.answered(asked.desk.skip(asked.visitor, position))
        asked.checked_suggestion(given.suggested, position)
        verdict = asked.verdict(given, position)
        try:
            return asked.answered(asked.desk.answer(asked.visitor, position, verdict, anew=given.anew))
        except AnsweredMeanwhile as refusal:
            raise asked.in_words(refusal) from None


@router.post("/undo", summary="Take an answer back", responses={403: PROBLEM})
def undo(asked: OfPredictions, wanted: UndoAct) -> Undone:
    """Takes back all that one act answered; the products wait again, for who took it back first."""
    with journal_at_hand():
        act, reopened = asked.desk.undo(asked.visitor, wanted.act)
        cards = asked.cards.of(reopened[:MAX_SHOWN])
        return Undone(act=act, cards=cards, count=len(reopened), progress=asked.progress())


@router.get("/groups", summary="Suggestions, most waiting products first")
def groups(
    asked: OfPredictions,
    min_confidence: Annotated[float, Query(ge=0, le=1, description="From which a product counts as sure.")] = 0.9,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> list[SuggestionGroup]:
    """Categories that are suggested for waiting products."""
    with journal_at_hand():
        waiting, sure = asked.many.groups(min_confidence)
        most = np.argsort(-waiting, kind="stable")[:limit]
        return [
            SuggestionGroup(suggestion=asked.cards.category(leaf), waiting=int(waiting[leaf]), sure=int(sure[leaf]))
            for leaf in most[waiting[most] > 0].tolist()
        ]


@router.post("/grid", summary="Products of one suggestion, side by side")
def grid(asked: OfPredictions, wanted: GridAsked) -> ReviewCards:
    """Waiting products that share a suggestion, the surest first, leased as by `next`."""
    with journal_at_hand():
        return asked.shown(asked.many.grid(asked.visitor, asked.leaf(wanted.category_id), wanted.count))


@router.post("/grid/answers", summary="Confirm a grid")
def answer_grid(asked: OfPredictions, given: GridAnswer) -> Answered:
    """One act confirms the suggestion for all that are right; the wrong ones come next, one by one."""
    with journal_at_hand():
        leaf = asked.leaf(given.category_id)
        right, wrong = asked.positions(given.right, "right"), asked.positions(given.wrong, "wrong")
        for place, position in enumerate(right):
            if asked.products.leaves[position] != leaf:
                raise RequestRefused(
                    422, "another category is suggested", f"product {given.right[place]} is not of this grid", "right"
                )
        return asked.answered(asked.many.answer_grid(asked.visitor, leaf, right, wrong))


@router.post("/bulk", summary="Show what a bulk answer would take in")
def bulk(asked: OfPredictions, wanted: BulkAsked) -> BulkShown:
    """The waiting copies of a product, or all of a suggestion that are sure; nothing is answered yet."""
    if (wanted.copies_of is None) == (wanted.category_id is None):
        raise RequestRefused(
            422, "which products", "name a product (copies_of) or a suggestion (category_id)", "copies_of"
        )
    with journal_at_hand():
        shop_ids = asked.products.tree.shop_ids
        if wanted.copies_of is not None:
            position = asked.positions([wanted.copies_of], "copies_of")[0]
            leaf = int(asked.products.leaves[position])
        else:
            position, leaf = None, asked.leaf(wanted.category_id or 0)
        given = leaf if wanted.answer_id is None else asked.leaf(wanted.answer_id, "answer_id")
        verdict = Verdict(shop_ids[given])
        if position is None:
            ticket, shown = asked.many.show_suggested(asked.visitor, leaf, wanted.min_confidence, verdict)
        else:
            ticket, shown = asked.many.show_copies(asked.visitor, position, verdict)
        cards = asked.cards.of(shown[:MAX_SHOWN])
        return BulkShown(count=len(shown), category=asked.cards.category(given), cards=cards, ticket=ticket)


@router.post("/bulk/confirm", summary="Answer what was shown")
def confirm(asked: OfPredictions, given: BulkConfirmed) -> Answered:
    """Answers exactly what the ticket showed, as one act; what others answered meanwhile is left out and counted."""
    with journal_at_hand():
        return asked.answered(asked.many.confirm(asked.visitor, given.ticket))


@router.post("/release", summary="Look at products no more", status_code=204)
def release(asked: OfPredictions, given: HeldProducts) -> None:
    """Others get them at once."""
    with journal_at_hand():
        asked.desk.release(asked.visitor, asked.positions(given.held, "held"))


@router.get(
    "/none.csv", summary="Products without a category", response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "A row for each product."}},
)  # fmt: skip
def without_category(services: Annotated[Services, Depends(services_of)]) -> Response:
    """Those with none of the categories or a parent alone: which, why, who said so, and when."""
    with journal_at_hand():
        text = csv_of(services.desks.journal.without_label())
    headers = {"Content-Disposition": 'attachment; filename="none.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
