"""Texts of the products of an index, beside it in a folder of its own: added in segments, compacted in one piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import atomic_folder, remove_leftovers, write_text
from catalog.files.file_lock import exclusive
from catalog.files.progress import Progress, in_batches
from search.ranking.search_text import SearchText, SentenceVectors
from search.ranking.text_segments import FORMAT, REMEDY, UNKNOWN, TextSegment, TextSegments
from text.hashed_terms import terms_of
from text.title_encoder import TitleEncoder

HEAD = "texts.json"
SEGMENT = 32_768
"""Products written at a time: what a kill loses, and what is held in memory (70 MB of them)."""
ENCODED_AT_ONCE = 256
EncoderMaker = Callable[[str], SentenceVectors]


class TextStore:
    """What is written of products, by the numbers of their ids; safe in threads, one process writes at a time.

    A folder with `texts.json` (format, encoder) and a numbered folder for each segment, see `TextSegment`. A product
    that the index has forgotten is asked for no more, and goes when the store is compacted.
    """

    def __init__(self, folder: Path, encoder: SentenceVectors | None, segments: TextSegments) -> None:
        """See `create` and `open`."""
        self.folder, self.encoder = folder, encoder
        self.segments = segments
        """A snapshot: what is added makes another one."""

    @classmethod
    def create(cls, folder: Path, encoder: SentenceVectors | None) -> TextStore:
        """An empty store; what lies there goes. `encoder`: None compares words alone."""
        with exclusive(lock_of(folder)), atomic_folder(folder) as new:
            _write_head(new, encoder)
        return cls(folder, encoder, TextSegments((), encoder.width if encoder else 0))

    @classmethod
    def open(cls, folder: Path, make_encoder: EncoderMaker = TitleEncoder) -> TextStore:
        """The store that lies in a folder; `make_encoder`: from the name that it was written with.

        Raises:
            FileNotFoundError: none lies there.
            EncoderMissing: its encoder is not installed.
            ValueError: a file is damaged; it is named.
        """
        # a compaction that was killed between its two renames
        remove_leftovers(folder)
        name = _encoder_name(folder / HEAD)
        encoder = make_encoder(name) if name else None
        width = encoder.width if encoder else 0
        return cls(folder, encoder, _segments_in(folder, width))

    def add(self, product_ids: NDArray[np.int64], texts: Sequence[SearchText], progress: Progress | None = None) -> int:
        """Keep the texts of `(P,)` products, each once; one that is there is replaced. Returns how many were written.

        An empty text replaces what is there, else it is not kept. What is there to the letter is passed over: after a
        kill the same call goes on where it was.

        Raises:
            ValueError: another number of texts, or a product twice.
            OSError: the disk is full: what was written before stays.
        """
        if len(product_ids) != len(texts) or len(np.unique(product_ids)) < len(product_ids):
            raise ValueError(f"{len(product_ids)} products and {len(texts)} texts: expected one for each, each once")
        written = 0
        with exclusive(lock_of(self.folder)):
            self._look_again()
            for places in in_batches(np.arange(len(texts)), SEGMENT, progress):
                written += self._add_segment(product_ids[places], [texts[place] for place in places.tolist()])
        return written

    def compact(self, keep: NDArray[np.int64]) -> None:
        """Write the texts of `(P,)` products anew, and those of no other; a kill leaves the old store or the new one.

        Vectors are copied, nothing is encoded.
        """
        with exclusive(lock_of(self.folder)):
            self._look_again()
            old = self.segments
            with atomic_folder(self.folder) as new:
                _write_head(new, self.encoder)
                kept = np.unique(keep)
                kept = kept[old.places(kept)[0] != UNKNOWN]
                for number, some in enumerate(in_batches(kept, SEGMENT), start=1):
                    _segment(some, old.texts(some), old.vectors(some)).write(new / f"{number:06d}")
            self._look_again()

    def _look_again(self) -> None:
        """Another process may have written meanwhile."""
        self.segments = _segments_in(self.folder, self.segments.width)

    def _add_segment(self, product_ids: NDArray[np.int64], texts: list[SearchText]) -> int:
        known = self.segments.texts(product_ids)
        new = [place for place, text in enumerate(texts) if text.to_line() != known[place].to_line()]
        if not new:
            return 0
        # as they will be read: what was cut says nothing
        chosen = [SearchText.from_line(texts[place].to_line()) for place in new]
        paths = _numbered(self.folder)
        path = self.folder / f"{int(paths[-1].name) + 1 if paths else 1:06d}"
        _segment(product_ids[new], chosen, self._encoded(chosen)).write(path)
        segment = TextSegment.read(path, self.segments.width)
        self.segments = TextSegments((*self.segments.segments, segment), self.segments.width)
        return len(new)

    def _encoded(self, texts: list[SearchText]) -> NDArray[np.float32]:
        """`(n, E)` vectors; zeros where there is no word."""
        vectors = np.zeros((len(texts), self.segments.width), np.float32)
        if self.encoder is None:
            return vectors
        words = [text.words for text in texts]
        speaking = np.flatnonzero([each.any for each in words])
        for some in in_batches(speaking, ENCODED_AT_ONCE):
            vectors[some] = self.encoder.vectors([words[place] for place in some.tolist()])
        return vectors


def _segment(ids: NDArray[np.int64], texts: list[SearchText], vectors: NDArray[np.float32]) -> TextSegment:
    return TextSegment.of(ids, texts, vectors, terms_of([text.words for text in texts]))


def lock_of(folder: Path) -> Path:
    """The file that whoever writes a store holds."""
    # beside the folder, which is replaced as a whole
    return folder.with_name(f"{folder.name}.lock")


def _write_head(folder: Path, encoder: SentenceVectors | None) -> None:
    head = {"format": FORMAT, "encoder": encoder.name if encoder else None}
    write_text(folder / HEAD, json.dumps(head) + "\n")


def _encoder_name(path: Path) -> str | None:
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
        name = head["encoder"]
        if head["format"] != FORMAT or not isinstance(name, str | None):
            raise ValueError(f"format {head['format']!r}, expected {FORMAT!r}")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path.parent} holds no texts of products: {path.name} is missing") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): {REMEDY}") from None
    return name


def _segments_in(folder: Path, width: int) -> TextSegments:
    return TextSegments(tuple(TextSegment.read(path, width) for path in _numbered(folder)), width)


def _numbered(folder: Path) -> list[Path]:
    """The segments, the oldest first."""
    return sorted(path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())
