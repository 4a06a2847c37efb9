"""Validation by several processes: every example once, and one judgement."""

from __future__ import annotations

import multiprocessing
import time

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training.batches import Examples
from mosaic.training.validation import validate
from mosaic.training.worker_death import WorkersDied
from mosaic.views import View
from tests.support.judged import judge
from tests.support.processes import Running
from tests.support.products import make_product

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("n_examples", [23, 1])
def test_processes_share_the_examples_and_hear_the_same(write_bson, tmp_path, n_examples):
    path = write_bson(*[make_product(i, 11, 1 + i % 3) for i in range(24)])
    alone = Running(judge, path, 0, 1, tmp_path / "meeting", n_examples)
    expected = [float(figure) for figure in alone.finish().split()]
    both = [Running(judge, path, rank, 2, tmp_path / "meeting", n_examples) for rank in range(2)]
    said = [[float(figure) for figure in process.finish().split()] for process in both]
    assert said[0] == said[1]
    assert said[0] == pytest.approx(expected, rel=1e-6)


def test_a_worker_that_dies_ends_the_validation_and_the_other_worker(write_bson):
    catalog = Catalog(write_bson(*[make_product(i, 11, 1) for i in range(24)]))
    settings = load_config(MosaicConfig, "mosaic", "debug", ["photos_per_batch=2", "workers=2"])
    examples = Examples.of(View(), np.arange(24), np.arange(24) % 3, catalog.n_images[:24])
    network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))
    others = {process.pid for process in multiprocessing.active_children()}

    def workers() -> list[multiprocessing.Process]:
        return [process for process in multiprocessing.active_children() if process.pid not in others]

    def fail(*_: object) -> None:
        workers()[0].kill()
        # nothing comes of waiting for the next batch: what is prepared already suffices for the next minutes
        time.sleep(600)

    network.register_forward_pre_hook(fail)
    with pytest.raises(WorkersDied, match="killed by SIGKILL"):
        validate(network, catalog, examples, settings)
    for process in workers():
        process.join(300)
    assert not workers()
