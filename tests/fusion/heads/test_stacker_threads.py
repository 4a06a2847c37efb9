"""The stacker's trees: one thread where there is little to do, as many as the user lets it have elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from fusion.heads.stacker import Stacker
from tests.fusion.small import TREE, random_case


def threads_of_openmp() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"}


@pytest.mark.parametrize(("few_rows", "expected"), [(10_000, 1), (0, 2)])
def test_few_candidates_are_one_threads_work(monkeypatch, few_rows, expected):
    seen = []

    def watched(name):
        usual = getattr(HistGradientBoostingClassifier, name)

        def call(model, *arguments):
            seen.append((name, threads_of_openmp()))
            return usual(model, *arguments)

        return call

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", watched("fit"))
    monkeypatch.setattr("fusion.heads.stacker.FEW_ROWS", few_rows)
    truth, counts, photo, text = random_case(np.random.default_rng(6), n=100)
    with threadpool_limits(2, "openmp"):
        Stacker(TREE, ["photo", "text"]).fit([photo, text], truth, counts)
        # nobody else's threads are touched beyond the call
        seen.append(("after", threads_of_openmp()))
    assert {name for name, _ in seen} == {"fit", "after"}
    assert all(threads == {expected} for name, threads in seen if name != "after")
    assert seen[-1] == ("after", {2})
