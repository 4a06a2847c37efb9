"""Counts as people read them."""

from collections.abc import Sequence


def plural(n: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 photo`, `12,371 photos`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as people read it: `74.9 %`."""
    return f"{100 * share:.{digits}f} %"


def aligned(rows: Sequence[Sequence[str]], sides: str) -> str:
    """A table as text; `sides`: `<` or `>` of each column, where its cells are flush."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:{side}{n}}" for cell, side, n in zip(row, sides, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def one_line(error: BaseException) -> str:
    """What an error of another library says, for a sentence of ours; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def any_of(words: Sequence[object]) -> str:
    """One of these: `1`, `1 or 2`, `1, 2 or 3`."""
    return joined(words, "or")


def joined(words: Sequence[object], last: str = "and") -> str:
    """All of them as a sentence has them, `last` before the last one: `a`, `a and b`, `a, b and c`."""
    *first, end = map(str, words)
    return f"{', '.join(first)} {last} {end}" if first else end


def listed(names: Sequence[object], most: int) -> str:
    """The first names, and how many more there are: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
