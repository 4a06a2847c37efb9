"""What the demo's model decides: the same by the graphs in its runs as by PyTorch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.prediction.predictor import Predictor

pytestmark = pytest.mark.slow


def test_the_demos_decisions_are_those_of_pytorch(demo, tmp_path):
    workspace = Workspace(demo / "demo" / "runs")
    products = list(Catalog(demo / "demo" / "catalogue" / "test.bson"))
    run = workspace.require("fusion").folder
    shutil.copytree(run, tmp_path / "model")
    for network in (tmp_path / "model" / "experts").glob("mosaic-*"):
        assert (network / "graph.json").is_file()
        settings = network / "config.yaml"
        settings.write_text(settings.read_text().replace("backend: auto", "backend: torch"))
        assert "backend: torch" in settings.read_text()

    def predicted(folder: Path):
        return Predictor(Run.load(folder, "fusion"), workspace).predict(products)

    by_graphs, by_pytorch = predicted(run), predicted(tmp_path / "model")
    np.testing.assert_array_equal(by_graphs.given, by_pytorch.given)
    np.testing.assert_array_equal(by_graphs.paths.leaves, by_pytorch.paths.leaves)
    for own, other in zip(by_graphs.experts, by_pytorch.experts, strict=True):
        np.testing.assert_allclose(own.values, other.values, atol=1e-5)
