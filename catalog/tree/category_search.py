"""Categories found by what somebody types: any words of their paths, in any language that the tree has names in."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import ShopId, shop_id
from catalog.tree.folded_words import folded_words, stem
from catalog.tree.node_names import known_names
from catalog.tree.taxonomy import Taxonomy

MAX_LETTERS, MAX_WORDS = 200, 8
"""Of what is typed; the rest is passed over."""
EQUAL, SAME_STEM, BEGINS, MISTYPED = 1.0, 0.95, 0.8, 0.6
"""What a word of a path is worth that is the one typed, in another number, begins with it, or nearly so."""
WEIGHT_ABOVE = 0.6
"""What a word of a parent's name is worth beside the same one in the category's own."""
LEAST = 0.3
"""What a typed word that is found nowhere takes of the whole: the others may still find it."""
LOOKED_AT = 64
"""Categories whose names are compared with all that was typed: those whose words fit best."""
NAME_IS_IT, NAME_BEGINS, NAME_COVERED, LONGER = 1.0, 0.4, 0.3, 0.01
"""Added where a category's name is what was typed, begins with it, for the share of it that was typed; taken for each
of its words, so that of two names the shorter one comes first."""
SEVERAL, ONE_OF_SEVERAL = re.compile(r" - |/|,"), 0.9
"""A name may be several; one of them counts nearly as the whole."""


@dataclass(frozen=True)
class FoundCategory:
    """A leaf that was found; score: above 0, the higher the better, to compare those of one search."""

    leaf: int
    category_id: ShopId
    score: float


class CategorySearch:
    """An index of a tree's names, some MB; it is not changed by a search, so many threads may search at once.

    Words may stand in any order, the last one may be unfinished; accents, case, plural and some wrong letters do not
    matter. An id that is typed is found before all else.

    Attributes:
        languages: of the names that are known; "" stands for the tree's own where nobody has said which it is.
        shown: the leaves' paths by language.
    """

    def __init__(self, tree: Taxonomy) -> None:
        self.tree = tree
        own, names = known_names(tree)
        others = sorted({lang for lang, _, _ in names} - {own})
        self.languages = (own, *others)
        self.shown = {own: tree.paths} | {lang: tree.in_language(lang).shown for lang in others}
        self._ids = sorted((str(one).casefold(), leaf) for leaf, one in enumerate(tree.shop_ids))
        self._names = [
            [name for paths in self.shown.values() for name in _called(paths[leaf][-1])] for leaf in range(len(tree))
        ]
        self._collect()
        self._beginnings = lru_cache(maxsize=32)(self._beginnings_of)

    def _collect(self) -> None:
        """All words, sorted; and which of them stand in which path, own names and those above apart."""
        weight: dict[tuple[int, str], float] = {}
        for paths in self.shown.values():
            for leaf, path in enumerate(paths):
                for level, name in enumerate(path, start=1):
                    for word in folded_words(name):
                        worth = 1.0 if level == len(path) else WEIGHT_ABOVE
                        weight[leaf, word] = max(worth, weight.get((leaf, word), 0.0))
        self._words = sorted({word for _, word in weight})
        place = {word: number for number, word in enumerate(self._words)}
        stems = sorted({stem(word) for word in self._words})
        number_of_stem = {one: number for number, one in enumerate(stems)}
        self._stem_number = number_of_stem
        self._stem_of = np.array([number_of_stem[stem(word)] for word in self._words], np.int64)
        self._length = np.array(list(map(len, self._words)), np.float32)
        entries = sorted((leaf, place[word], worth) for (leaf, word), worth in weight.items())
        self._entry_word = np.array([word for _, word, _ in entries], np.int64)
        self._entry_worth = np.array([worth for _, _, worth in entries], np.float32)
        leaves = np.array([leaf for leaf, _, _ in entries], np.int64)
        # a name may have no word at all (`***`): such a leaf has no entry, and is found by its id alone
        self._entry_leaves, self._entry_start = np.unique(leaves, return_index=True)

    def _beginnings_of(self, length: int) -> tuple[list[str], NDArray[np.int64]]:
        """The first letters of all words, each once, sorted; and `(n_words,)` which of them a word begins with."""
        cut = [word[:length] for word in self._words]
        each = list(dict.fromkeys(cut))
        number = {one: place for place, one in enumerate(each)}
        return each, np.array([number[one] for one in cut], np.int64)

    def find(self, text: str, limit: int = 12) -> list[FoundCategory]:
        """The categories that fit what was typed, the best first, equals in the tree's order."""
        text = text.strip()[:MAX_LETTERS]
        first = self._by_id(text, limit)
        words = list(dict.fromkeys(folded_words(text)))[:MAX_WORDS]
        if words and self._words:
            known = {found.leaf for found in first}
            first += [found for found in self._by_words(words, limit + len(known)) if found.leaf not in known]
        return first[:limit]

    def _by_id(self, text: str, limit: int) -> list[FoundCategory]:
        if not text:
            return []
        try:
            leaf = int(self.tree.leaf_index([shop_id(text)])[0])
        except ValueError:
            leaf = UNKNOWN
        leaves = [leaf] if leaf != UNKNOWN else []
        # two digits stand in every shop's names (`TV 32`), and begin thousands of ids
        if len(text) >= 3:
            start = text.casefold()
            for place in range(bisect_left(self._ids, (start, -1)), len(self._ids)):
                if not self._ids[place][0].startswith(start) or len(leaves) > limit:
                    break
                leaves.append(self._ids[place][1])
        return [FoundCategory(one, self.tree.shop_ids[one], 10.0) for one in dict.fromkeys(leaves)]

    def _by_words(self, words: list[str], limit: int) -> list[FoundCategory]:
        total, found_any = np.zeros(len(self.tree), np.float32), np.zeros(len(self.tree), bool)
        for word in words:
            worth = self._worth(word)[self._entry_word] * self._entry_worth
            best = np.maximum.reduceat(worth, self._entry_start)
            total[self._entry_leaves] += np.where(best > 0, best, -LEAST)
            found_any[self._entry_leaves] |= best > 0
        total /= len(words)
        places = np.flatnonzero(found_any & (total > 0))
        if len(places) > LOOKED_AT:
            places = places[np.argsort(-total[places], kind="stable")[:LOOKED_AT]]
        wanted = [stem(word) for word in words]
        scored = [(float(total[leaf]) + self._name_fits(leaf, wanted, words[-1]), leaf) for leaf in places.tolist()]
        # words that fit alike: the shorter name is likelier meant
        scored.sort(key=lambda one: (-round(one[0], 2), len(self.tree.paths[one[1]][-1]), one[1]))
        return [FoundCategory(leaf, self.tree.shop_ids[leaf], score) for score, leaf in scored[:limit]]

    def _name_fits(self, leaf: int, wanted: list[str], last: str) -> float:
        """How much of a category's own name was typed, and whether from its beginning."""
        best = -1.0
        for name, share in self._names[leaf]:
            if name == wanted:
                fits = NAME_IS_IT
            else:
                begins = len(name) >= len(wanted) and name[: len(wanted) - 1] == wanted[:-1]
                begins = begins and (name[len(wanted) - 1].startswith(last) or name[len(wanted) - 1] == wanted[-1])
                covered = len(set(wanted) & set(name)) / len(set(name))
                fits = NAME_BEGINS * begins + NAME_COVERED * covered - LONGER * len(name)
            best = max(best, share * fits)
        return best

    def _worth(self, word: str) -> NDArray[np.float32]:
        """`(n_words,)` in [0, 1]: how well each word of the tree fits one that was typed."""
        worth = np.zeros(len(self._words), np.float32)
        allowed = _wrong_letters(len(word))
        if allowed:
            self._add_mistyped(worth, word, allowed)
        low, high = bisect_left(self._words, word), bisect_left(self._words, word + "\U0010ffff")
        # one letter begins too much: it must be a word (`a`, `4`), or nearly all of one
        worth[low:high] = BEGINS + (SAME_STEM - BEGINS) * len(word) / self._length[low:high]
        same = self._stem_number.get(stem(word))
        if same is not None:
            worth[self._stem_of == same] = SAME_STEM
        if low < len(self._words) and self._words[low] == word:
            worth[low] = EQUAL
        return worth

    def _add_mistyped(self, worth: NDArray[np.float32], word: str, allowed: int) -> None:
        wrong = cdist([word], self._words, scorer=OSA.distance, score_cutoff=allowed, dtype=np.uint8)[0]
        near = wrong <= allowed
        worth[near] = MISTYPED - 0.1 * wrong[near]
        # a word that is being typed has its mistake before its end; one letter more where it is one that is missing
        # (`jaket`, of `jackets`)
        for length in (len(word), len(word) + 1):
            beginnings, of_word = self._beginnings(length)
            started = cdist([word], beginnings, scorer=OSA.distance, score_cutoff=allowed, dtype=np.uint8)[0][of_word]
            longer = (started <= max(1, allowed - 1)) & (self._length > length)
            worth[longer] = np.maximum(worth[longer], MISTYPED - 0.1 - 0.1 * started[longer])


def _called(name: str) -> list[tuple[list[str], float]]:
    """What a category is called, as stems, and what that is worth: its name, and each of `POELE - SAUTEUSE`."""
    names = [([stem(word) for word in folded_words(name)], 1.0)]
    parts = SEVERAL.split(name)
    if len(parts) > 1:
        names += [([stem(word) for word in folded_words(part)], ONE_OF_SEVERAL) for part in parts]
    return [(words, worth) for words, worth in names if words]


def _wrong_letters(length: int) -> int:
    """How many letters may be wrong, missing, too many or swapped in a word of a length."""
    return 0 if length < 4 else 1 if length < 6 else 2
