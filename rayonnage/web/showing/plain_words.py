"""Decisions in plain words, in the page's language: what was decided on a product, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.probabilities import Silence
from catalog.product import Problem, ProblemKind
from catalog.runs.saved_probabilities import IMAGE_EXPERT
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.experts.all_experts import KINDS
from fusion.experts.images import AT
from fusion.prediction.answers import Answer
from fusion.prediction.predicted_product import PredictedProduct
from fusion.prediction.reasons import ExpertChoice, SilentExpert
from rayonnage.web.showing.words import NO_BREAK, PageWords

TOLD_PROBLEMS = (
    ProblemKind.UNREADABLE_PHOTO,
    ProblemKind.DAMAGED_PHOTO,
    ProblemKind.UNREAD_TEXT,
    ProblemKind.TOO_MANY_PHOTOS,
    ProblemKind.LONG_TEXT,
    ProblemKind.BAD_TEXT,
)
"""What can be wrong with a product that a client gives."""
TOLD_SILENCES = (Silence.NOTHING_READ, Silence.FAILED, Silence.NO_NETWORK)
"""Why an expert is silent, where that tells something; most products have no known copy."""


@dataclass(frozen=True)
class PlainWords:
    """What is told of one product.

    Attributes:
        decision: what was decided; headline: the same in words.
        path: what is given without review, or, for a review, the likeliest category; in the page's language.
        why: sentences, the most important first.
    """

    decision: Decision
    headline: str
    path: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class Grounds:
    """What a decision rests on, whether just made or kept in a table.

    Attributes:
        path: of the likeliest leaf; given: names of it that are given without review.
        probabilities: along the path; needed: those from which each node is given, None for never, empty: not known.
        votes: of the experts that speak; silent: the others, as far as they are known.
    """

    decision: Decision
    path: tuple[str, ...]
    given: int
    probabilities: Sequence[float]
    needed: Sequence[float | None]
    votes: Sequence[ExpertChoice]
    n_images: int
    n_readable: int
    silent: Sequence[SilentExpert] = ()
    faults: Sequence[Problem] = ()


def told_of(answer: Answer, tree: Taxonomy, words: PageWords) -> PlainWords:
    """An answer in words; `tree`: that of its leaves, which shows them in the page's language."""
    path = tree.shown[int(tree.leaf_index([answer.best.category_id])[0])]
    grounds = Grounds(
        answer.decision, path, len(path) if answer.decision is Decision.ACCEPT else len(answer.given),
        answer.probabilities, answer.needed, answer.votes, answer.n_images, answer.n_readable,
        answer.silent, answer.faults,
    )  # fmt: skip
    return _told(grounds, tree, words)


def told_of_row(product: PredictedProduct, tree: Taxonomy, words: PageWords) -> PlainWords:
    """A row of predictions in words; `tree`: that of its leaves, which shows them in the page's language."""
    path = tree.shown[product.leaf]
    grounds = Grounds(
        product.decision, path, min(product.given_level, len(path)), product.probabilities, product.needed,
        product.votes, product.n_images, product.n_readable,
    )  # fmt: skip
    return _told(grounds, tree, words)


def share_text(share: float, words: PageWords, digits: int = 0) -> str:
    """A probability in [0, 1] as the language writes it: near its ends `>99%` and `<1%`, as nothing is certain."""
    step = 10.0**-digits
    percent = round(100 * share, digits)
    sign = ">" if percent >= 100 else "<" if share > 0 and percent < step else ""
    gap = NO_BREAK if sign and words.language == "fr" else ""
    shown = min(max(percent, step if sign else 0), 100 - step)
    return f"{sign}{gap}{words.percent(shown / 100, digits)}"


def _told(grounds: Grounds, tree: Taxonomy, words: PageWords) -> PlainWords:
    given = grounds.path[: grounds.given] or grounds.path
    why = [_sureness(grounds, words), *_votes(grounds, tree, words), *_silences(grounds, words)]
    why += [_fault(fault, words) for fault in grounds.faults if fault.kind in TOLD_PROBLEMS]
    return PlainWords(grounds.decision, words(f"told.{grounds.decision}"), given, tuple(dict.fromkeys(why)))


