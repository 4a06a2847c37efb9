"""The search for near hashes finds what comparing every pair finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates import hamming
from curation.duplicates.hamming import MAX_RADIUS, near_pairs

bit_sets = st.lists(st.integers(0, 63), max_size=14)


def slow_pairs(hashes: list[int], radius: int) -> list[tuple[int, int, int]]:
    pairs = [(i, j, (hashes[i] ^ hashes[j]).bit_count()) for i in range(len(hashes)) for j in range(i + 1, len(hashes))]
    return [pair for pair in pairs if pair[2] <= radius]


@settings(max_examples=200)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=4), st.lists(bit_sets, max_size=40), st.integers(0, MAX_RADIUS))
def test_every_near_pair_is_found_once(seeds, flips, radius):
    found = set(seeds)
    for n, bits in enumerate(flips):
        value = seeds[n % len(seeds)] if seeds else 0
        for bit in bits:
            value ^= 1 << bit
        found.add(value)
    hashes = sorted(found)
    pairs, distance = near_pairs(np.array(hashes, np.uint64), radius)
    assert [(*pair, d) for pair, d in zip(pairs.tolist(), distance.tolist(), strict=True)] == slow_pairs(hashes, radius)


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 6, 8])
def test_many_hashes_that_share_most_bits(radius):
    rng = np.random.default_rng(radius)
    hashes = np.unique(rng.integers(0, 2**24, 600, np.uint64) << np.uint64(20))
    pairs, distance = near_pairs(hashes, radius)
    assert [(*p, d) for p, d in zip(pairs.tolist(), distance.tolist(), strict=True)] == slow_pairs(
        hashes.tolist(), radius
    )


def test_what_cannot_be_searched_is_refused(monkeypatch):
    for radius in (-1, MAX_RADIUS + 1):
        with pytest.raises(ValueError, match="from 0 to 10"):
            near_pairs(np.zeros(1, np.uint64), radius)
    monkeypatch.setattr(hamming, "MAX_PAIRS", 10)
    with pytest.raises(ValueError, match="over 10 near pairs"):
        near_pairs(np.arange(64, dtype=np.uint64), 6)
