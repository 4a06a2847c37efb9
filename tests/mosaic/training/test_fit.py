"""The training loop: what a step is, what is kept, when it stops."""

from __future__ import annotations

import math
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from catalog.catalog import Catalog
from catalog.files.progress_lines import ProgressLines
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training import learner as learner_module
from mosaic.training.batches import Examples
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import TrainingBatch
from mosaic.training.determinism import deterministic_algorithms
from mosaic.training.fit import fit
from mosaic.training.hand_over import PackedLoader
from mosaic.training.history import EpochRecord
from mosaic.training.learner import FitTask
from mosaic.training.shrunken_photos import PhotoUse
from mosaic.views import View
from tests.support.products import make_product

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    """48 products of noise, one to three photos."""
    import bson

    path = tmp_path_factory.mktemp("fit") / "products.bson"
    path.write_bytes(b"".join(bson.encode(make_product(i, 11, 1 + i % 3)) for i in range(48)))
    return Catalog(path)


def config(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", ["photos_per_batch=8", "training.subsets=0", *overrides])


def examples(catalog: Catalog, n: int = 48) -> Examples:
    return Examples.of(View(), np.arange(n), np.arange(n) % 3, catalog.n_images[:n])


def network(settings: MosaicConfig) -> MosaicNetwork:
    torch.manual_seed(0)
    return MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))


def trained(catalog: Catalog, *overrides: str, **task: object) -> tuple[MosaicNetwork, list[EpochRecord]]:
    settings = config(*overrides)
    net = network(settings)
    history = fit(net, catalog, FitTask("part 0", examples(catalog), settings.training, **task), settings)
    return net, history


def test_the_learning_rate_rises_and_falls_as_a_half_cosine(catalog, monkeypatch):
    seen = []
    real = learner_module._warm_cosine
    monkeypatch.setattr(learner_module, "_warm_cosine", lambda *a: seen.append(real(*a)) or seen[-1])
    trained(catalog, "training.epochs=4", "training.warmup=0.25")
    steps, peak = len(seen), int(np.argmax(seen))
    assert seen[peak] == pytest.approx(1, abs=0.1)
    assert peak == pytest.approx(0.25 * steps, abs=1.5)
    assert seen[-1] == pytest.approx(0, abs=1e-6)
    done = (np.arange(steps) + 1) / steps
    expected = [d / 0.25 if d < 0.25 else (1 + math.cos(math.pi * (d - 0.25) / 0.75)) / 2 for d in done]
    np.testing.assert_allclose(seen, expected, atol=1e-9)


def test_only_the_head_learns_in_its_epochs(catalog):
    before = network(config()).state_dict()
    net, history = trained(catalog, "training.head_epochs=2", "training.epochs=0")
    for name, tensor in net.state_dict().items():
        same = torch.equal(tensor, before[name])
        assert same == (not name.startswith("head.")), name
    assert [record.epoch for record in history] == [1, 2]


def test_accumulated_batches_make_one_step(catalog):
    """Without batch statistics and momentum in play, four batches of one make the step of one batch of four."""
    ones = Examples.of(View(), np.arange(0, 12, 3), np.arange(4) % 3, np.ones(4, np.int8))
    weights = {}
    for size, accumulate in ((4, 1), (1, 4)):
        settings = config(
            f"photos_per_batch={size}", f"training.accumulate={accumulate}", "training.head_epochs=3",
            "training.epochs=0", "augmentation.flip=false", "augmentation.min_crop=1", "augmentation.colour=0",
            "backbone.dropout=0",
        )  # fmt: skip
        net = network(settings)
        history = fit(net, catalog, FitTask("x", ones, settings.training), settings)
        assert [record.step for record in history] == [1, 2, 3]
        weights[size] = net.head.weight.detach()
    # the learning rate of a step is that of its last batch
    torch.testing.assert_close(weights[1], weights[4], atol=1e-5, rtol=1e-3)


def test_the_average_is_what_is_kept(catalog):
    last, _ = trained(catalog, "training.epochs=3")
    average, _ = trained(catalog, "training.epochs=3", "training.ema=0.99")
    assert not torch.equal(last.head.weight, average.head.weight)
    # shrunk towards the start, since it also counts the early weights
    start = network(config()).head.weight
    assert (average.head.weight - start).norm() < (last.head.weight - start).norm()


