"""`mosaic train`: learns, holds out what the plan holds out, refuses what has seen it."""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.cli_options import progress_bar
from catalog.files.lease import LEASE_S, Owner
from catalog.probabilities import Probabilities
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.saved_probabilities import held_out, held_out_file
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from mosaic.cli import main as mosaic
from mosaic.config import MosaicConfig
from mosaic.evaluation import evaluate
from mosaic.merging import merge_by_count
from mosaic.networks.network import MosaicNetwork
from mosaic.runs import MosaicDetails, MosaicRuns, latest_runs
from mosaic.training import cross_fitting
from mosaic.training.history import EpochRecord, read_history
from mosaic.training.resume import MARK, begun_or_resumed, identity_of
from mosaic.training.schedule import train_series
from mosaic.training.train import TooFewProducts, train
from mosaic.views import View
from tests.support.processes import Running
from tests.support.products import TAXONOMY

pytestmark = pytest.mark.slow
COLOURS = {11: 0, 21: 1, 31: 2}


def coloured(category: int, seed: int, side: int = 32) -> bytes:
    """A noisy photo whose strongest channel tells the category."""
    pixels = np.random.default_rng(seed).normal(90, 30, (side, side, 3))
    pixels[..., COLOURS[category]] += 80
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def make_room(folder: Path, side: int = 32, **plan_options) -> Workspace:
    """The workspace `runs` of 180 products of three colours; 120 with one photo, 54 with two, 6 with three."""
    documents = []
    for i in range(180):
        category, n = list(COLOURS)[i % 3], 1 + (i >= 120) + (i >= 174)
        imgs = [{"picture": coloured(category, 10 * i + k, side)} for k in range(n)]
        documents.append({"_id": 1000 + i, "category_id": category, "imgs": imgs})
    (folder / "products.bson").write_bytes(b"".join(map(bson.encode, documents)))
    plan, _ = make_plan(Catalog(folder / "products.bson"), TAXONOMY, **plan_options)
    workspace = Workspace(folder / "runs")
    workspace.save_plan(plan, TAXONOMY)
    return workspace


@pytest.fixture
def room(tmp_path) -> Workspace:
    """A workspace in which nothing is trained yet."""
    return make_room(tmp_path)


@pytest.fixture
def general(once, tmp_path) -> Workspace:
    """A workspace with the general network of `config("training.epochs=1")`, to be changed."""

    def make(folder: Path) -> None:
        train(make_room(folder), config("training.epochs=1"), View(), None, progress_bar)

    return Workspace(shutil.copytree(once("general-network", make) / "runs", tmp_path / "general"))


@pytest.fixture(scope="module")
def small_steps(once) -> Run:
    """The general network of `config(*SMALL_STEPS)`, made by one process without a halt."""

    def make(folder: Path) -> None:
        train(make_room(folder), config(*SMALL_STEPS), View(), None, progress_bar)

    return Workspace(once("small-steps", make) / "runs").latest("mosaic", "any")


@pytest.fixture(scope="module")
def one_photo_each(once) -> Workspace:
    """A workspace with networks of one photo per pass; `said.txt` has a line of each of the first three."""

    def make(folder: Path) -> None:
        few, room, said = config("min_products=4", "training.epochs=3"), make_room(folder), []
        for position in ("first", "rest", "any"):
            said += train_series(room, few, progress_bar, position=position)
        for position in ("1", "2"):
            list(train_series(room, few, progress_bar, n_images="2", position=position))
        (folder / "said.txt").write_text("\n".join(said))

    return Workspace(once("one-photo-each", make) / "runs")


