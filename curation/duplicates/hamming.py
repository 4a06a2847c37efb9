"""All pairs of 64-bit hashes within a Hamming distance, without comparing every pair.

Bits are cut into blocks. Two hashes that differ in at most r bits agree in all but r of the blocks, so that sorting by
every choice of `n_blocks - r` blocks brings each such pair together once (Manku, Jain and Das Sarma, "Detecting
Near-Duplicates for Web Crawling", WWW 2007).
"""

from itertools import combinations, pairwise
from math import comb, log2

import numpy as np
from numpy.typing import NDArray

BITS = 64
MAX_RADIUS = 10
MAX_PAIRS = 20_000_000
"""Pairs that are kept: more of them say that the hashes do not tell the photos apart."""


def near_pairs(hashes: NDArray[np.uint64], radius: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Every pair of distinct hashes that differ in at most `radius` bits.

    Args:
        hashes: `(N,)` uint64, each once.

    Returns:
        `(E, 2)` int64 places in `hashes`, the smaller first, each pair once, and their `(E,)` uint8 distance.

    Raises:
        ValueError: `radius` out of range, or more than `MAX_PAIRS` pairs.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"a distance of {radius} bits: give one from 0 to {MAX_RADIUS}")
    masks = _masks(_best_number_of_blocks(len(hashes), radius))
    pieces = [np.zeros((0, 2), np.int64)]
    n_pairs = 0
    for kept in combinations(range(len(masks)), len(masks) - radius):
        # of all choices that bring a pair together, the one of its first equal blocks reports it
        skipped = [masks[block] for block in range(kept[-1]) if block not in kept]
        key = hashes & np.bitwise_or.reduce(masks[list(kept)])
        order = np.argsort(key)
        sorted_hashes, key = hashes[order], key[order]
        # last place of the run of equal keys that each place belongs to
        ends = np.append(np.flatnonzero(key[1:] != key[:-1]), len(key) - 1)
        last = np.repeat(ends, np.diff(ends, prepend=-1))
        left, step = np.flatnonzero(last > np.arange(len(key))), 1
        while len(left):
            bits = sorted_hashes[left] ^ sorted_hashes[left + step]
            near = np.bitwise_count(bits) <= radius
            for mask in skipped:
                near &= (bits & mask) != 0
            if near.any():
                pieces.append(order[np.stack([left[near], left[near] + step], axis=1)])
                n_pairs += len(pieces[-1])
                if n_pairs > MAX_PAIRS:
                    raise ValueError(f"over {MAX_PAIRS} near pairs at a distance of {radius} bits: give a smaller one")
            step += 1
            left = left[last[left] >= left + step]
    pairs = np.sort(np.concatenate(pieces), axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs, np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])


def _masks(n_blocks: int) -> NDArray[np.uint64]:
    bounds = [BITS * block // n_blocks for block in range(n_blocks + 1)]
    return np.array([(1 << high) - (1 << low) for low, high in pairwise(bounds)], np.uint64)


def _best_number_of_blocks(n_hashes: int, radius: int) -> int:
    """More blocks make longer keys, so fewer pairs to compare, but more of them to sort by."""

    def cost(n_blocks: int) -> float:
        key_bits = BITS * (n_blocks - radius) / n_blocks
        compared = n_hashes**2 / 2 ** (key_bits + 1)
        return comb(n_blocks, radius) * (n_hashes * log2(n_hashes + 2) + compared)

    return min(range(radius + 1, radius + 6), key=cost)
