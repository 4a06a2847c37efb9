"""Strict configurations: every shipped file loads, every misspelling is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from catalog.runs.config import load_config, overlaid
from catalog.runs.shipped_configs import shipped_configs
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig

MODELS = {"mosaic": MosaicConfig, "ocr": OcrConfig, "fusion": FusionConfig}
CONFIGS = Path(__file__).parents[3] / "configs"


def test_every_yaml_ships_and_loads_for_every_package():
    names = sorted(p.relative_to(CONFIGS).with_suffix("").as_posix() for p in CONFIGS.rglob("*.yaml"))
    assert names == shipped_configs()
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


def test_a_key_of_a_former_version_is_read_where_it_changed_nothing_and_refused_with_the_way_out_elsewhere():
    config = load_config(MosaicConfig, "mosaic", None, ["inference.int8=false"])
    assert config == load_config(MosaicConfig, "mosaic")
    with pytest.raises(ValueError, match=r"inference\.int8: gone in this version; leave it out, or set it to false"):
        load_config(MosaicConfig, "mosaic", None, ["inference.int8=true"])


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


@pytest.mark.parametrize("text", ["[1", "{", "a: b: c", '"'])
def test_an_override_that_is_no_yaml_is_named(text):
    with pytest.raises(ValueError, match=r"--set 'training.epochs="):
        load_config(MosaicConfig, "mosaic", None, [f"training.epochs={text}"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("=3", "expected key=value|unknown key"),
        ("training=3", "training: .*got 3"),
        ("training..epochs=3", "unknown key 'training.'"),
        ("training.epochs=", r"training.epochs: .*got None"),
        ("backbone.name=[a, b]", "backbone.name: .*string"),
        ("workers=many", "workers"),
    ],
)
def test_odd_overrides_are_explained(override, message):
    with pytest.raises(ValueError, match=message):
        load_config(MosaicConfig, "mosaic", None, [override])


def test_the_last_override_wins_and_numbers_may_be_written_short():
    config = load_config(MosaicConfig, "mosaic", None, ["training.lr=1e-3", "seed=1", "seed=2", " training.epochs =4"])
    assert (config.training.lr, config.seed, config.training.epochs) == (0.001, 2, 4)


@pytest.mark.parametrize("text", ["3\n", "- mosaic\n", "hello\n"])
def test_a_file_that_holds_no_sections_is_named(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"a.yaml: .*expected sections"):
        load_config(MosaicConfig, "mosaic", str(tmp_path / "a.yaml"))


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"mosaic:\n  seed: \xff\n")
    with pytest.raises(ValueError, match=r"a.yaml"):
        load_config(MosaicConfig, "mosaic", str(tmp_path / "a.yaml"))


def test_an_empty_file_or_section_changes_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("")
    (tmp_path / "b.yaml").write_text("mosaic:\nocr:\n")
    for name in ("a.yaml", "b.yaml"):
        assert load_config(MosaicConfig, "mosaic", str(tmp_path / name)) == load_config(MosaicConfig, "mosaic")


def test_configurations_cannot_be_changed_afterwards():
    config = load_config(MosaicConfig, "mosaic")
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3


def test_single_commands_pass_over_what_a_recipe_says_beside_their_sections(tmp_path):
    (tmp_path / "recipe.yaml").write_text("fit: {folds: 5}\nmosaic: {seed: 7}\n")
    assert load_config(MosaicConfig, "mosaic", str(tmp_path / "recipe.yaml")).seed == 7


def test_what_is_laid_over_a_configuration_changes_neither():
    base, top = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": {"e": 4}}, "d": 5}
    assert overlaid(base, top) == {"a": {"b": {"e": 4}, "c": 2}, "d": 5}
    assert overlaid(base, {"a": {}}) == {**base, "a": {}}
    assert (base, top) == ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": {"e": 4}}, "d": 5})


def test_a_file_nested_without_end_is_refused(tmp_path):
    (tmp_path / "deep.yaml").write_text("mosaic: " + "[" * 600)
    with pytest.raises(ValueError, match="nested too deeply"):
        load_config(MosaicConfig, "mosaic", str(tmp_path / "deep.yaml"))