def test_training_stops_when_patience_ends_and_keeps_the_best(catalog, monkeypatch):
    losses = iter([3.0, 2.0, 2.5, 2.6, 1.0])
    states = []

    def judged(net, *_):
        states.append({name: tensor.clone() for name, tensor in net.state_dict().items()})
        return next(losses), 0.5

    monkeypatch.setattr(learner_module, "validate", judged)
    judges = examples(catalog, 6)
    net, history = trained(
        catalog, "training.epochs=9", "training.patience=2", "training.validation=0.1", validation=judges
    )
    assert [record.validation_loss for record in history] == [3.0, 2.0, 2.5, 2.6]
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, states[1][name]), name


def test_a_fit_that_patience_has_ended_is_not_taken_up_again(catalog, tmp_path, monkeypatch):
    """Killed after the checkpoint of its last epoch and before its weights were written."""
    losses = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(learner_module, "validate", lambda *_: (next(losses), 0.5))
    overrides = ("training.epochs=9", "training.patience=2", "training.validation=0.1", "training.ema=0.9")
    task = {"validation": examples(catalog, 6), "checkpoint": tmp_path / "part-0.pt"}
    first, history = trained(catalog, *overrides, **task)
    again, same = trained(catalog, *overrides, **task)
    assert same == history
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_finished_fit_hands_over_what_it_had(catalog, tmp_path):
    overrides, task = ("training.epochs=2", "training.ema=0.9"), {"checkpoint": tmp_path / "part-0.pt"}
    first, history = trained(catalog, *overrides, **task)
    again, same = trained(catalog, *overrides, **task)
    assert same == history
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_checkpoint_of_more_processes_is_refused(catalog, tmp_path):
    FitState(n_devices=2).save(tmp_path / "part-0.pt")
    with pytest.raises(ValueError, match="written by 2 processes, here are 1: resume with --devices 2"):
        trained(catalog, checkpoint=tmp_path / "part-0.pt")


class Killed(Exception):
    """In the midst of a fit."""


def killed_after(step: int, catalog: Catalog, checkpoint: Path, *overrides: str, **task: object) -> None:
    """A fit that ends after this batch."""

    def kill(done: int, _: int) -> None:
        if done == step:
            raise Killed

    settings = config("checkpoint_minutes=0.00001", *overrides)
    begun = FitTask("part 0", examples(catalog), settings.training, checkpoint=checkpoint, **task)
    with pytest.raises(Killed):
        fit(network(settings), catalog, begun, settings, kill)


def test_weights_that_learn_alike_are_one_group_and_an_earlier_version_s_checkpoint_goes_on(
    catalog, tmp_path, monkeypatch
):
    overrides, path = ("training.epochs=2", "checkpoint_minutes=0.00001"), tmp_path / "part-0.pt"
    expected, _ = trained(catalog, *overrides)
    n_groups = {}
    for version, merged in (("earlier", lambda groups: groups), ("today's", learner_module._merged)):
        with monkeypatch.context() as patch:
            patch.setattr(learner_module, "_merged", merged)
            killed_after(9, catalog, path, *overrides)
        n_groups[version] = len(FitState.load(path).optimizer["param_groups"])
        net, _ = trained(catalog, *overrides, checkpoint=path)
        for name, tensor in expected.state_dict().items():
            assert torch.equal(tensor, net.state_dict()[name]), (version, name)
        path.unlink()
    # with and without weight decay, and the head
    assert n_groups["today's"] == 3 < n_groups["earlier"]


def test_a_checkpoint_in_the_middle_of_a_step_is_refused(catalog, tmp_path):
    FitState(number=3).save(tmp_path / "part-0.pt")
    with pytest.raises(ValueError, match="added up more batches for a step than the 2 of today: delete it"):
        trained(catalog, "training.accumulate=2", checkpoint=tmp_path / "part-0.pt")


def test_weights_that_nothing_leads_through_are_found(catalog):
    settings = config()
    net = network(settings)
    task, state = FitTask("x", examples(catalog), settings.training), FitState()
    learner = learner_module.Learner(net, catalog, task, settings, state, np.full(3, 1 / 3), None)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert not learner.has_idle_weights()
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    net.backbone.register_parameter("idle", torch.nn.Parameter(torch.zeros(1)))
    assert learner.has_idle_weights()


