"""Tesseract: many photos in one process, one process per core."""

import csv
import io
import logging
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from subprocess import SubprocessError
from typing import Self

import cv2

from catalog.files.cores import n_cores
from catalog.files.once import Once
from ocr.config import EngineConfig
from ocr.engines.base import MIN_SIDE, EngineMissing, Photo, longest_useful
from ocr.engines.languages import install_tesseract, tesseract_code
from ocr.engines.pool import CRASHES
from ocr.engines.prepare import MAX_SIDE, Prepared, prepare
from ocr.engines.slots import Slots
from ocr.engines.tesseract_program import PROGRAM, ProgramMissing, RunsEnded, TesseractRuns
from ocr.engines.tesseract_version import tesseract_version
from ocr.transcript import MAX_WORD_LENGTH, OcrFailure, PhotoReading, Transcript, Word, bounded

log = logging.getLogger(__name__)

ENLARGE = 3.0
MIN_CONFIDENCE = 0.6
# A list file shares Tesseract's start (about 0.3 s for two languages: a photo takes 0.06 s instead of 0.37 s); more
# photos than this gain nothing.
PHOTOS_PER_PROCESS = 32
# Quarter turns in which a photo is read again on which hardly anything was found: lines that run down or up, as on
# spines, of which Tesseract makes a few stray letters. The way that gives most letters is kept.
QUARTER_TURNS = (1, 3)
FEW_LETTERS = 15
_WORD_LEVEL, _PAGE_LEVEL = "5", "1"


class TesseractEngine:
    """Reads photos with the installed `tesseract` program.

    Raises:
        EngineMissing: no program; that it has none of the configured languages is told when it is first asked.
    """

    name = "tesseract"

    def __init__(self, config: EngineConfig) -> None:
        if shutil.which(PROGRAM) is None:
            raise EngineMissing(f"Tesseract does not start (no {PROGRAM} is installed): {_way_out(config.languages)}")
        # asking the program needs pytesseract, which brings pandas: 0.25 s that who reads nothing need not wait
        self._installed = Once(lambda: _Installed.of(config.languages))
        self.page_mode = config.page_mode
        self.enlarge = ENLARGE if config.enlarge == "auto" else config.enlarge
        self.min_confidence = MIN_CONFIDENCE if config.min_confidence == "auto" else config.min_confidence
        self.max_side = longest_useful(MAX_SIDE, self.enlarge)
        self.threads = n_cores() if config.threads == "auto" else config.threads
        self.time_limit_s = config.time_limit_s
        self._slots = Slots(self.threads)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those of the configured languages that are installed, as Tesseract calls them; raises EngineMissing."""
        return self._installed().languages

    @property
    def settings(self) -> str:
        """See `ocr.engines.base.Engine.settings`; raises EngineMissing."""
        return (
            f"tesseract {self._installed().version} {'+'.join(self.languages)} psm={self.page_mode} "
            f"enlarge={self.enlarge:g} min_confidence={self.min_confidence:g} r2"
        )

    def close(self) -> None:
        """See `ocr.engines.base.Engine.close`: a program ends with what it reads."""

    def read(self, photos: Sequence[Photo]) -> list[PhotoReading]:
        """See `ocr.engines.base.Engine.read`."""
        results: list[PhotoReading] = [Transcript()] * len(photos)
        # too small a photo makes Tesseract stop in the middle of its list
        rows = [row for row, photo in enumerate(photos) if min(photo.shape[:2]) >= MIN_SIDE]
        for row, result in zip(rows, self._read_turned([photos[row] for row in rows], 0), strict=True):
            results[row] = result
        again = [row for row in rows if -1 < _n_letters(results[row]) < FEW_LETTERS]
        for turns in QUARTER_TURNS:
            for row, result in zip(again, self._read_turned([photos[row] for row in again], turns), strict=True):
                results[row] = max(results[row], result, key=_n_letters)
        return results

    def _read_turned(self, photos: Sequence[Photo], quarter_turns: int) -> list[PhotoReading]:
        """All photos in one direction, shared out to processes."""
        n_parts = max(min(len(photos), self.threads), -(-len(photos) // PHOTOS_PER_PROCESS))
        parts = [range(start, len(photos), n_parts) for start in range(n_parts)]
        results: list[PhotoReading] = [Transcript()] * len(photos)
        runs = TesseractRuns(self._slots)
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                part_results = pool.map(
                    lambda part: self._read_list([photos[row] for row in part], quarter_turns, runs), parts
                )
                for row, result in zip(chain.from_iterable(parts), chain.from_iterable(part_results), strict=True):
                    results[row] = result
            except BaseException:
                runs.end()
                raise
        return results

    def _read_list(self, photos: Sequence[Photo], quarter_turns: int, runs: TesseractRuns) -> list[PhotoReading]:
        """One process for all; when it dies or hangs, one process for each, so that only the culprit is lost."""
        try:
            prepared = [prepare(photo, self.enlarge, quarter_turns) for photo in photos]
            return list(self._run(runs, prepared, self.time_limit_s * max(1.0, len(photos) / 8)))
        except (EngineMissing, RunsEnded):
            raise
        except Exception as error:
            # not only RuntimeError: a damaged TSV or a full disk must not lose the other photos either
            if len(photos) > 1:
                log.warning("Tesseract failed on %d photos (%s): reading them one by one", len(photos), error)
                return [result for photo in photos for result in self._read_list([photo], quarter_turns, runs)]
            return [OcrFailure(f"tesseract: {str(error)[:200]}", _is_lasting(error))]

    def _run(self, runs: TesseractRuns, photos: Sequence[Prepared], time_limit_s: float) -> list[Transcript]:
        options = ["-l", "+".join(self.languages), "--psm", str(self.page_mode)]
        with tempfile.TemporaryDirectory(prefix="rayonnage-ocr-") as folder:
            paths = [str(Path(folder, f"{number}.png")) for number in range(len(photos))]
            for path, photo in zip(paths, photos, strict=True):
                if not cv2.imwrite(path, photo.picture, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
                    raise OSError(f"cannot write {path}")
            # the extension .txt tells Tesseract that this is a list
            listing = Path(folder, "photos.txt")
            listing.write_text("\n".join(paths) + "\n", encoding="utf-8")
            try:
                table = runs.table(listing, options, time_limit_s)
            except ProgramMissing as error:
                raise EngineMissing(f"Tesseract does not start ({error}): {_way_out(self.languages)}") from None
        return parse_table(table, photos, self.min_confidence)


@dataclass(frozen=True)
class _Installed:
    """The program's version, and those of the wanted languages that it has."""

    version: str
    languages: tuple[str, ...]

    @classmethod
    def of(cls, languages: Sequence[str]) -> Self:
        """Ask the program; raises EngineMissing where it does not start or has none of the languages."""
        import pytesseract

        try:
            version = tesseract_version()
            installed = set(pytesseract.get_languages())
        except (OSError, SystemExit, RuntimeError, SubprocessError) as error:
            raise EngineMissing(f"Tesseract does not start ({error}): {_way_out(languages)}") from None
        # one that is asked for by two names is read once
        wanted = list(dict.fromkeys(map(tesseract_code, languages)))
        known = tuple(language for language in wanted if language in installed)
        missing = [language for language in wanted if language not in installed]
        if not known:
            raise EngineMissing(f"Tesseract has none of the languages {', '.join(missing)}: {_way_out(missing)}")
        if missing:
            log.warning(
                "Tesseract lacks %s and reads %s only: %s", "+".join(missing), "+".join(known), _way_out(missing)
            )
        return cls(str(version), known)


