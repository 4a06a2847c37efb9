"""One product of a catalogue, and what can be wrong with one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from catalog.files.terminal import on_one_line
from catalog.files.wording import plural
from catalog.ids.shop_id import ShopId, id_number
from catalog.product_text import ShopText, joined

MAX_IMAGES = 4
"""Networks exist for one to four photos; of a product with more, the first four are used."""

_NUMBERED = re.compile(r"photo ([1-9][0-9]*)")
"""How files of earlier versions name a photo of a product, from 1."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it lies in the catalogue, nothing decoded.

    Attributes:
        product_id: the seller's own, to the letter; arrays have the `number` that stands for it.
        images: encoded photos in the seller's order, at most four; empty when the document has none.
        category_id: leaf of the tree, as the seller has it; None when unlabelled.
        title, description: the shop's own words, see `catalog.product_text`; "" where there are none.
    """

    product_id: ShopId
    images: tuple[bytes, ...]
    category_id: ShopId | None = None
    title: str = ""
    description: str = ""

    @property
    def number(self) -> int:
        """What stands for the product_id in arrays, see `catalog.ids.shop_id.id_number`."""
        return id_number(self.product_id)

    @property
    def text(self) -> str:
        """Title and description as one, see `catalog.product_text.joined`."""
        return joined(self.title, self.description)


class ProblemKind(StrEnum):
    """What can be wrong with a document; the value is the sentence shown to people, files have the name."""

    TRUNCATED = "file ends inside a document"
    GARBAGE = "bytes that are not a BSON document"
    BAD_DOCUMENT = "document without an _id that can be used"
    REPEATED_ID = "repeated _id (the first one with a photo is kept)"
    ALIKE_IDS = "ids that differ only in letter case, blanks or leading zeros (each stays one of its own)"
    NO_PHOTO = "no photo"
    TOO_MANY_PHOTOS = "more than four photos (the first four are used)"
    TEXT_PHOTO = "photo given as text, in base64 perhaps, not as bytes"
    BAD_PHOTO_ENTRY = "imgs entry without picture bytes"
    BAD_CATEGORY = "category that cannot be used (taken as unlabelled)"
    UNREADABLE_PHOTO = "photo that cannot be decoded"
    DAMAGED_PHOTO = "damaged photo (what is left of it was used)"
    UNREAD_TEXT = "photo whose text could not be read (the other evidence decides)"
    PASSED_OVER = "hidden, or the system's own (passed over)"
    EACH_PHOTO = "each photo is a product"
    STRAY_FILE = "file that is not a photo (left alone)"
    STRAY_PHOTO = "photo beside folders: only the deepest folders are products (left alone)"
    MISSING_PHOTO = "photo file that does not exist"
    WEB_ADDRESS = "photo on the web (nothing is downloaded: download it, and give its path)"
    UNREADABLE_FILE = "photo file that cannot be used"
    UNREADABLE_FOLDER = "folder that cannot be read"
    EMPTY_CATEGORY = "category folder without products (left alone)"
    UNKNOWN_FOLDER = "folder that names no category (taken as unlabelled)"
    OUTSIDE_PATH = "photo path that leaves the table's folder (give it as an absolute path)"
    OUTSIDE_UPLOAD = "photo path outside of what was sent (only photos that were sent along are read)"
    TWO_CATEGORIES = "more than one category for a product (the first one is kept)"
    PARTED_NAME = "category name with ' > ' in it, which stands between names (without a tree it is read as several)"
    BAD_ROW = "row without a product_id that can be used"
    LONG_TEXT = "title or description that is too long (cut)"
    BAD_TEXT = "title or description that is no text (left out)"
    LOST_FIELD = "field that the destination cannot hold"
    RENAMED = "id that not every system lets a folder be called by (it is called otherwise, and read back as the id)"
    CUT_ID = "id that is too long for a folder's name (cut: another id will be read back)"
    NO_CATEGORY = "no category_id"
    UNKNOWN_CATEGORY = "category_id is not in the tree"
    SAME_NUMBER = "another text for the number of a product that is kept (left out)"
    """Written by earlier versions, where ids were numbers alone."""


LEFT_OUT = (
    ProblemKind.TRUNCATED,
    ProblemKind.GARBAGE,
    ProblemKind.BAD_DOCUMENT,
    ProblemKind.BAD_ROW,
    ProblemKind.REPEATED_ID,
)
"""What was no product of its own, so that a copy of the catalogue is without it."""

ANY_ID = "an id is an integer or a text (an article number, a UUID) without control characters"
WAYS_OUT = {
    ProblemKind.BAD_DOCUMENT: f"{ANY_ID}. If the products' id is in another field, make a collection that has it as "
    '_id, and export that: db.NAME.aggregate([{$set: {_id: "$FIELD"}}, {$out: "NEW_NAME"}])',
    ProblemKind.BAD_ROW: f"{ANY_ID}. If another column has the products' ids, call that one product_id; where a "
    "spreadsheet has rounded long numbers (2,87E+18), export the table anew",
    ProblemKind.ALIKE_IDS: "if they are one, write them alike in the shop's export",
    ProblemKind.TEXT_PHOTO: "write the bytes that the text stands for, in Python base64.b64decode(text); a CSV has "
    "the paths of files",
}
"""What can be done about a kind of problem; said once, below its places."""
NOTICES = (ProblemKind.PASSED_OVER, ProblemKind.EACH_PHOTO, ProblemKind.ALIKE_IDS, ProblemKind.PARTED_NAME)
"""What is said of a catalogue, but is no fault of it: `--strict` lets it pass."""


FAULTY_FILE = (
    ProblemKind.TEXT_PHOTO,
    ProblemKind.MISSING_PHOTO,
    ProblemKind.UNREADABLE_FILE,
    ProblemKind.OUTSIDE_PATH,
    ProblemKind.OUTSIDE_UPLOAD,
    ProblemKind.WEB_ADDRESS,
)
"""What leaves a product without a photo that it names."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, with its place.

    Attributes:
        where: a byte offset, a row, a file; empty where product and photo say it all.
        photo: the position of the photo that it is about among the product's photos, from 0; None: about no single one.
    """

    kind: ProblemKind
    where: str = ""
    product_id: ShopId | None = None
    detail: str = ""
    photo: int | None = None

    @property
    def place(self) -> str:
        """For people: where it is, else which of the product's photos, counted from 1."""
        return self.where if self.where or self.photo is None else f"photo {self.photo + 1}"

    def __str__(self) -> str:
        product = "" if self.product_id is None else f"product {self.product_id}"
        detail = f" ({self.detail})" if self.detail else ""
        return on_one_line(f"{', '.join(filter(None, (self.place, product)))}: {self.kind.value}{detail}")


