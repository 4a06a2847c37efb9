"""Copies and the categories that they lie on, against plain dictionaries."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.photos.photo_index import PhotoIndex
from curation.explore.copies import Places, copy_distribution, most_copied
from tests.support.products import TAXONOMY
from tests.support.trees import TREES

# a product: its leaf (-1: none) and which photos it has
products = st.lists(st.tuples(st.integers(-1, len(TAXONOMY) - 1), st.lists(st.integers(0, 6), max_size=4)), max_size=25)


def digest(photo: int) -> bytes:
    return hashlib.md5(bytes([photo]), usedforsecurity=False).digest()


def copies_of(catalogue: list[tuple[int, list[int]]]) -> tuple[PhotoIndex, list[bytes]]:
    photos = [digest(photo) for _, own in catalogue for photo in own]
    digests = np.frombuffer(b"".join(photos), np.uint8).reshape(-1, 16)
    return PhotoIndex(np.array([len(own) for _, own in catalogue], np.int8), digests), photos


@given(products)
def test_copies_are_counted_as_a_dictionary_does(catalogue):
    copies, photos = copies_of(catalogue)
    slow = Counter(photos)
    owners = defaultdict(set)
    for i, (_, own) in enumerate(catalogue):
        for photo in own:
            owners[digest(photo)].add(i)
    assert len(copies.n_copies) == len(slow)
    for distinct in range(len(slow)):
        md5 = bytes.fromhex(copies.md5(distinct))
        assert copies.n_copies[distinct] == slow[md5]
        assert copies.n_products[distinct] == len(owners[md5])
        first = int(copies.first[distinct])
        assert first == photos.index(md5)
        assert digest(catalogue[copies.owner[first]][1][copies.position[first]]) == md5
    some = copies.n_copies > 1
    owned = {i for md5, who in owners.items() if slow[md5] > 1 for i in who}
    assert set(np.flatnonzero(copies.carry(some)).tolist()) == owned
    assert {int(n): int(k) for n, k in copy_distribution(copies)} == Counter(slow.values())
    most = [int(copies.n_copies[i]) for i in most_copied(copies, 3)]
    assert most == sorted((n for n in slow.values() if n > 1), reverse=True)[:3]


@given(products, st.sampled_from(TREES))
def test_copies_across_categories_are_those_of_a_dictionary(catalogue, tree):
    copies, _ = copies_of(catalogue)
    leaf = np.array([leaf for leaf, _ in catalogue], np.int64)
    places = Places.of(copies, leaf, tree)
    slow: dict[bytes, Counter[int]] = defaultdict(Counter)
    for on, own in catalogue:
        for photo in own:
            if on >= 0:
                slow[digest(photo)][on] += 1
    parted = {}
    for distinct in range(len(copies.n_copies)):
        md5 = bytes.fromhex(copies.md5(distinct))
        found = dict(places.leaves_of(distinct))
        assert found == dict(slow[md5])
        assert places.n_leaves[distinct] == len(found)
        expected = 0
        for level in reversed(tree.levels):
            if len({tree.ancestor(level)[on] for on in found}) > 1:
                expected = level
        assert places.parts_at[distinct] == expected
        if expected:
            parted[distinct] = (expected, -len(found), -sum(found.values()))
    worst = places.worst(100).tolist()
    assert set(worst) == set(parted)
    assert [parted[i] for i in worst] == sorted(parted.values())
