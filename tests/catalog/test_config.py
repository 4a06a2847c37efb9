"""Strict configurations: every shipped file loads, every misspelling is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from catalog.config import load_config, shipped_configs
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig

MODELS = {"mosaic": MosaicConfig, "ocr": OcrConfig, "fusion": FusionConfig}
CONFIGS = Path(__file__).parents[2] / "configs"


def test_every_yaml_ships_and_loads_for_every_package():
    assert sorted(p.stem for p in CONFIGS.glob("*.yaml")) == shipped_configs()
    for name in shipped_configs():
        for package, model in MODELS.items():
            load_config(model, package, name)
            load_config(model, package, str(CONFIGS / f"{name}.yaml"))


def test_defaults_are_written_once_in_yaml():
    for model in MODELS.values():
        assert all(field.is_required() for field in model.model_fields.values())
        assert all(field.description for field in model.model_fields.values())


def test_overrides_win_over_files_and_files_over_defaults(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"mosaic": {"training": {"epochs": 4, "lr": 0.5}}}))
    config = load_config(MosaicConfig, "mosaic", str(own), ["training.epochs=3", "inference.flip=false"])
    assert (config.training.epochs, config.training.lr, config.inference.flip) == (3, 0.5, False)
    assert config.training.head_lr == load_config(MosaicConfig, "mosaic").training.head_lr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainig.epochs=3", "unknown key 'trainig'; did you mean 'training'"),
        ("training.epoch=3", "unknown key 'training.epoch'; did you mean 'epochs'"),
        ("training.epochs=many", r"training.epochs: .*got 'many'"),
        ("training.epochs=-1", "training.epochs: .*greater than or equal to 0"),
        ("training.epochs", "expected key=value"),
    ],
)
def test_wrong_overrides_are_explained(override, message):
    with pytest.raises(ValueError, match=message):
        load_config(MosaicConfig, "mosaic", None, [override])


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match="nothing would be learnt"):
        load_config(MosaicConfig, "mosaic", None, ["training.epochs=0", "training.head_epochs=0"])


def test_wrong_files_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no configuration 'debgu'.*debug"):
        load_config(MosaicConfig, "mosaic", "debgu")
    (tmp_path / "a.yaml").write_text("mosiac:\n  seed: 1\n")
    with pytest.raises(ValueError, match="unknown section 'mosiac'; did you mean 'mosaic'"):
        load_config(MosaicConfig, "mosaic", str(tmp_path / "a.yaml"))
    (tmp_path / "b.yaml").write_text("mosaic: [1\n")
    with pytest.raises(ValueError, match="not YAML"):
        load_config(MosaicConfig, "mosaic", str(tmp_path / "b.yaml"))
    (tmp_path / "c.yaml").write_text("mosaic: 3\n")
    with pytest.raises(ValueError, match="expected keys and values"):
        load_config(MosaicConfig, "mosaic", str(tmp_path / "c.yaml"))
