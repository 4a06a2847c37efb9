"""Damaged photos of every format: each is decoded as promised or refused with a reason, at a bounded cost.

`bench/fuzz_photos.py` does the same with any number of them.
"""

from __future__ import annotations

import pytest

from tests.conftest import SHARED
from tests.support.decoding_child import DECODED, DecodingChild
from tests.support.forged_photos import ordinary
from tests.support.photo_mutations import CHANGES, balanced, damaged, fuzzed, real_photos, sound_photos

PARTS, PHOTOS_EACH, SEED = 4, 500, 14


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_photos_are_decoded_or_refused_with_a_reason(part: int) -> None:
    photos = balanced(sound_photos() + real_photos(SHARED / "cases"))
    numbers = range(part * PHOTOS_EACH, (part + 1) * PHOTOS_EACH)
    with DecodingChild() as child:
        assert child.decode(ordinary()).result == DECODED
        child.forget()
        outcomes = list(fuzzed(child, photos, SEED, numbers))
        assert child.decode(ordinary()).result == DECODED
    complaints = [f"{photo.name}: {outcome.complaint}" for photo, outcome in outcomes if outcome.complaint]
    assert not complaints, "\n".join(complaints)
    # damage that nothing survives, or that everything survives, would test nothing
    assert 0.05 < sum(outcome.result == DECODED for _, outcome in outcomes) / len(outcomes) < 0.95


def test_a_number_stands_for_the_same_damage_whenever_it_is_asked_for() -> None:
    photos = sound_photos()

    assert damaged(photos, 0, 7) == damaged(photos, 0, 7)
    assert damaged(photos, 0, 7) != damaged(photos, 1, 7)
    made = [damaged(photos, 0, number).name for number in range(500)]
    assert all(any(change.__name__ in name for name in made) for change in CHANGES)