def _sureness(grounds: Grounds, words: PageWords) -> str:
    """How sure the next name is that could be given, and how sure it must be."""
    if not grounds.n_readable:
        return words("told.no_usable_photo" if grounds.n_images else "told.no_photo")
    end = len(grounds.path)
    open_places = range(end - 1 if grounds.decision is Decision.ACCEPT else min(grounds.given, end - 1), end)
    # where nothing is proved of a parent, it helps more to tell what the category itself lacks
    place = next((one for one in open_places if grounds.needed and grounds.needed[one] is not None), open_places[0])
    sure = grounds.probabilities[place]
    values = {"name": grounds.path[place], "given": grounds.path[grounds.given - 1] if grounds.given else ""}
    above = grounds.probabilities[grounds.given - 1] if grounds.given else 0.0
    key = f"told.sure_{grounds.decision}"
    if not grounds.needed:
        return words(key, **values, sure=share_text(sure, words), above=share_text(above, words))
    needed = grounds.needed[place]
    if needed is None:
        return words(f"{key}_never", **values, sure=share_text(sure, words), above=share_text(above, words))
    # 94.8 % is not 95 %: as many digits as tell them apart
    digits = next((n for n in range(3) if share_text(sure, words, n) != share_text(needed, words, n)), 3)
    return words(
        f"{key}_needed", **values, above=share_text(above, words), sure=share_text(sure, words, digits),
        needed=share_text(needed, words, digits),
    )  # fmt: skip


def _votes(grounds: Grounds, tree: Taxonomy, words: PageWords) -> list[str]:
    """What photos, text, title and copies say: a sentence each."""
    by_evidence: dict[str, list[ExpertChoice]] = {}
    for vote in grounds.votes:
        by_evidence.setdefault(_evidence(vote.expert), []).append(vote)
    sentences = []
    for evidence, votes in by_evidence.items():
        first, path = votes[0], tree.shown[votes[0].leaf]
        agree = Counter(vote.leaf for vote in votes)[first.leaf]
        does_support = path == grounds.path
        key = f"told.vote_{evidence}" + ("_too" if does_support else "")
        sentence = words(key, name=path[-1], sure=share_text(first.probability, words))
        if len(votes) > 1:
            sentence += " " + words("told.agree", agree=agree, n=len(votes))
        sentences.append(sentence)
    return sentences


def _evidence(expert: str) -> str:
    """What an expert goes by: the family of its kind."""
    return next((kind.family for kind in KINDS if kind.describe(expert) is not None), "other")


def source_of(expert: str, n_photos: int, words: PageWords) -> tuple[str, str]:
    """What an expert goes by, and which of those that go by the same it is; n_photos: of the product."""
    evidence = _evidence(expert)
    name, _, backbone = expert.partition(AT)
    if evidence != IMAGE_EXPERT:
        # the name alone tells kinds apart that these words do not know
        return words(f"told.source_{evidence}"), expert if evidence == "other" else ""
    which = "count" if name == IMAGE_EXPERT else name.replace("-", "_")
    number = "told.network_count_one" if which == "count" and n_photos == 1 else f"told.network_{which}"
    return words(f"told.source_{evidence}"), words(number, n=n_photos) + (f" ({backbone})" if backbone else "")


def _silences(grounds: Grounds, words: PageWords) -> list[str]:
    return [
        words(f"told.silent_{one.silence.name.lower()}")
        for one in grounds.silent
        if one.silence in TOLD_SILENCES and grounds.n_readable
    ]


def _fault(fault: Problem, words: PageWords) -> str:
    number = "" if fault.photo is None else fault.photo + 1
    return words(f"told.problem_{fault.kind.name.lower()}", n=number)
