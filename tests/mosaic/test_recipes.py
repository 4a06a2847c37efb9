"""The recipes of configs/cdiscount: every file loads, is documented, and its network learns."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from catalog.runs.config import load_config
from catalog.runs.shipped_configs import shipped_configs
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from ocr.config import OcrConfig

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.stem for path in (ROOT / "configs" / "cdiscount").glob("*.yaml"))
SIDES = {"inception": 75, "densenet": 32, "vgg": 32, "convnext": 32}
"""Smallest photos of networks that do not take 16 px."""


def load(name: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", f"cdiscount/{name}")


@pytest.fixture
def freed() -> Iterator[None]:
    """The largest networks take 2 GB with their gradients and moments."""
    # what other tests have loaded is not gone through: half a second each time
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()


def test_the_systems_on_record_are_there():
    kinds = {name.split("-")[0] for name in RECIPES}
    assert kinds == {"first", "second", "third", "case", "modern"}
    assert {f"cdiscount/{name}" for name in RECIPES} <= set(shipped_configs())


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_loads_and_names_a_network_with_imagenet_weights(name):
    for package, model in {"mosaic": MosaicConfig, "ocr": OcrConfig, "fusion": FusionConfig}.items():
        load_config(model, package, f"cdiscount/{name}")
    backbone = load(name).backbone
    assert backbone.weights == "timm"
    assert timm.is_model(backbone.name)
    assert timm.is_model_pretrained(backbone.name)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_where_it_is_from_and_how_it_is_run(name):
    text = (ROOT / "configs" / "cdiscount" / f"{name}.yaml").read_text(encoding="utf-8")
    comment = text.partition("\nmosaic:")[0]
    assert f"mosaic train --config cdiscount/{name}" in comment
    assert "Source: " in comment
    assert "Published: " in comment
    assert re.search(rf"Memory: [0-9.]+ GiB are counted for a step of {load(name).photos_per_batch} photos", comment)


def test_every_recipe_has_its_row_in_the_table():
    lines = (ROOT / "docs" / "cdiscount-recipes.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split("|")[1].strip(" `"): line.split("|") for line in lines if line.startswith("| `")}
    assert sorted(rows) == RECIPES
    for name, row in rows.items():
        assert row[3].strip(" `") == load(name).backbone.name


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_the_network_of_a_recipe_learns(name, freed):
    config = load(name)
    torch.manual_seed(0)
    support, frequency = np.arange(5), np.full(5, 0.2)
    network = MosaicNetwork(config.backbone.model_copy(update={"weights": "random"}), support, frequency)
    network.to(memory_format=torch.channels_last).train()
    # without weight decay only a gradient can change a weight
    groups = param_groups_layer_decay(network.backbone, weight_decay=0.0, layer_decay=config.training.layer_decay)
    optimizer = AdamW([*groups, {"params": network.head.parameters()}], lr=config.training.lr, weight_decay=0.0)
    side = next((side for family, side in SIDES.items() if family in config.backbone.name), 16)
    stem = next(weight for weight in network.backbone.parameters() if weight.ndim == 4)
    before = stem.detach().clone()

    logits = network(torch.randint(0, 256, (2, side, side, 3), dtype=torch.uint8))
    loss = cross_entropy(logits, torch.tensor([1, 3]), label_smoothing=config.training.label_smoothing)
    loss.backward()
    optimizer.step()

    assert logits.shape == (2, 5)
    assert torch.isfinite(loss)
    assert torch.isfinite(stem).all()
    assert not torch.equal(stem, before)
