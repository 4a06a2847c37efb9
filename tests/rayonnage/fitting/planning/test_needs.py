"""Memory bounds what is done at a time, and a disk that would fill is refused before the work."""

from __future__ import annotations

import re

import pytest

from rayonnage.fitting.planning.choosing import choose
from rayonnage.fitting.planning.needs import STEP, batch_for, disk_bytes, peak_memory, readers_for
from rayonnage.fitting.recipe import Overlays
from tests.rayonnage.fitting.known_catalogues import CLOTHES, READS_BOOKS, SHELF, machine

GB = 10**9
LEARNS = Overlays(mosaic={"method": "fine-tune"})


@pytest.mark.parametrize("memory", [1 * GB, 1.2 * GB, 1.5 * GB, 4 * GB])
def test_what_is_chosen_stays_within_the_memory_that_may_be_used(memory):
    recipe = choose(SHELF, READS_BOOKS, catalog="c", time_s=3600, memory_bytes=int(memory))
    assert peak_memory(recipe, READS_BOOKS, SHELF) <= memory
    config = recipe.photo_config
    # learning rates are for so many photos a step
    assert config.photos_per_batch * config.training.accumulate == STEP
    assert config.photos_per_batch * config.specialist.accumulate == STEP


def test_little_memory_makes_batches_smaller_and_says_so():
    recipe = choose(CLOTHES, machine(), catalog="c", time_s=600, memory_bytes=int(0.95 * GB), given=LEARNS)
    assert recipe.photo_config.photos_per_batch < STEP
    assert recipe.fit.choices["memory"].chosen.startswith(f"{recipe.photo_config.photos_per_batch} photos at a time")


def test_too_little_memory_is_refused_with_what_is_needed():
    with pytest.raises(ValueError, match=r"needs about (\d+ MB) of memory here, 500 MB may be used.*--memory") as error:
        choose(CLOTHES, machine(), catalog="c", memory_bytes=GB // 2, given=LEARNS)
    needed = int(re.search(r"about (\d+) MB", str(error.value))[1]) + 1
    choose(CLOTHES, machine(), catalog="c", memory_bytes=needed * 10**6, given=LEARNS)


def test_heads_on_frozen_features_are_bounded_by_the_vectors_of_all_products():
    given = Overlays(mosaic={"method": "linear"})
    with pytest.raises(ValueError, match=r"needs about \d+ MB of memory here"):
        choose(SHELF, READS_BOOKS, catalog="c", memory_bytes=int(0.74 * GB), given=given)
    recipe = choose(SHELF, READS_BOOKS, catalog="c", memory_bytes=GB, given=given)
    assert 0.74 * GB < peak_memory(recipe, READS_BOOKS, SHELF) < GB


def test_free_memory_is_the_bound_where_none_is_given():
    recipe = choose(CLOTHES, machine(free_bytes=int(0.95 * GB)), catalog="c", time_s=600, given=LEARNS)
    assert recipe.photo_config.photos_per_batch < STEP


def test_the_batch_shrinks_with_the_memory():
    config = Overlays().photo_config
    sizes = [batch_for(config, machine(), CLOTHES, int(gb * GB)).photos for gb in (0.9, 1.0, 1.2, 4)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == STEP


def test_a_process_that_reads_is_started_for_each_core_as_far_as_memory_goes():
    assert readers_for(2, 8 * GB) == 2
    assert readers_for(16, 3 * GB) == 5
    assert readers_for(16, GB // 2) == 1


def test_a_disk_that_would_fill_is_refused_with_the_figures():
    recipe = choose(SHELF, READS_BOOKS, catalog="c", time_s=900)
    needed = disk_bytes(recipe, SHELF)
    assert 20e6 < needed < 1e9
    small = machine(READS_BOOKS.words_of_shelf, free_disk=needed)
    with pytest.raises(ValueError, match=r"will take about \d+ MB, \d+ MB are free on its disk: .*--workspace"):
        choose(SHELF, small, catalog="c", time_s=900)
    choose(SHELF, machine(READS_BOOKS.words_of_shelf, free_disk=2 * needed), catalog="c", time_s=900)
