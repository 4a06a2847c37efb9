"""Times and memory as people type them: `30m`, `1h30`, `4GB`."""

from __future__ import annotations

import math
import re

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_TIME = re.compile(
    rf"(?:(?P<hours>{_NUMBER})h)?(?:(?P<minutes>{_NUMBER})m(?:in)?)?(?:(?P<seconds>{_NUMBER})s)?"
    r"|(?P<full>[0-9]{1,9})h(?P<past>[0-9]{1,2})"
)
_MEMORY = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>[kmgt]i?b?)")
_POWER = {"k": 1, "m": 2, "g": 3, "t": 4}
LONGEST_S = 366 * 86_400.0
"""A year: more is a slip of the finger."""


def seconds_of(text: str) -> float:
    """Seconds of `90s`, `30m`, `1.5h`, `1h30` or `1h30m10s`.

    Raises:
        ValueError: none of these, nothing at all, or more than a year.
    """
    found = _TIME.fullmatch("".join(text.lower().split()))
    if found is None or not found[0]:
        raise ValueError(f"{text[:40]!r} is no time: give it with its unit, such as 90s, 30m, 2h or 1h30")
    hours, minutes = found["hours"] or found["full"], found["minutes"] or found["past"]
    total = 3600 * float(hours or 0) + 60 * float(minutes or 0) + float(found["seconds"] or 0)
    if not 0 < total <= LONGEST_S:
        raise ValueError(f"{text[:40]!r} is {'no time at all' if not total else 'more than a year'}: give 30m or 1h30")
    return total


def typed_time(seconds: float) -> str:
    """As `seconds_of` reads it: `1h30m`, `10m`, `1m30s`; full seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def time_option(seconds: float) -> str:
    """As `--time` takes it, never shorter, and no more exact than an estimate is: `1m30s`, `11m`, `4h`."""
    step = 1 if seconds < 300 else 60 if seconds < 3 * 3600 else 3600
    return typed_time(step * math.ceil(seconds / step))


def bytes_of(text: str) -> int:
    """Bytes of `4GB`, `512MB`, `1.5GiB`.

    Raises:
        ValueError: none of these, or less than a byte.
    """
    found = _MEMORY.fullmatch("".join(text.lower().split()))
    if found is None:
        raise ValueError(f"{text[:40]!r} is no size: give it with its unit, such as 4GB or 800MB")
    base = 1024 if "i" in found["unit"] else 1000
    size = int(float(found["number"]) * base ** _POWER[found["unit"][0]])
    if not size:
        raise ValueError(f"{text[:40]!r} is nothing: give 4GB or 800MB")
    return size


def typed_bytes(n_bytes: int) -> str:
    """As `bytes_of` reads it: `4GB`, `1536MiB`; what is no multiple of either, in whole megabytes."""
    for base, ending in ((1000, "B"), (1024, "iB")):
        for unit, power in reversed(_POWER.items()):
            if n_bytes % base**power == 0:
                return f"{n_bytes // base**power}{unit.upper()}{ending}"
    return f"{max(1, n_bytes // 1000**2)}MB"
