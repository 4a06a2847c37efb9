"""What was read on one photo: words with text, confidence and box; or why nothing could be read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Self

MAX_WORDS = 5_000
MAX_WORD_LENGTH = 500

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Word:
    """One printed word.

    Attributes:
        text: 1 to `MAX_WORD_LENGTH` characters without white space; confidence: in [0, 1], the engine's own scale;
        box: left, top, right, bottom in pixels of the whole photo, upright; line: number of the text line on the photo.
    """

    text: str
    confidence: float
    box: Box
    line: int = 0

    def __post_init__(self) -> None:
        if not 0 < len(self.text) <= MAX_WORD_LENGTH or self.text.split() != [self.text]:
            raise ValueError(f"a word has 1 to {MAX_WORD_LENGTH} characters and no white space, got {self.text[:40]!r}")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence {self.confidence} of {self.text!r} is not in [0, 1]")
        if len(self.box) != 4 or not all(abs(side) < float("inf") for side in self.box):
            raise ValueError(f"box of {self.text!r} is {self.box}, expected left, top, right, bottom")

    def enlarged(self, by: float) -> Self:
        """The same word on a picture that is so many times larger."""
        left, top, right, bottom = self.box
        return replace(self, box=(left * by, top * by, right * by, bottom * by))


@dataclass(frozen=True)
class Transcript:
    """The words of one photo in reading order; none on a photo without text. At most `MAX_WORDS`."""

    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        if len(self.words) > MAX_WORDS:
            raise ValueError(f"{len(self.words)} words on one photo, at most {MAX_WORDS} are kept")

    @property
    def text(self) -> str:
        """Words joined by spaces, lines by newlines."""
        lines = groupby(self.words, key=lambda word: word.line)
        return "\n".join(" ".join(word.text for word in words) for _, words in lines)

    def enlarged(self, by: float) -> Self:
        """The same words on a picture that is so many times larger."""
        return type(self)(tuple(word.enlarged(by) for word in self.words))

    def to_json(self) -> dict[str, Any]:
        """`{"words": [{"text", "confidence", "box": [4 numbers], "line"}]}`; rounded to 4 and 1 decimals."""
        return {
            "words": [
                {
                    "text": word.text,
                    "confidence": round(word.confidence, 4),
                    "box": [round(side, 1) for side in word.box],
                    "line": word.line,
                }
                for word in self.words
            ]
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: anything else: other keys or types, too many or too long words, values out of range.
        """
        rows = value.get("words") if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(rows, list):
            raise ValueError(f"not a transcript: {str(value)[:80]!r}, expected one key, words, with a list")
        if len(rows) > MAX_WORDS:
            raise ValueError(f"{len(rows)} words on one photo, at most {MAX_WORDS} are kept")
        return cls(tuple(_word(row) for row in rows))


@dataclass(frozen=True)
class OcrFailure:
    """Takes a transcript's place when a photo could not be read.

    Attributes:
        reason: for people; lasting: the same photo fails again under the same settings, so the cache may keep it.
    """

    reason: str
    lasting: bool = True

    def to_json(self) -> dict[str, Any]:
        """`{"failure": reason}`, where a transcript has its words."""
        return {"failure": self.reason}


PhotoReading = Transcript | OcrFailure
"""What was read on a photo, or why nothing could be."""


def bounded(words: Sequence[Word]) -> Transcript:
    """A transcript of the first `MAX_WORDS` words."""
    return Transcript(tuple(words[:MAX_WORDS]))


def _word(row: object) -> Word:
    if not isinstance(row, dict) or set(row) != {"text", "confidence", "box", "line"}:
        raise ValueError(f"not a word: {str(row)[:80]!r}, expected the keys text, confidence, box, line")
    text, confidence, box, line = row["text"], row["confidence"], row["box"], row["line"]
    numbers = [confidence, *box] if isinstance(box, list) and len(box) == 4 else [None]
    # not isinstance: true and false are integers to it
    if not isinstance(text, str) or not all(type(number) in (int, float) for number in numbers):
        raise ValueError(f"not a word: {str(row)[:80]!r}: wrong types")
    if type(line) is not int or not 0 <= line <= MAX_WORDS:
        raise ValueError(f"line {str(line)[:40]} of {text[:40]!r} is not in 0..{MAX_WORDS}")
    try:
        left, top, right, bottom = (float(side) for side in box)
        return Word(text, float(confidence), (left, top, right, bottom), line)
    except OverflowError:
        # JSON's integers have any number of digits
        raise ValueError(f"a number of {text[:40]!r} is too large") from None