def test_the_curve_of_an_epoch_that_was_saved_survives_a_kill(catalog, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = {"logs": tmp_path / "logs"}
    killed_after(14, catalog, tmp_path / "part-0.pt", "training.epochs=2", **logs)
    _, history = trained(catalog, "training.epochs=2", checkpoint=tmp_path / "part-0.pt", **logs)
    curves = EventAccumulator(str(tmp_path / "logs" / "part-0")).Reload()
    assert [event.step for event in curves.Scalars("loss")] == [record.step for record in history] == [14, 28]


def test_validation_is_the_cross_entropy_of_whole_photos(catalog):
    from catalog.photos.decode import decode_photo
    from mosaic.photos import squared
    from mosaic.training.validation import validate

    settings = config()
    net, judges = network(settings).train(), examples(catalog, 12)
    loss, accuracy = validate(net, catalog, judges, settings)
    assert net.training
    net.eval()
    losses, right = [], []
    with torch.inference_mode():
        for position, label in zip(judges.positions, judges.labels, strict=True):
            photos = [squared(decode_photo(photo, 32).pixels, 32) for photo in catalog[int(position)].images]
            p = net(torch.from_numpy(np.concatenate(photos, axis=1))[None]).softmax(1)[0]
            losses.append(-float(p[label].log()))
            right.append(int(p.argmax()) == label)
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert accuracy == pytest.approx(np.mean(right))


def test_a_small_layer_decay_holds_the_first_layers(catalog):
    start = network(config()).state_dict()
    moved = {}
    for decay in (1.0, 0.3):
        net, _ = trained(catalog, "training.epochs=1", f"training.layer_decay={decay}", "training.weight_decay=0")
        name = next(name for name in start if name.startswith("backbone.") and name.endswith("weight"))
        moved[decay] = float((net.state_dict()[name] - start[name]).norm())
    assert moved[0.3] < 0.5 * moved[1.0]


def test_a_checkpoint_is_whole_or_absent(tmp_path: Path, monkeypatch):
    state = FitState(epoch=3, history=[EpochRecord("part 0", 1, 5, 0.5, math.nan, 0.1, 2.0, None, None)])
    path = tmp_path / "checkpoints" / "part-0.pt"
    state.save(path)
    assert FitState.load(path).history[0].loss == 0.5
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        FitState(epoch=4).save(path)
    assert FitState.load(path).epoch == 3
    assert [p.name for p in path.parent.iterdir()] == ["part-0.pt"]
    assert FitState.load(tmp_path / "none.pt") is None


def test_every_photo_count_and_layout_trains(catalog):
    for layout in ("strip", "grid"):
        _, history = trained(catalog, "training.epochs=1", f"layout={layout}", "training.cutmix=1")
        assert math.isfinite(history[0].loss)


def test_the_only_product_of_its_photo_count_is_learnt_from(catalog):
    """Batch normalisation refuses a single photo of one value a channel."""
    alone = examples(catalog, 1)
    assert alone.n_shown.tolist() == [1]
    settings = config("training.epochs=2")
    before = network(settings).state_dict()
    net = network(settings)
    fit(net, catalog, FitTask("part 0", alone, settings.training), settings)
    weights = dict(net.named_parameters())
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    # some of a drawn network never speak
    learnt = [name for name, tensor in weights.items() if not torch.equal(tensor, before[name])]
    assert {name.split(".")[0] for name in learnt} == {"backbone", "head"}


def test_tensorboard_files_are_written(catalog, tmp_path):
    trained(catalog, "training.epochs=1", logs=tmp_path / "logs")
    assert list((tmp_path / "logs" / "part-0").glob("events.out.tfevents*"))


def test_compiled_there_is_one_program_for_each_width(catalog, monkeypatch):
    """Whatever the number of mosaics, also where batches of several widths alternate."""
    shapes, compiled = [], torch.compile

    def keep_shapes(program: torch.fx.GraphModule, _: list[object]) -> object:
        places = [node for node in program.graph.nodes if node.op == "placeholder" and "mosaics" in node.name]
        shapes.extend(node.meta["example_value"].shape for node in places)
        return program

    monkeypatch.setattr(torch, "compile", lambda module: compiled(module, backend=keep_shapes))
    torch._dynamo.reset()
    _, history = trained(catalog, "training.epochs=2", "compile=true", "photos_per_batch=12")
    assert sorted(shape[2] for shape in shapes) == [32, 64, 96]
    assert all(isinstance(shape[0], torch.SymInt) and isinstance(shape[2], int) for shape in shapes)
    assert math.isfinite(history[-1].loss)


def test_ctrl_c_while_workers_start_is_no_error_of_the_trainer(catalog, monkeypatch):
    """It finds its loader without batches, and says so instead of ending."""

    def interrupted(_: PackedLoader) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PackedLoader, "__iter__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(catalog, "training.epochs=1")


def test_who_is_told_the_progress_may_stop_a_fit_and_nothing_is_learnt_twice(catalog, tmp_path):
    settings, checkpoint = config("training.epochs=2", "checkpoint_minutes=100"), tmp_path / "fit.pt"
    task = FitTask("part 0", examples(catalog), settings.training, checkpoint=checkpoint)
    reported: list[int] = []

    def stop_at_the_second(done: int, _: int) -> None:
        reported.append(done)
        if done == 2:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    try:
        # what the trainer makes of Ctrl-C
        with pytest.raises(SystemExit):
            fit(network(settings), catalog, task, settings, stop_at_the_second)
    finally:
        signal.signal(signal.SIGINT, before)
    left = network(settings)
    fit(left, catalog, task, settings, lambda done, _: reported.append(done))
    assert reported == list(range(1, len(reported) + 1))
    whole, _ = trained(catalog, "training.epochs=2", "checkpoint_minutes=100")
    assert all(torch.equal(a, b) for a, b in zip(left.parameters(), whole.parameters(), strict=True))


def test_what_a_gpu_fetches_lies_in_pinned_memory(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    photos, labels = torch.zeros((2, 1, 4, 4, 3), dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)
    batch = TrainingBatch(photos, labels, torch.zeros((2, 1, 20)), 0, 0, 1, PhotoUse())
    unchanged = learner_module._pinned(batch)
    assert all(a is b for a, b in zip(unchanged, batch, strict=True))
    assert [len(tensor) for tensor in pinned] == [2, 2, 2]


def test_a_fit_tells_its_epochs_its_loss_and_its_speed(catalog, monkeypatch):
    monkeypatch.setattr("catalog.files.progress_lines.EVERY_S", 0)
    settings, told = config("training.epochs=3"), []
    task = FitTask("part 0", examples(catalog), settings.training)
    history = fit(network(settings), catalog, task, settings, ProgressLines("train", told.append))
    epochs = [line for line in told if "epoch" in line]
    assert [line.split(",")[0] for line in epochs] == [
        f"train: epoch {number} of 3: loss {record.loss:.3f}" for number, record in enumerate(history, start=1)
    ]
    assert "(33 %)" in epochs[0]
    assert "(100 %)" in epochs[2]
    steps = [line for line in told if "epoch" not in line]
    assert any(re.search(r"\(\d+ %\), \d+ s left, loss \d+\.\d{3}, \d+ photos/s$", line) for line in steps)


def test_a_fit_that_goes_on_tells_no_epoch_twice(catalog, tmp_path):
    settings = config("training.epochs=2")
    told: list[str] = []

    killed_after(15, catalog, tmp_path / "state.pt", "training.epochs=2")
    task = FitTask("part 0", examples(catalog), settings.training, checkpoint=tmp_path / "state.pt")
    fit(network(settings), catalog, task, settings, ProgressLines("train", told.append))
    assert [line.split(":")[1] for line in told] == [" epoch 2 of 2"]


def test_a_fit_has_a_deterministic_way_for_everything_and_on_a_cpu_it_is_the_usual_one(catalog):
    overrides = (
        "training.parent_loss=0.2", "training.class_weights=true", "training.cutmix=1", "training.ema=0.9",
        "augmentation.rotation=10", "augmentation.sharpness=0.5", "augmentation.erasing=0.5", "training.reassembly=0.2",
    )  # fmt: skip
    task = {"parents": np.array([[0, 0, 1], [0, 1, 2]]), "validation": examples(catalog, 6)}
    usual, _ = trained(catalog, *overrides, **task)
    with deterministic_algorithms(True):
        again, _ = trained(catalog, *overrides, **task)
    for name, tensor in usual.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_on_a_gpu_a_group_s_step_is_one_kernel(catalog, monkeypatch):
    options = []
    monkeypatch.setattr(learner_module, "AdamW", lambda groups, **others: options.append(others))
    settings = config()
    net = network(settings)
    task = FitTask("x", examples(catalog), settings.training)
    learner = learner_module.Learner(net, catalog, task, settings, FitState(), np.full(3, 1 / 3), None)
    for device in ("cpu", "cuda"):
        monkeypatch.setattr(MosaicNetwork, "device", torch.device(device))
        learner.configure_optimizers()
    assert [option["fused"] for option in options] == [None, True]
