"""What reading a sample has shown of every Cat I, and the rule by which one is chosen to be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.files.wording import aligned, percent, plural
from catalog.product import ProblemLog
from catalog.runs.config import STRICT, Problems

MIN_PRODUCTS = 20
"""Of a category: products that the photos put there, and texts to learn from; fewer tell nothing."""


@dataclass(frozen=True)
class CategoryGain:
    """What was read on the sample of one Cat I, and what it was worth.

    Attributes:
        category: its name; put_there: held-out products that the photos put there.
        products, photos, unread, words: of the sample, whatever it was read for: how many, photos among them that
            could not be read, and words found.
        judged: products of the sample on which the gain was measured: held-out ones that the photos put there, one of
            those that share a photo. judged_photos: theirs.
        without_text, with_text: share of these whose leaf is right by the photos alone, and with the text.
        gain, low, high: products more that are right for every 100 photos read, with its 95 % interval.
        chosen, why: whether it is to be read, in words too. Where `why` says that nothing could be measured, all
            figures of accuracy and gain are 0.
    """

    category: str
    put_there: int
    products: int
    photos: int
    unread: int
    words: int
    judged: int = 0
    judged_photos: int = 0
    without_text: float = 0.0
    with_text: float = 0.0
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    chosen: bool = False
    why: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether there was enough to measure by."""
        return self.judged > 0


@dataclass(frozen=True)
class ChoicePoint:
    """A step of the curve: what is read with a category added to those before it, empty for nothing.

    Attributes:
        photos: read per 1000 products; accuracy: share of all products whose leaf is right.
    """

    category: str
    photos: float
    accuracy: float


@dataclass(frozen=True)
class ShelfChoice:
    """Where reading pays: all Cat I of the tree, those that gain most for each photo first.

    Attributes:
        min_gain: the setting that the lower end of a category's interval must lie above.
        problems: photos of the sample that could not be read.
    """

    categories: tuple[CategoryGain, ...]
    min_gain: float
    problems: Problems = field(default_factory=ProblemLog)
    __pydantic_config__ = STRICT

    @property
    def chosen(self) -> list[str]:
        """The categories that are read, as `shelves` names them; empty where reading pays nowhere."""
        return [gain.category for gain in self.categories if gain.chosen]

    @property
    def is_measured(self) -> bool:
        """Whether there was enough of any category to measure by."""
        return any(gain.is_measured for gain in self.categories)

    def curve(self) -> list[ChoicePoint]:
        """What reading one category after the other costs and brings, in their order; those not measured are left out.

        Over the held-out products of all categories measured, each as many as the photos put there.
        """
        measured = [gain for gain in self.categories if gain.is_measured]
        n_products = max(1, sum(gain.put_there for gain in measured))
        photos, accuracy = 0.0, sum(gain.put_there * gain.without_text for gain in measured) / n_products
        points = [ChoicePoint("", photos, accuracy)]
        for gain in measured:
            share = gain.put_there / n_products
            photos += 1000 * share * gain.judged_photos / gain.judged
            accuracy += share * (gain.with_text - gain.without_text)
            points.append(ChoicePoint(gain.category, photos, accuracy))
        return points

    def text(self) -> str:
        """The table and what was decided, for a terminal."""
        table = aligned([COLUMNS, *(row_of(gain) for gain in self.categories)], "<" + ">" * (len(COLUMNS) - 2) + "<")
        return f"{table}\n{self.sentence()}"

    def sentence(self) -> str:
        """What was decided, and by which rule."""
        rule = f"a gain above {self.min_gain:g} for every 100 photos, at the lower end of the interval"
        if not self.is_measured:
            return "where reading pays cannot be told: too few products of every category can be judged, or show words"
        if not self.chosen:
            return f"reading pays nowhere: no category has {rule} (min_gain)"
        return f"read from now on: {', '.join(self.chosen)} ({rule}; min_gain)"


COLUMNS = [
    "category", "products", "photos read", "unreadable", "words", "judged", "right by photos", "with text",
    "gained per 100 photos", "read?",
]  # fmt: skip


def row_of(gain: CategoryGain) -> list[str]:
    """A line of the table, a cell for each of `COLUMNS`."""
    figures = ["-", "-", "-"]
    if gain.is_measured:
        interval = f"{gain.gain:.1f} ({gain.low:.1f} to {gain.high:.1f})"
        figures = [percent(gain.without_text), percent(gain.with_text), interval]
    counts = (gain.put_there, gain.photos, gain.unread, gain.words, gain.judged)
    return [gain.category, *(f"{n:,}" for n in counts), *figures, f"{'yes' if gain.chosen else 'no'}: {gain.why}"]


def verdict(low: float, min_gain: float) -> tuple[bool, str]:
    """Whether a category is chosen whose interval begins at `low`, and why: it must lie above the setting."""
    if low > min_gain:
        return True, f"at least {low:.1f} gained"
    return False, f"no more than {max(low, 0.0):.1f} is sure" if low > 0 else "no gain is sure"


def too_few(n: int, what: str) -> str:
    """Why nothing was measured: `7 products that the photos put there, 20 are needed`."""
    return f"{plural(n, 'product')} {what}, {MIN_PRODUCTS} are needed"