def config(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", ["training.lr=0.01", "training.epochs=6", *overrides])


def test_the_series_learns_and_holds_out_exactly_the_plans_products(room):
    lines = list(train_series(room, config("min_products=20"), progress_bar))
    runs = latest_runs(room)
    assert sorted(runs) == [View(), View(1), View(2)]
    assert any("the general network serves them" in line for line in lines)
    plan, catalog = room.plan(), room.training_catalog()
    expected = catalog.product_ids[plan.held_out_positions(0)]
    assert sorted(runs[View()].held_out().product_ids) == sorted(expected)
    twos = expected[catalog.n_images[plan.held_out_positions(0)] == 2]
    assert sorted(runs[View(2)].held_out().product_ids) == sorted(twos)
    merged = held_out(room)
    assert sorted(merged.product_ids) == sorted(expected)
    of_views = {view: run.held_out() for view, run in runs.items()}
    assert_equal(merged, merge_by_count("mosaic", of_views))
    assert runs[View()].metrics["all"]["levels"]["3"]["top1"] > 0.8
    assert runs[View(2)].details_as(MosaicDetails).init_from == runs[View()].folder.name
    # the deployed network went on from the measured one, over all products
    names = ("weights.safetensors", "weights-part0.safetensors")
    assert len({(runs[View()].folder / name).read_bytes() for name in names}) == 2
    suffixes = {".json", ".yaml", ".csv", ".safetensors", ".html", ".xml", ".bin"}
    assert {p.suffix for p in runs[View()].folder.iterdir()} <= suffixes


def test_large_photos_are_decoded_once_and_the_network_is_the_same(tmp_path, caplog):
    caplog.set_level(logging.INFO, "mosaic.training")
    settings = ("training.epochs=2", "training.subsets=0", "training.validation=0.2", "photo_size=24")
    room, weights = make_room(tmp_path, 96), []
    for overrides in (("photo_cache_gib=0",), ("workers=2",)):
        run = train(room, config(*settings, *overrides), View(), None, progress_bar)
        weights.append([path.read_bytes() for path in sorted(run.folder.glob("*.safetensors"))])
    assert weights[0] == weights[1]
    # without a cache there is nothing to say; two fits with one
    first, deployed = [record.message for record in caplog.records if "came from the cache" in record.message]
    shown, read, kept = (int(n) for n in re.findall(r"[0-9]+", first.removeprefix("part 0: ")))
    assert shown == read + kept
    # a worker may begin with the second epoch while another still decodes the same photo for the first
    in_flight = 2 * 2 * config().photos_per_batch
    assert shown / 2 <= kept <= shown / 2 + in_flight
    assert read
    # the deployed network also sees what was held out
    shown, read, _ = (int(n) for n in re.findall(r"[0-9]+", deployed))
    assert 0 < read < shown
    # a size for training, one for the products that judge
    assert len(list((room.folder / "cache/photos").iterdir())) == 2


def test_a_second_architecture_ends_the_series_and_becomes_an_expert(room):
    few = ("training.epochs=2", "min_products=40", "second_backbone=test_resnet", "backbone.name=test_efficientnet")
    *_, line = train_series(room, config(*few), progress_bar)
    assert line.startswith("any count, each photo: ")
    run = room.latest("mosaic", "any-rank-any")
    assert run.config(MosaicConfig).backbone.name == "test_resnet"
    assert run.details_as(MosaicDetails).init_from is None
    assert room.latest("mosaic", "any").config(MosaicConfig).backbone.name == "test_efficientnet"
    photo = MosaicRuns.latest(room).held_out()[-1]
    assert photo.expert == "photo"
    assert photo.speaks.all()
    assert len(photo) == len(room.plan().held_out_positions(0))


def assert_equal(one: Probabilities, other: Probabilities) -> None:
    assert one.expert == other.expert
    np.testing.assert_array_equal(one.product_ids, other.product_ids)
    np.testing.assert_array_equal(one.values, other.values)


def test_a_workspace_of_the_version_before_gets_its_merged_file_from_evaluate_and_another_plan_does_not_take_it(
    room, general
):
    with pytest.raises(FileNotFoundError, match="run `mosaic train --workspace"):
        held_out(room)
    room = general
    before = held_out(room)
    held_out_file(room).unlink()
    with pytest.raises(FileNotFoundError, match="an earlier version has trained already, `mosaic evaluate"):
        held_out(room)
    evaluate(room, None, None, None)
    assert_equal(held_out(room), before)
    room.save_plan(make_plan(room.training_catalog(), room.taxonomy(), seed=1)[0], room.taxonomy())
    with pytest.raises(FileNotFoundError, match="holds no held-out probabilities of photos under its plan"):
        held_out(room)


def test_a_run_that_was_killed_while_it_was_closed_is_merged_when_it_is_resumed(general):
    room, run = general, general.latest("mosaic", "any")
    before = held_out(room)
    (run.folder / "unfinished.json").write_text("{}")
    held_out_file(room).unlink()
    assert train(room, config("training.epochs=1"), View(), None, progress_bar, resume=True).folder == run.folder
    assert_equal(held_out(room), before)
    assert not (run.folder / "unfinished.json").exists()


def test_a_damaged_network_beside_it_does_not_stop_the_end_of_a_training(general, caplog):
    room, run = general, general.latest("mosaic", "any")
    other = room.folder / "mosaic-2-gone"
    other.mkdir()
    (other / "run.json").write_text((run.folder / "run.json").read_text())
    room.register(Run.load(other), "2")
    (run.folder / "unfinished.json").write_text("{}")
    assert train(room, config("training.epochs=1"), View(), None, progress_bar, resume=True).folder == run.folder
    assert not (run.folder / "unfinished.json").exists()
    assert "`mosaic evaluate` does" in caplog.text
    # what was merged before knows nothing of this network
    assert not held_out_file(room).exists()


def test_training_twice_gives_the_same_network(general):
    first = general.latest("mosaic", "any")
    second = train(general, config("training.epochs=1"), View(), None, progress_bar)
    assert second.folder != first.folder
    np.testing.assert_array_equal(first.held_out().values, second.held_out().values)


def test_every_product_is_held_out_once_in_folds(tmp_path):
    room = make_room(tmp_path, mode="kfold", n_parts=3)
    run = train(room, config("training.epochs=1"), View(), None, progress_bar)
    assert sorted(run.held_out().product_ids) == list(range(1000, 1180))
    assert {p.name for p in run.folder.glob("*.safetensors")} == {
        "heldout.safetensors", "weights.safetensors", "graph-check.safetensors",
        *[f"weights-part{i}.safetensors" for i in range(3)],
    }  # fmt: skip
    special = train(room, config("specialist.epochs=1"), View(2), run.folder, progress_bar)
    assert len(special.held_out().product_ids) == 54


def test_a_start_from_another_plan_is_refused(tmp_path, general):
    other = make_room(tmp_path, seed=5)
    with pytest.raises(ValueError, match="may have learnt from products that are held out here"):
        train(other, config(), View(2), general.latest("mosaic", "any").folder, progress_bar)


def test_a_changed_catalogue_is_refused(room, write_bson):
    write_bson({"_id": 1, "category_id": 11, "imgs": [{"picture": coloured(11, 0)}]})
    with pytest.raises(ValueError, match="has changed since it was split"):
        train(room, config(), View(), None, progress_bar)


def test_a_count_without_products_is_refused_only_where_nothing_serves_it(room, general):
    with pytest.raises(TooFewProducts, match=r"0 training products with such photos \(min_products is 20\)"):
        list(train_series(room, config("min_products=20"), progress_bar, n_images="4"))
    (line,) = train_series(general, config("min_products=20"), progress_bar, n_images="4")
    assert line.startswith("4 photos: 0 training products")
    assert sorted(latest_runs(general)) == [View()]


def test_no_held_out_product_is_learnt_from_before_it_is_measured(room, monkeypatch):
    """What each fit is shown, part by part; the last one makes the deployed network, from every product."""
    shown = []
    monkeypatch.setattr(
        cross_fitting, "fit", lambda net, _, task, *__: shown.append(task.examples) or (net.eval() and [])
    )
    run = train(room, config(), View(), None, progress_bar)
    plan = room.plan()
    measured, deployed = shown
    assert not set(measured.positions) & set(plan.held_out_positions(0))
    assert sorted(measured.positions) == sorted(plan.training_positions(0))
    assert sorted(deployed.positions) == sorted(plan.positions)
    support = np.unique(TrainingData.of(room).leaf[plan.positions])
    np.testing.assert_array_equal(support[deployed.labels], TrainingData.of(room).leaf[deployed.positions])
    train(room, config(), View(2), run.folder, progress_bar)
    catalog = room.training_catalog()
    assert (catalog.n_images[shown[2].positions] == 2).all()
    assert not set(shown[2].positions) & set(plan.held_out_positions(0))
    # borrowing takes products with more photos too, but none that is held out
    train(room, config("specialist.borrow=true"), View(2), run.folder, progress_bar)
    assert set(catalog.n_images[shown[4].positions]) == {2, 3}
    assert (shown[4].n_shown == 2).all()
    assert not set(shown[4].positions) & set(plan.held_out_positions(0))


def test_products_that_judge_are_neither_held_out_nor_learnt_from(room, monkeypatch):
    tasks = []
    monkeypatch.setattr(cross_fitting, "fit", lambda net, _, task, *__: tasks.append(task) or (net.eval() and []))
    both = [f"{which}.{key}" for which in ("training", "specialist") for key in ("validation=0.2", "patience=2")]
    train(room, config(*both), View(), None, progress_bar)
    judges, learnt = set(tasks[0].validation.positions), set(tasks[0].examples.positions)
    held = set(room.plan().held_out_positions(0))
    assert len(judges) > 10
    assert not judges & learnt
    assert not held & (judges | learnt)
    assert judges | learnt | held == set(room.plan().positions)
    # the deployed network goes on from the measured one: its judges must not have been learnt from there
    assert judges <= set(tasks[1].validation.positions)
    assert not set(tasks[1].validation.positions) & learnt


SMALL_STEPS = (
    "photos_per_batch=8", "training.mixup=0.2", "training.ema=0.9", "augmentation.erasing=0.5",
    "training.validation=0.1", "training.reassembly=0.2",
)  # fmt: skip
SETS = [part for item in ("training.lr=0.01", "training.epochs=6", *SMALL_STEPS) for part in ("--set", item)]
"""`config(*SMALL_STEPS)` on the command line."""
EVERY_STEP = "checkpoint_minutes=0.00001"


def train_general(folder: Path, *options: str) -> None:
    """`mosaic train --n-images any` with a checkpoint after every step, for a process of its own."""
    sets = (*SETS, "--set", EVERY_STEP)
    mosaic(["train", "--config", "debug", "--workspace", str(folder), "--n-images", "any", *sets, *options])


def result(run: Run) -> tuple[object, ...]:
    """What must be the same: every weight, the held-out metrics, the curves but for their seconds."""
    weights = {name: (run.folder / name).read_bytes() for name in ("weights.safetensors", "weights-part0.safetensors")}
    curves = [(r.fit, r.epoch, r.step, r.loss, repr(r.accuracy), r.validation_loss) for r in history(run)]
    return weights, run.metrics, curves


def history(run: Run) -> list[EpochRecord]:
    return read_history(run.folder / "history.csv")


def kill_after(running: Running, room: Workspace, n_checkpoints: int, name: str) -> None:
    """SIGKILL when so many checkpoints of a fit have appeared: there is one after every step."""
    seen, last = 0, None
    while seen < n_checkpoints:
        assert running.is_running, running.finish()
        stamps = [(path, path.stat().st_mtime_ns) for path in room.folder.glob(f"checkpoints/*/{name}.pt")]
        if stamps and stamps != last:
            seen, last = seen + 1, stamps
        time.sleep(0.001)
    running.kill()


def test_a_killed_run_resumes_to_the_same_end(room, small_steps):
    """SIGKILL in the midst of the first fit, again in the second: what was done is not done again."""
    kill_after(Running(train_general, room.folder), room, 20, "part-0")
    kill_after(Running(train_general, room.folder, "--resume"), room, 5, "deployed")
    assert room.latest("mosaic", "any") is None
    (folder,) = room.folder.glob("mosaic-any-*")
    resumed = train(room, config(*SMALL_STEPS, EVERY_STEP), View(), None, progress_bar, resume=True)
    assert room.latest("mosaic", "any").folder == resumed.folder == folder
    assert not list(room.folder.glob("checkpoints/*"))
    # a third time there is nothing to do
    again = train(room, config(*SMALL_STEPS, EVERY_STEP), View(), None, progress_bar, resume=True)
    assert again.folder == folder
    assert list(room.folder.glob("mosaic-any-*")) == [folder]
    assert result(resumed) == result(small_steps)


@pytest.mark.parametrize("name", ["save", "register", "unlink"])
def test_a_kill_while_a_run_is_closed_loses_nothing(room, monkeypatch, name):
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    few = config("training.epochs=1")
    owner = {"save": Run, "register": Workspace, "unlink": Path}[name]
    with monkeypatch.context() as patch:
        if name == "unlink":
            real = Path.unlink
            patch.setattr(Path, "unlink", lambda p, **o: killed() if p.name == "unfinished.json" else real(p, **o))
        else:
            patch.setattr(owner, name, killed)
        with pytest.raises(Killed):
            train(room, few, View(), None, progress_bar)
    (folder,) = room.folder.glob("mosaic-any-*")
    monkeypatch.setattr(cross_fitting, "fit", killed)
    run = train(room, few, View(), None, progress_bar, resume=True)
    assert run.folder == folder == room.latest("mosaic", "any").folder
    assert len(history(run)) == 2
    assert not (folder / "unfinished.json").exists() or name == "unlink"


def test_a_kill_between_history_and_weights_counts_no_epoch_twice(room, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    few = config("training.epochs=2")
    with monkeypatch.context() as patch:
        patch.setattr(MosaicNetwork, "save", killed)
        with pytest.raises(Killed):
            train(room, few, View(), None, progress_bar)
    run = train(room, few, View(), None, progress_bar, resume=True)
    assert [(r.fit, r.epoch) for r in history(run)] == [("part 0", 1), ("part 0", 2), ("deployed", 1)]


def test_networks_that_look_in_different_ways_are_not_mixed(general):
    other = config("training.epochs=1", "min_products=20", "photo_size=48")
    list(train_series(general, other, progress_bar, n_images="2"))
    with pytest.raises(ValueError, match=r"mosaic-any-.*mosaic-2-.*different photo_size \(32 and 48\)"):
        MosaicRuns.latest(general)


def test_a_part_without_the_views_products_does_not_narrow_the_network(room):
    plan = room.plan()
    threes = np.isin(plan.positions, np.flatnonzero(room.training_catalog().n_images == 3))
    parts = np.where(threes, 1, plan.parts).astype(plan.parts.dtype)
    room.save_plan(replace(plan, parts=parts), room.taxonomy())
    run = train(room, config("training.epochs=1"), View(3), None, progress_bar)
    assert len(run.held_out()) == 0
    assert run.details_as(MosaicDetails).k == 3


def test_another_configuration_is_not_resumed(room, caplog):
    wanted = config("training.epochs=1")
    data = TrainingData.of(room)
    identity = identity_of(wanted, View(), None, data.plan.plan_id)
    with begun_or_resumed(room, wanted, View(), identity, data, resume=False) as (unfinished, _):
        pass
    run = train(room, config("training.epochs=2"), View(), None, progress_bar, resume=True)
    assert run.folder != unfinished.folder
    assert unfinished.folder.name in caplog.text
    assert train(room, wanted, View(), None, progress_bar, resume=True).folder == unfinished.folder


def test_a_run_that_another_process_trains_is_neither_gone_on_with_nor_closed(room):
    """SIGKILL frees it at once for this host's processes; of another host's, its lease must end first."""
    running = Running(train_general, room.folder)
    while not list(room.folder.glob("checkpoints/*/part-0.pt")):
        assert running.is_running, running.finish()
        time.sleep(0.001)
    os.kill(running.process.pid, signal.SIGSTOP)
    (folder,) = room.folder.glob("mosaic-any-*")

    wanted, data = config(*SMALL_STEPS, EVERY_STEP), TrainingData.of(room)
    identity = identity_of(wanted, View(), None, data.plan.plan_id)

    def resume() -> Path:
        with begun_or_resumed(room, wanted, View(), identity, data, resume=True) as (run, _):
            return run.folder

    before = sorted(room.folder.rglob("*"))
    with pytest.raises(
        OSError, match=rf"^{folder} is being trained by process {running.process.pid} on .*--workspace$"
    ):
        resume()
    assert sorted(room.folder.rglob("*")) == before
    running.kill()
    (claim,) = room.folder.glob(f".{folder.name}.*.lease")
    owner = Owner.parse(claim.name.split(".")[2])
    elsewhere = claim.with_name(claim.name.replace(owner.place, "0" * 12))
    claim.rename(elsewhere)
    with pytest.raises(OSError, match="killed, it would seem to be at work for 15 minutes more"):
        resume()
    os.utime(elsewhere, (time.time() - LEASE_S - 60,) * 2)
    assert resume() == folder
    assert not list(room.folder.glob(".*.lease"))


def test_a_training_from_another_network_at_the_same_path_is_not_resumed(room):
    """Nothing is trained here: which run is gone on with is decided before."""
    wanted, data = config("training.epochs=1"), TrainingData.of(room)
    start = Run.create(room.folder, "mosaic", "start", plan="p", data="d", config={"seed": 1}, tree=data.tree)
    start.save()

    def begin(init_from: str | None) -> Path:
        identity = identity_of(wanted, View(2), init_from, data.plan.plan_id)
        earlier = identity_of(wanted, View(2), start.folder.name, data.plan.plan_id)
        with begun_or_resumed(room, wanted, View(2), identity, data, resume=True, earlier=earlier) as (run, _):
            return run.folder

    first_digest = start.digest()
    first = begin(first_digest)
    assert begin(start.digest()) == first
    (start.folder / "config.yaml").write_text("seed: 2")
    second = begin(start.digest())
    assert second != first
    assert begin(first_digest) == first
    # what an earlier version began is gone on with, too
    for mark in room.folder.glob(f"*/{MARK}"):
        mark.unlink()
    old = begin(start.folder.name)
    assert begin(start.digest()) == old


def test_a_damaged_checkpoint_is_named(room):
    wanted = config("training.epochs=1")
    data = TrainingData.of(room)
    identity = identity_of(wanted, View(), None, data.plan.plan_id)
    with begun_or_resumed(room, wanted, View(), identity, data, resume=False) as (unfinished, _):
        pass
    path = room.folder / "checkpoints" / unfinished.folder.name / "part-0.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match=r"part-0\.pt cannot be continued from .* delete it"):
        train(room, wanted, View(), None, progress_bar, resume=True)


def test_two_processes_train_one_network(room, small_steps):
    """Each sees half of the batches, and gradients are averaged: with whole batches halved, one learns the same.

    Each has two processes that prepare them, started as from the shell.
    """
    # the specialist is fitted for fewer epochs than the general network: both processes must start from it
    command = [Path(sys.executable).parent / "mosaic", "train", "--config", "debug", "--workspace", room.folder]
    options = (*SETS, "--set", "min_products=30", "--set", "workers=2", "--devices", "2")
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    output = done.stdout
    assert output.count("any count: ") == 1
    assert output.count("2 photos: ") == 1
    assert output.count("next: ") == 1
    run = room.latest("mosaic", "any")
    assert room.latest("mosaic", "2").details_as(MosaicDetails).init_from == run.folder.name
    assert len(history(room.latest("mosaic", "2"))) == 2 * config().specialist.epochs
    steps = {record.fit: record.step for record in history(run)}
    assert run.metrics["all"]["levels"]["3"]["top1"] > 0.8
    assert steps["part 0"] < 0.6 * max(r.step for r in history(small_steps) if r.fit == "part 0")
    assert len(list(room.folder.glob("mosaic-any-*"))) == 1


@pytest.mark.parametrize(("rank", "photos"), [("first", 180), ("rest", 66), ("any", 246)])
def test_a_network_of_one_photo_per_pass(one_photo_each, rank, photos):
    room = one_photo_each
    run = room.latest("mosaic", f"any-rank-{rank}")
    lines = (room.folder.parent / "said.txt").read_text().splitlines()
    assert [str(run.folder) in line for line in lines].count(True) == 1
    assert len(lines) == 3
    held = run.held_out()
    counts = room.training_catalog().n_images[room.plan().held_out_positions(0)]
    assert len(held) == int((counts > 1).sum() if rank == "rest" else len(counts))
    steps = [r.step for r in history(run) if r.fit == "deployed"]
    assert steps[-1] == len(steps) * -(-photos // 32)


def test_rank_networks_make_up_experts(one_photo_each):
    room = one_photo_each
    runs = MosaicRuns.latest(room)
    held_out_of = {p.expert: p for p in runs.held_out()}
    assert list(held_out_of) == ["photo", "first-rest", "rank"] == [expert.name for expert in runs.experts()]
    plan, catalog = room.plan(), room.training_catalog()
    held = plan.held_out_positions(0)
    assert sorted(held_out_of["first-rest"].product_ids) == sorted(catalog.product_ids[held])
    assert sorted(held_out_of["rank"].product_ids) == sorted(catalog.product_ids[held[catalog.n_images[held] == 2]])
    # the mean over two photos, one by each network
    parts = [room.latest("mosaic", f"2-rank-{rank}").held_out() for rank in ("1", "2")]
    ids, rows = held_out_of["rank"].product_ids, np.arange(len(held_out_of["rank"]))
    expected = np.mean([p.aligned(ids).dense(rows, 8) for p in parts], axis=0)
    np.testing.assert_allclose(held_out_of["rank"].dense(rows, 8), expected, atol=1e-4)
