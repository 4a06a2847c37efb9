"""Decisions in plain words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.probabilities import Silence
from catalog.product import Problem, ProblemKind
from fusion.decide import Decision
from fusion.experts.all_experts import KINDS
from fusion.prediction.answers import Answer, Candidate
from fusion.prediction.predicted_product import PredictedProduct
from fusion.prediction.reasons import ExpertChoice, SilentExpert
from rayonnage.web.showing.plain_words import TOLD_PROBLEMS, TOLD_SILENCES, share_text, told_of, told_of_row
from rayonnage.web.showing.words import LANGUAGES, PageWords, all_words
from tests.support.predictions import TREE

EN, FR = PageWords("en"), PageWords("fr")
NOVEL = TREE.paths[0]
BEST = Candidate(1000, NOVEL, 0.8, (0.99, 0.97, 0.8))
ANSWER = Answer(
    "A", BEST, (0.99, 0.97, 0.8), Decision.PARENT, NOVEL[:2], (BEST,),
    (ExpertChoice("mosaic", 0, 0.7), ExpertChoice("general@b0", 1, 0.6), ExpertChoice("text", 1, 0.9)),
    "", "for the terminal", (), depth=3, needed=(0.9, 0.95, 0.96), n_images=2, n_readable=2,
)  # fmt: skip


def test_parent_says_what_is_given_and_what_was_missing():
    told = told_of(ANSWER, TREE, EN)
    assert (told.headline, told.path) == ("Sure only of the parent category", ("BOOKS", "FICTION"))
    assert told.why[0] == "“FICTION” is 97% sure, but “NOVEL” below it only 80%; 96% would be enough."
    assert told.why[1] == "The photos say so (70%). Networks that agree: 1 of 2."
    assert told.why[2] == "The text read on the photos points to “POETRY” (90%)."
    assert "terminal" not in " ".join(told.why)


def test_french_is_french():
    told = told_of(ANSWER, TREE, FR)
    assert told.headline == "Seule la catégorie parente est sûre"
    # no line ends before `»` or `%`
    assert told.why[0].startswith("«_FICTION_» est sûr à 97_%".replace("_", "\N{NO-BREAK SPACE}"))


def test_accepted_and_review():
    accepted = told_of(replace(ANSWER, decision=Decision.ACCEPT, needed=(0.9, 0.9, 0.75)), TREE, EN)
    assert (accepted.headline, accepted.path) == ("Accepted", NOVEL)
    assert accepted.why[0] == "“NOVEL” is 80% sure; 75% is enough."
    review = told_of(replace(ANSWER, decision=Decision.REVIEW, given=(), needed=(None, None, None)), TREE, EN)
    assert (review.headline, review.path) == ("To review", NOVEL)
    assert "“BOOKS” is 99% sure, but too few products were set aside in training to prove" in review.why[0]
    leaf_known = told_of(replace(ANSWER, decision=Decision.REVIEW, given=(), needed=(None, None, 0.96)), TREE, EN)
    assert leaf_known.why[0] == "“NOVEL” is only 80% sure; 96% would be enough."


def test_a_leaf_further_up_is_accepted_as_itself():
    short = replace(ANSWER, decision=Decision.ACCEPT, given=NOVEL[:1], needed=())
    assert told_of(short, TREE, EN).path == NOVEL


def test_shares_that_differ_do_not_read_alike():
    close = replace(ANSWER, probabilities=(0.99, 0.97, 0.9484), needed=(0.9, 0.95, 0.9516))
    assert "94.8%; 95.2%" in told_of(close, TREE, EN).why[0]
    assert share_text(0.99996, EN) == share_text(1.0, EN) == ">99%"
    assert share_text(0.001, EN) == "<1%"
    assert share_text(0.996, EN, 1) == "99.6%"
    assert share_text(0.999, FR) == ">\N{NO-BREAK SPACE}99\N{NO-BREAK SPACE}%"
    assert share_text(0.0, EN) == "0%"
    assert share_text(0.125, FR, 1) == "12,5\N{NO-BREAK SPACE}%"


def test_without_photos_nothing_is_called_sure():
    none = replace(ANSWER, decision=Decision.REVIEW, given=(), n_readable=0)
    faults = (Problem(ProblemKind.UNREADABLE_PHOTO, "", "A", "torn", 1),)
    told = told_of(replace(none, faults=faults), TREE, EN)
    assert told.why[0] == "No photo can be used, so nothing is accepted unseen."
    assert told.why[-1] == "Photo 2 cannot be opened and was left out."
    assert told_of(replace(none, n_images=0), TREE, EN).why[0].startswith("There is no photo")


def test_silence_is_told_where_it_says_something():
    silent = (SilentExpert("text", Silence.NOTHING_READ), SilentExpert("copies", Silence.NO_COPY))
    assert told_of(replace(ANSWER, silent=silent), TREE, EN).why[-1] == "No words were found on the photos."


@pytest.mark.parametrize("decision", list(Decision))
def test_rows_of_predictions_are_told_alike(decision):
    level = {Decision.ACCEPT: 3, Decision.PARENT: 1, Decision.REVIEW: 0}[decision]
    row = PredictedProduct(
        0, 7, 0, (0.99, 0.97, 0.8), decision, level, ((0, 0.8),), (ExpertChoice("title", 0, 0.8),), 0.3, 1, 1, "why",
        "", "", (),
    )  # fmt: skip
    told = told_of_row(row, TREE, EN)
    assert (told.decision, told.path) == (decision, NOVEL[:level] or NOVEL)
    assert told.why[1] == "The title says so (80%)."


def test_every_word_is_there():
    known = all_words()
    for language in LANGUAGES:
        for kind in KINDS:
            assert f"told.vote_{kind.family}" in known[language]
        for problem in TOLD_PROBLEMS:
            assert f"told.problem_{problem.name.lower()}" in known[language]
        for silence in TOLD_SILENCES:
            assert f"told.silent_{silence.name.lower()}" in known[language]


def test_a_row_tells_that_nothing_was_proved():
    row = PredictedProduct(
        0, 7, 0, (0.99, 0.97, 0.8), Decision.REVIEW, 0, ((0, 0.8),), (), 0.3, 1, 1, "why", "", "", (),
        needed=(None, None, None),
    )  # fmt: skip
    assert "too few products were set aside" in told_of_row(row, TREE, EN).why[0]
