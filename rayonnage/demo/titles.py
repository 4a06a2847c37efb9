"""Composes what is written on one cover."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rayonnage.demo.words import FIRST_NAMES, GENRES, HOUSES, LAST_NAMES, SHARED, Genre

_AMBIGUOUS = 0.12
_WITH_SUBTITLE = 0.4
_NOUN_AND_COMPLEMENT = 0.65


@dataclass(frozen=True, slots=True)
class CoverText:
    """All the words of one book or disc; empty strings where a line is missing."""

    title: str
    subtitle: str
    person: str
    house: str
    phrases: list[str]


def compose(genre: str, rng: np.random.Generator) -> CoverText:
    """Words for one cover; about one title in eight could stand in any category, and has no subtitle."""
    of_genre = GENRES[genre]
    words = SHARED if rng.random() < _AMBIGUOUS else of_genre
    title = _fill(words, rng)
    if rng.random() < 0.3:
        title = title.upper()
    telling = words is of_genre and rng.random() < _WITH_SUBTITLE
    subtitle = ""
    if telling or rng.random() < 0.2:
        subtitle = pick((of_genre if telling else SHARED).subtitles, rng)
    person = f"{pick(FIRST_NAMES, rng)} {pick(LAST_NAMES, rng)}"
    order = rng.permutation(len(of_genre.phrases))
    return CoverText(title, subtitle, person, pick(HOUSES, rng), [of_genre.phrases[i] for i in order])


def _fill(genre: Genre, rng: np.random.Generator) -> str:
    form = "{n} {c}" if rng.random() < _NOUN_AND_COMPLEMENT else pick(genre.titles, rng)
    return form.format(n=pick(genre.nouns, rng), c=pick(genre.complements, rng))


def pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    """One of the texts, each as likely."""
    return choices[int(rng.integers(len(choices)))]
