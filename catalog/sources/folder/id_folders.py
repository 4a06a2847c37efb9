"""Folders called by ids, as `catalog convert` writes them: fit for every system, and read back to the letter."""

import json
import os
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from catalog.ids.shop_id import ShopId, id_number, shop_id, why_no_id
from catalog.sources.folder.folder_names import UNLABELLED, id_of_name
from catalog.sources.folder.passed_over import OWN_MARK, is_systems
from catalog.tree.taxonomy import SEPARATOR, path_text

WRITER, FOLDERS = "written_by", "folders"
"""Keys of the hidden file `OWN_MARK`."""
WRITTEN_HERE = "catalog convert"
MAX_BYTES = 200
"""Of a folder's name; file systems take 255, some that encrypt names fewer."""
_MOST_OF_MARK = 4096
_UNSAFE = re.compile(r'[%/\\:*?"<>|]')
"""What some system forbids in names, and what begins an escape."""
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever ending follows."""
_ESCAPES = re.compile("(?:%[0-9A-F]{2})+")


class CalledBy(StrEnum):
    """What the folders above products are called by in a folder that was written here."""

    PATH = "category_id/product_id"
    """All of them by the category's id, which may be a path, `Men > Tops`: a folder for each of its names."""
    ID = "names/category_id/product_id"
    """The last of them by the category's id, those above by the names of the tree."""


class IdFolders:
    """Names for what lies in one folder, each called by an id: no two are the same where case does not count."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def name_of(self, one: ShopId) -> str:
        """The name for an id: the id itself where that will do on every system, else with escapes (`a%2Fb`).

        One that is too long for a name is cut, and its number stands behind it: `read_name` gives another id.
        """
        text = str(one)
        # one character after the other is escaped until no other name differs in case alone
        names = (_escaped(text, n) for n in range(len(text) + 1))
        name = next((name for name in names if _key(name) not in self._taken), _escaped(text, len(text)))
        if len(name.encode()) > MAX_BYTES:
            end = f"~{id_number(one):016x}"
            name = name.encode()[: MAX_BYTES - len(end)].decode("utf-8", "ignore") + end
        self._taken.add(_key(name))
        return name


def read_name(name: str) -> ShopId:
    """The id that a folder was called by, where `IdFolders` gave it its name."""
    text = _ESCAPES.sub(_unescaped, name).strip()
    return id_of_name(name) if why_no_id(text) else shop_id(text)


def levels_of(category_id: ShopId) -> Sequence[str]:
    """The names of a category's id that is a path: each is a folder's; one of any other id."""
    names = str(category_id).split(SEPARATOR)
    return names if all(name and name == name.strip() for name in names) else [str(category_id)]


def read_category(folders: Sequence[bytes], called_by: CalledBy) -> ShopId | None:
    """The category that folders (outermost first) are called by; None where they say that there is none."""
    names = [os.fsdecode(folder) for folder in folders]
    if not names or names[-1] == UNLABELLED:
        return None
    if called_by is CalledBy.ID:
        return read_name(names[-1])
    path = path_text([str(read_name(name)) for name in names])
    return None if why_no_id(path) else shop_id(path)


def called_by(folder: Path) -> CalledBy | None:
    """What the folders in one that `catalog convert` wrote are called by; None where they say what any folders do."""
    try:
        with (folder / os.fsdecode(OWN_MARK)).open("rb") as file:
            return CalledBy(json.loads(file.read(_MOST_OF_MARK))[FOLDERS])
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _escaped(text: str, n_characters: int = 0) -> str:
    """A text with its unsafe characters escaped, and all among its first `n_characters`."""
    name = "".join(
        _escape(one) if place < n_characters or _UNSAFE.match(one) else one for place, one in enumerate(text)
    )
    if is_systems(os.fsencode(name), is_folder=True) or _DEVICES.fullmatch(name) or name == UNLABELLED:
        name = _escape(name[0]) + name[1:]
    # Windows leaves such an end out
    return name[:-1] + _escape(".") if name.endswith(".") else name


def _escape(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _unescaped(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace")


def _key(name: str) -> int:
    """Equal for names that are one to a system where case does not count."""
    return id_number(name.casefold())