def parse_table(table: str, photos: Sequence[Prepared], min_confidence: float) -> list[Transcript]:
    """Transcripts from Tesseract's TSV of a list file.

    Args:
        table: TSV with a header; `page_num` counts photos from 1, `conf` is in 0..100.
        photos: what was read; boxes are mapped back to the photos.
        min_confidence: words under it, in [0, 1], are dropped.

    Raises:
        ValueError: not one page per photo, or not such a table.
    """
    words: list[list[Word]] = [[] for _ in photos]
    lines: list[dict[tuple[str, ...], int]] = [{} for _ in photos]
    pages = set()
    # a quotation mark on a cover stands unescaped in the table, and must not swallow the rows behind it
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        try:
            page, level = int(row["page_num"]) - 1, row["level"]
            if level == _PAGE_LEVEL:
                pages.add(page)
            if level != _WORD_LEVEL:
                continue
            confidence, photo = float(row["conf"]) / 100, photos[page]
            left, top, width, height = (float(row[key]) for key in ("left", "top", "width", "height"))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"unexpected TSV row from Tesseract: {row!r}") from error
        place = tuple(row[key] for key in ("block_num", "par_num", "line_num"))
        line = lines[page].setdefault(place, len(lines[page]))
        if confidence < min_confidence:
            continue
        for text in (row["text"] or "").split():
            box = photo.photo_box(left, top, left + width, top + height)
            words[page].append(Word(text[:MAX_WORD_LENGTH], min(1.0, confidence), box, line))
    if pages != set(range(len(photos))):
        raise ValueError(f"Tesseract read {len(pages)} of {len(photos)} photos")
    return [bounded(photo_words) for photo_words in words]


def _way_out(languages: Sequence[str]) -> str:
    return f"install it (Debian: {install_tesseract(languages)}) or set engine.name to rapidocr"


def _n_letters(result: PhotoReading) -> int:
    """Letters and digits read; -1 for a failure."""
    return sum(map(str.isalnum, result.text)) if isinstance(result, Transcript) else -1


def _is_lasting(error: Exception) -> bool:
    """Whether the photo is to blame, and not the time, a full disk, or who ended the program."""
    status: int = getattr(error, "status", 0)
    return not isinstance(error, OSError | MemoryError) and (status >= 0 or -status in CRASHES)
