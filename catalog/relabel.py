"""A catalogue written again with other labels: nothing else changes, nothing is overwritten."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import bson
import numpy as np
from bson.binary import ALL_UUID_SUBTYPES, Binary
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import InvalidId
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress, counted, part_of
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId
from catalog.product import LEFT_OUT, ProblemLog

AS_IT_IS: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Decodes the top level alone, and dates that Python cannot hold."""


@dataclass(frozen=True)
class Relabelled:
    """A catalogue with the labels that some of its products get.

    Attributes:
        label: `(N,)` int64 place in `categories` of each product's new label, -1 where its own stays.
        categories: `(C,)` int64 numbers of category_ids.
        whole: the products that keep their label are written too.
        ids: what the numbers stand for where the catalogue has no such label: the tree's; None: the catalogue's own.
    """

    catalog: Catalog
    label: NDArray[np.int64]
    categories: NDArray[np.int64]
    whole: bool = True
    ids: IdNames | None = None


def write_relabelled(
    output: Path, parts: Sequence[Relabelled], progress: Progress | None = None, *, overwrite: bool | None = None
) -> None:
    """Write one BSON file: documents as they are, byte for byte; where a label is new the `category_id` alone changes.

    Raises:
        FileExistsError, ValueError: as `check_destination` raises them.
    """
    check_destination(output, [part.catalog for part in parts], overwrite=overwrite)
    total, done = sum(len(part.catalog) for part in parts), 0
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        for part in parts:
            for document in counted(_documents(part), len(part.catalog), part_of(progress, done, total)):
                file.write(document)
            done += len(part.catalog)


def check_destination(output: Path, catalogs: Sequence[Catalog], *, overwrite: bool | None = None) -> None:
    """Whether the new catalogue can be written there; `catalogs` are those that it is made from.

    `overwrite` is None where the command has no such option, and does not offer it.

    Raises:
        FileExistsError: a file would be overwritten without leave, or one of the catalogues in any case.
        ValueError: not the name of a BSON file.
    """
    if output.suffix.lower() != ".bson":
        raise ValueError(f"{output}: what is written is one BSON file, give --output a name that ends in .bson")
    if any(Path(catalog.address).resolve() == output.resolve() for catalog in catalogs):
        raise FileExistsError(f"{output} is the catalogue that is read, it stays as it is: choose another --output")
    if output.exists() and not (overwrite and output.is_file()):
        offered = ", or give --overwrite" if overwrite is False and output.is_file() else ""
        raise FileExistsError(f"{output} exists already: choose another --output{offered}")


def _documents(part: Relabelled) -> Iterator[bytes]:
    """One for each product; empty for one that is not wanted."""
    wanted = (part.label >= 0) | part.whole
    raws = part.catalog.raw(np.flatnonzero(wanted))
    categories = (part.catalog.ids if part.ids is None else part.ids).take(part.categories)
    for take, place in zip(wanted.tolist(), part.label.tolist(), strict=True):
        raw = next(raws) if take else b""
        yield relabel(raw, categories[place]) if place >= 0 else raw


def relabel(raw: bytes, category_id: ShopId) -> bytes:
    """A BSON document with another `category_id`, of the type that its own has; other fields stay, in their order."""
    fields = dict(RawBSONDocument(raw, AS_IT_IS))
    if "category_id" not in fields:
        # where Cdiscount's files have it: after the _id
        fields = {"_id": fields.pop("_id"), "category_id": category_id, **fields}
    fields["category_id"] = _typed_as(fields["category_id"], category_id)
    return bson.encode(fields)


def _typed_as(label: object, category_id: ShopId) -> object:
    """A category_id as a database with such labels has it: what was read as text may be an ObjectId or a UUID."""
    if isinstance(label, str):
        return str(category_id)
    with contextlib.suppress(InvalidId, TypeError, ValueError):
        if isinstance(label, ObjectId):
            return ObjectId(category_id)
        if isinstance(label, Binary) and label.subtype in ALL_UUID_SUBTYPES:
            return Binary(UUID(str(category_id)).bytes, label.subtype)
    return category_id


def left_behind(catalog: Catalog) -> ProblemLog:
    """Stretches of a catalogue's file that hold no product of their own: these are not written again."""
    log = ProblemLog()
    log.counts.update({kind: n for kind, n in catalog.problems.counts.items() if kind in LEFT_OUT})
    log.named = [problem for problem in catalog.problems.named if problem.kind in LEFT_OUT]
    return log
