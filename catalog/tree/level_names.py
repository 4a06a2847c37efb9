"""What the levels of a tree are called."""

from collections.abc import Mapping, Sequence

from catalog.files.wording import plural

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
LEVEL_NAMES = {level: f"Cat {numeral}" for level, numeral in enumerate(NUMERALS, start=1)}
"""What the levels are called where nobody has named them, as many as a tree may have."""
MAX_NAME = 40
"""Characters of a name: it heads columns."""


def level_names_of(depth: int, names: Sequence[str] = ()) -> Mapping[int, str]:
    """The name of each level, from 1: those given, Cat I's first, or `LEVEL_NAMES` where none are.

    Raises:
        ValueError: not one for each of the `depth` levels, one twice, or one that is empty, long or has line breaks.
    """
    if not names:
        return LEVEL_NAMES
    if len(names) != depth:
        raise ValueError(
            f"{plural(len(names), 'name')} of levels, and the tree has {plural(depth, 'level')}: name each"
        )
    for name in names:
        if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise ValueError(
                f"a level cannot be called {name[:MAX_NAME]!r}: write 1 to {MAX_NAME} characters on one line"
            )
        if names.count(name) > 1:
            raise ValueError(f"two levels are called {name!r}: give each a name of its own")
    return dict(enumerate(names, start=1))