def text_problems(text: ShopText, product_id: ShopId, where: str = "") -> list[Problem]:
    """What is wrong with a product's title and description."""
    cut = [Problem(ProblemKind.LONG_TEXT, where, product_id, detail) for detail in text.cut]
    return cut + [Problem(ProblemKind.BAD_TEXT, where, product_id, detail) for detail in text.faults]


@dataclass
class ProblemLog:
    """Counts every problem and names the first `max_named` of each kind, so that memory stays bounded."""

    max_named: int = 1000
    counts: Counter[ProblemKind] = field(default_factory=Counter)
    named: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Count one problem, and keep it by name while its kind has room."""
        self.counts[problem.kind] += 1
        if self.counts[problem.kind] <= self.max_named:
            self.named.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add each problem."""
        for problem in problems:
            self.add(problem)

    def merge(self, other: ProblemLog) -> None:
        """Add the counts and names of another log, as if each of its problems were added."""
        room = {kind: self.max_named - self.counts[kind] for kind in other.counts}
        for problem in other.named:
            room[problem.kind] -= 1
            if room[problem.kind] >= 0:
                self.named.append(problem)
        self.counts.update(other.counts)

    def __len__(self) -> int:
        return self.counts.total()

    def summary(self, limit: int = 5) -> str:
        """A few lines for people: each kind with its count and its first `limit` places."""
        lines: list[str] = []
        for kind, count in self.counts.most_common():
            named = [problem for problem in self.named if problem.kind is kind]
            if kind is ProblemKind.EACH_PHOTO:
                lines += map(str, named)
                continue
            told = named if kind is not ProblemKind.NO_PHOTO else self._without_any_file(named)
            n_elsewhere = len(named) - len(told)
            lines.append(f"{count} x {kind.value}")
            lines += [f"    {problem}" for problem in told[:limit]]
            if n_elsewhere:
                lines.append(f"    {n_elsewhere} of them because of photo files that are named here")
            if count > limit + n_elsewhere:
                lines.append(f"    ... and {count - limit - n_elsewhere} more")
            if kind in WAYS_OUT:
                lines.append(f"    {WAYS_OUT[kind]}")
        return "\n".join(lines)

    def _without_any_file(self, named: list[Problem]) -> list[Problem]:
        """Those of products that name no file: one whose only file is missing has no photo for no other reason."""
        with_faulty_file = {problem.product_id for problem in self.named if problem.kind in FAULTY_FILE}
        return [problem for problem in named if problem.product_id not in with_faulty_file]

    def require_none(self, what: str, *, told: bool = False) -> None:
        """`--strict`: raise ValueError when there is any but `NOTICES`; `told`: they have been printed already."""
        n_problems = len(self) - sum(self.counts[kind] for kind in NOTICES)
        if n_problems:
            problems = plural(n_problems, "problem")
            raise ValueError(f"{what}: {problems}, and --strict was given" + ("" if told else f"\n{self.summary()}"))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; `from_json` reads them back."""
        return {
            "counts": {kind.name: count for kind, count in self.counts.items()},
            "named": [[p.kind.name, p.where, p.product_id, p.detail, p.photo] for p in self.named],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ProblemLog:
        """Inverse of `to_json`; raises KeyError on unknown kinds, TypeError or ValueError on other entries."""
        log = cls()
        log.counts.update({ProblemKind[name]: int(count) for name, count in data["counts"].items()})
        log.named = [_problem_of(*entry) for entry in data["named"]]
        return log


def _problem_of(kind: str, where: str, product_id: ShopId | None, detail: str, *photo: int | None) -> Problem:
    """A problem as `ProblemLog.to_json` has it; earlier versions wrote the photo as text into `where`."""
    if not photo and (numbered := _NUMBERED.fullmatch(where)):
        where, photo = "", (int(numbered[1]) - 1,)
    if any(position is not None and (not isinstance(position, int) or position < 0) for position in photo):
        raise ValueError(f"a photo's position is {photo[0]!r}")
    return Problem(ProblemKind[kind], where, product_id, detail, *photo)
