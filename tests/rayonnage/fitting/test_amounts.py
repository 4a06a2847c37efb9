"""Times and memory are read as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rayonnage.fitting.amounts import bytes_of, seconds_of, time_option, typed_bytes, typed_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("30m", 1800), ("30 min", 1800), ("2h", 7200), ("1.5h", 5400), ("1h30", 5400), ("1h05", 3900),
        ("1H30M", 5400), ("1h30m10s", 5410), ("1m30s", 90), ("0.5m", 30),
    ],
)  # fmt: skip
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "h", "m", "-5m", "1h-5", "5m3h", "1e3s", "0s", "0h0", "9999999h", "٣m", "1h3000"]
)
def test_what_is_no_time_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="30m"):
        seconds_of(text)


@given(some.integers(1, 30 * 86_400))
def test_a_time_that_is_printed_is_read_as_the_same(seconds: int) -> None:
    assert seconds_of(typed_time(seconds)) == seconds


@given(some.floats(0.1, 300 * 86_400))
def test_a_time_that_is_offered_is_enough_and_little_more(seconds: float) -> None:
    offered = seconds_of(time_option(seconds))
    assert seconds <= offered < max(seconds + 60.0, 1.34 * seconds)


@given(some.text())
def test_any_text_is_a_time_within_a_year_or_refused(text: str) -> None:
    try:
        seconds = seconds_of(text)
    except ValueError:
        return
    assert 0 < seconds <= 366 * 86_400


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("4g", 4 * 10**9), ("1.5 GiB", 3 * 2**29), ("800MB", 8 * 10**8), ("1k", 1000)],
)
def test_sizes(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "4", "GB", "-1GB", "4GBs", "0MB", "four GB"])
def test_what_is_no_size_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="4GB or 800MB"):
        bytes_of(text)


@given(some.integers(1, 10**6), some.sampled_from(["kB", "MB", "GB", "KiB", "MiB", "GiB"]))
def test_a_size_that_is_printed_is_read_as_the_same(number: int, unit: str) -> None:
    size = bytes_of(f"{number}{unit}")
    assert bytes_of(typed_bytes(size)) == size
