"""Folders called by ids, as `catalog convert` writes them: fit for every system, and read back to the letter."""

import json
import os
import re
from pathlib import Path

from catalog.ids.shop_id import ShopId, id_number, shop_id, why_no_id
from catalog.sources.folder.folder_names import UNLABELLED, id_of_name
from catalog.sources.folder.passed_over import OWN_MARK, is_systems

MARK = {"written_by": "catalog convert", "folders": "category_id/product_id"}
"""What the hidden file `OWN_MARK` says in a folder whose last two levels are called by ids, escaped as here."""
MAX_BYTES = 200
"""Of a folder's name; file systems take 255, some that encrypt names fewer."""
_MOST_OF_MARK = 4096
_UNSAFE = re.compile(r'[%/\\:*?"<>|]')
"""What some system forbids in names, and what begins an escape."""
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever ending follows."""
_ESCAPES = re.compile("(?:%[0-9A-F]{2})+")


class IdFolders:
    """Names for the folders of different ids in one folder: no two are the same where case does not count."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def name_of(self, product_or_category: ShopId) -> str:
        """The name for an id: the id itself where that will do on every system, else with escapes (`a%2Fb`).

        One that is too long for a name is cut, and its number stands behind it: `read_name` gives another id.
        """
        if isinstance(product_or_category, int):
            return str(product_or_category)
        name = _escaped(product_or_category)
        # letters that differ in case alone are escaped one after the other, until the names differ otherwise
        for letter in (place for place, one in enumerate(product_or_category) if one.lower() != one.upper()):
            if not self._is_taken(name):
                break
            name = _escaped(product_or_category, letter + 1)
        if len(name.encode()) > MAX_BYTES:
            end = f"~{id_number(product_or_category):016x}"
            name = name.encode()[: MAX_BYTES - len(end)].decode("utf-8", "ignore") + end
        self._taken.add(_key(name))
        return name

    def _is_taken(self, name: str) -> bool:
        return _key(name) in self._taken


def read_name(name: str) -> ShopId:
    """The id that a folder was called by, where `IdFolders` gave it its name."""
    text = _ESCAPES.sub(_unescaped, name).strip()
    return id_of_name(name) if why_no_id(text) else shop_id(text)


def is_called_by_ids(folder: Path) -> bool:
    """Whether `catalog convert` wrote a folder so."""
    try:
        with (folder / os.fsdecode(OWN_MARK)).open("rb") as file:
            return bool(json.loads(file.read(_MOST_OF_MARK)) == MARK)
    except (OSError, ValueError):
        return False


def _escaped(text: str, n_letters: int = 0) -> str:
    """A text with its unsafe characters escaped, and all letters among its first `n_letters` characters."""
    name = "".join(
        _escape(one) if _UNSAFE.match(one) or (place < n_letters and one.lower() != one.upper()) else one
        for place, one in enumerate(text)
    )
    is_taken_otherwise = is_systems(os.fsencode(name), is_folder=True) or _DEVICES.fullmatch(name) or name == UNLABELLED
    if is_taken_otherwise:
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
