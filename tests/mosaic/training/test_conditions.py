"""What is said at the start of a training of how it runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training import conditions as conditions_module
from mosaic.training import distributed
from mosaic.training.conditions import conditions


def test_one_line_says_how_a_cpu_trains():
    settings = load_config(MosaicConfig, "mosaic", overrides=["training.accumulate=2", "workers=0"])
    assert conditions(settings, settings.training) == (
        "CPU, float32; 64 photos a step (32 a batch x 2 batches); photos of 160 px, prepared by the same process; "
        "not compiled; not deterministic"
    )


def test_of_several_gpus_it_says_how_many_and_their_memory(monkeypatch):
    monkeypatch.setattr(conditions_module, "best_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(conditions_module, "described", lambda device: "NVIDIA H100, bfloat16")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 2**30))
    monkeypatch.setattr(distributed, "world_size", lambda: 4)
    overrides = ["workers=4", "compile=true", "deterministic=true", "training.accumulate=4"]
    settings = load_config(MosaicConfig, "mosaic", overrides=overrides)
    assert conditions(settings, settings.training) == (
        "4 x NVIDIA H100, bfloat16, 80 GiB; 128 photos a step (32 a batch x 4 processes); photos of 160 px, prepared "
        "by 4 processes each; compiled; deterministic"
    )


@pytest.mark.slow
def test_a_gpu_without_a_recipe_is_told_of_one_and_each_way_of_training_is_told_once(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from mosaic.cli import main
    from mosaic.networks import device
    from mosaic.training import schedule
    from tests.mosaic.training.test_train import make_room

    room = make_room(tmp_path)
    monkeypatch.setattr(schedule, "train", lambda *_, **__: SimpleNamespace(folder="somewhere", metrics={}))

    def said(*options: str) -> str:
        return CliRunner().invoke(main, ["train", "--workspace", str(room.folder), *options]).stderr

    assert said("--set", "workers=0").count("training on CPU, float32; 32 photos a step") == 1
    assert "--config" not in said()
    monkeypatch.setattr(device, "best_device", lambda: torch.device("cuda"))
    assert "on a GPU take a recipe, such as --config cdiscount/modern-convnext-tiny" in said()
    assert "recipe" not in said("--config", "debug")
