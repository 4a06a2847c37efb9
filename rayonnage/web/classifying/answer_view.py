"""An answer laid out for the page: bars, words on the photos, what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.experts import PhotoBox
from catalog.ids.shop_id import ShopId
from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.browsing.known_copies import KnownCopy, known_copies
from rayonnage.web.browsing.training_products import TrainingProducts
from rayonnage.web.classifying.session_history import HistoryEntry
from rayonnage.web.classifying.shown_photo import ShownPhoto
from rayonnage.web.showing.plain_words import PlainWords, share_text, told_of
from rayonnage.web.showing.words import PageWords

MARGIN = 0.004
"""Of a photo's longer side, around a word: a frame that touches the letters hides them."""


@dataclass(frozen=True)
class LevelBar:
    """One name along a candidate's path, how probable it is in [0, 1], and that as text; level: what it is called."""

    level: str
    name: str
    share: float
    text: str


@dataclass(frozen=True)
class CandidateView:
    """One likely category, with a bar for each level."""

    category_id: ShopId
    bars: tuple[LevelBar, ...]


@dataclass(frozen=True)
class WordView:
    """A word on a photo; `number` connects frame and list; the frame in pixels of the whole photo."""

    number: int
    text: str
    sure: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class PhotoView:
    """A photo with the words on it; `position` among the product's photos, from 0."""

    position: int
    photo: ShownPhoto
    words: tuple[WordView, ...]


@dataclass(frozen=True)
class AnswerView:
    """Everything that the page shows of an answer."""

    entry: HistoryEntry
    told: PlainWords
    sure: str
    candidates: tuple[CandidateView, ...]
    photos: tuple[PhotoView, ...]
    copies: tuple[KnownCopy, ...]

    @property
    def n_words(self) -> int:
        """Words on all photos."""
        return sum(len(photo.words) for photo in self.photos)


def view_of(entry: HistoryEntry, words: PageWords, known: TrainingProducts) -> AnswerView:
    """An entry in the page's language; this reads the known copies."""
    answer, tree = entry.answer, entry.trees[words.language]
    candidates = tuple(
        CandidateView(one.category_id, _bars(one.category_id, one.probabilities, tree, words))
        for one in answer.candidates[: entry.top]
    )
    numbered = list(enumerate(answer.boxes))
    photos = tuple(
        PhotoView(position, photo, _words_on(photo, [each for each in numbered if each[1].photo == position], words))
        for position, photo in enumerate(entry.photos)
    )
    told = told_of(answer, tree, words)
    return AnswerView(entry, told, sure_of(entry, told, words), candidates, photos, known_copies(answer.copies, known))


def sure_of(entry: HistoryEntry, told: PlainWords, words: PageWords) -> str:
    """How sure the path is that is told."""
    return share_text(entry.answer.probabilities[len(told.path) - 1], words)


def _bars(
    category_id: ShopId, probabilities: Sequence[float], tree: Taxonomy, words: PageWords
) -> tuple[LevelBar, ...]:
    path = tree.shown[int(tree.leaf_index([category_id])[0])]
    return tuple(
        LevelBar(tree.level_names[level], name, share, share_text(share, words))
        for level, (name, share) in enumerate(zip(path, probabilities, strict=True), start=1)
    )


def _words_on(photo: ShownPhoto, boxes: Sequence[tuple[int, PhotoBox]], words: PageWords) -> tuple[WordView, ...]:
    margin = MARGIN * max(photo.width, photo.height)
    return tuple(
        WordView(
            number, box.text, share_text(box.confidence, words), round(box.box[0] - margin, 1),
            round(box.box[1] - margin, 1), round(box.box[2] - box.box[0] + 2 * margin, 1),
            round(box.box[3] - box.box[1] + 2 * margin, 1),
        )
        for number, box in boxes
    )  # fmt: skip
