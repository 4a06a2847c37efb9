"""Ids in cells of spreadsheets: marked where a spreadsheet would change them, and read back to the letter."""

import re
from collections.abc import Container, Iterable

from catalog.files.csv_rows import id_in
from catalog.ids.shop_id import ShopId, id_number, shop_id, why_no_id

LONG_ID = 10**11
"""Spreadsheets show integers of 12 and more digits as 2,87E+18, and save them so, rounded, unless they are text."""
MARK = "'"
"""Before an id that is to stay as it is."""
_LATER = re.compile(r";(?='*\s*[=+\-@])")
"""Where a spreadsheet that separates cells by semicolons would begin to read a formula within an id."""
_MARKED_LATER = re.compile(r";'(?='*\s*[=+\-@])")
_WORD = re.compile(r"[^\W\d_]+")
_TRUTHS = frozenset(("true", "false", "vrai", "faux", "wahr", "falsch"))
_AFTER_DIGITS = frozenset(("e", "a", "p", "am", "pm"))
"""What may stand behind the digits of a number or of a time: 1E5, 10 pm."""
_MONTHS = (
    "jan", "ene", "gen", "feb", "fev", "fév", "mar", "mär", "mrt", "apr", "avr", "abr", "may", "mai", "maj", "mag",
    "jun", "jui", "jul", "giu", "lug", "aug", "aoû", "ago", "sep", "set", "oct", "okt", "ott", "out", "nov", "dec",
    "déc", "dez", "dic",
)  # fmt: skip
"""How months begin in the languages of many spreadsheets: gene MARCH1 is a date to them."""
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?(e[+-]?[0-9]{1,3})?", re.IGNORECASE)


def id_cell(value: ShopId) -> int | str:
    """An id as a sheet has it: with an apostrophe before what a spreadsheet would change; see `id_of_cell`."""
    if isinstance(value, int):
        return f"{MARK}{value}" if abs(value) >= LONG_ID else value
    text = _LATER.sub(f";{MARK}", value)
    return f"{MARK}{text}" if _is_taken_otherwise(text) else text


def id_of_cell(cell: str) -> ShopId | None:
    """The id that `id_cell` wrote, to the letter, or that somebody typed; None where there is none.

    What a spreadsheet rounded, `2,87E+18`, may have been any of many ids: it is none.
    """
    if not cell.startswith(MARK):
        return id_in(unmarked(cell))
    text = unmarked(cell)
    return None if why_no_id(text.strip()) else shop_id(text)


def id_among(cell: str, known: Container[int]) -> ShopId | None:
    """The id that a cell of a list of products names; None where it names none.

    Of the `known` numbers of ids one to the letter, `12.0`, else one that a sheet has marked, as `id_cell` does; what
    is none of these is read as spreadsheets write it, see `id_in`.
    """
    text = cell.strip()
    to_the_letter = None if why_no_id(text) else shop_id(text)
    if isinstance(to_the_letter, int):
        return to_the_letter
    for one in (to_the_letter, id_of_cell(cell)):
        if one is not None and id_number(one) in known:
            return one
    return id_in(cell)


def unmarked(cell: str) -> str:
    """The text of a cell without the apostrophes that `id_cell` adds."""
    return _MARKED_LATER.sub(";", cell.removeprefix(MARK))


def likely_ids(cells: Iterable[ShopId], ids: Iterable[ShopId]) -> dict[ShopId, ShopId]:
    """Of each cell the one id that a spreadsheet, or a hand, makes such a cell of; those of none or several left out.

    `7` of `007`, `100000` of `1E5`, `mh01-Gray` of `MH01-gray`.
    """
    cell_of = {_loosely(cell): cell for cell in cells}
    found: dict[float | str, ShopId | None] = {}
    for one in ids if cell_of else ():
        if (key := _loosely(one)) in cell_of:
            found[key] = None if key in found else one
    return {cell_of[key]: one for key, one in found.items() if one is not None}


def _is_taken_otherwise(text: str) -> bool:
    """Whether a spreadsheet would take a text for a formula, a number, a date or a truth, or for its mark."""
    if text[0] in f"{MARK}=+-@":
        return True
    convertible = _TRUTHS if text[0].isalpha() else _TRUTHS | _AFTER_DIGITS
    # without any word it is digits and signs: 007, 3-4, 1.50
    return all(word in convertible or word.startswith(_MONTHS) for word in _WORD.findall(text.casefold()))


def _loosely(value: ShopId) -> float | str:
    """Equal for texts that a spreadsheet shows alike."""
    text = str(value).strip()
    if _NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    return " ".join(text.casefold().split())
