import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.split.random_order import grouped_at_random, rank_in_group


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(0, 9))
def test_rows_of_a_group_lie_together_and_are_counted_from_0(groups, seed):
    group = np.array(groups, np.int64)
    order = grouped_at_random(group, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(group)))
    assert group[order].tolist() == sorted(groups)
    rank = rank_in_group(group, np.random.default_rng(seed))
    for one in set(groups):
        own = order[group[order] == one]
        assert rank[own].tolist() == list(range(len(own)))


def test_the_order_within_a_group_is_one_of_chance():
    group = np.zeros(20, np.int64)
    orders = {tuple(grouped_at_random(group, np.random.default_rng(seed)).tolist()) for seed in range(10)}
    assert len(orders) == 10
