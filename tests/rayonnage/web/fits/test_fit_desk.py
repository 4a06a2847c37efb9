"""The thread that has fits done, with a script in the place of what trains."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan
from catalog.tree.taxonomy import Taxonomy
from rayonnage.fitting.progress.showing import PROGRESS
from rayonnage.web.fits.desk import FitDesk
from rayonnage.web.fits.progress import FitProgress
from rayonnage.web.fits.record import FitRecord, FitStatus
from rayonnage.web.fits.store import FitLimits
from rayonnage.web.jobs import child_desk
from rayonnage.web.jobs.limits import JobLimits, LimitReached
from rayonnage.web.jobs.record import INPUT, JobState
from rayonnage.web.jobs.store import JobStore
from tests.support.predictions import TREE
from tests.support.scripted_child import child, waited

SMALL = JobLimits(free_bytes=0)
LOADED = SimpleNamespace(replace=lambda folder: None)
"""In the place of the model that answers."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Of a catalogue that was split, with a model that is none."""
    room = Workspace(tmp_path / "shop" / "runs")
    room.save_plan(small_plan(tmp_path / "shop" / "train.bson"), TREE)
    room.register(fusion_run(room, "first"))
    return room


@pytest.fixture
def desk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[FitDesk]:
    monkeypatch.setattr(child_desk, "LOOK_S", 0.02)
    jobs = JobStore(workspace.folder / "jobs", SMALL)
    desk = FitDesk(workspace, jobs, LOADED, FitLimits(fits=3, work_bytes=0))  # type: ignore[arg-type]
    yield desk
    desk.close()


def small_plan(catalogue: Path) -> Plan:
    parts = np.array([0, 1, 0, 1], np.int16)
    return Plan(str(catalogue), "data", "tree", "heldout", 2, 20, 0, 0, 0.0, np.arange(4), parts)


def fusion_run(room: Workspace, name: str, tree: Taxonomy = TREE) -> Run:
    run = Run.create(room.folder, "fusion", f"fusion-{name}", plan="plan", data="data", config={}, tree=tree)
    run.save()
    return run


def begin(desk: FitDesk) -> FitRecord:
    return desk.of_workspace("ann", 900.0, "balanced")


@pytest.fixture
def can_be_interrupted() -> Iterator[None]:
    """What is started in the background ignores Ctrl-C, and so do its children: a shell cannot trap it then."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("can_be_interrupted")
def test_stopped_and_gone_on_with(desk: FitDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    child(tmp_path, monkeypatch, """
trap 'echo "{\\"stopped\\": true}"; exit 130' INT
echo '{"ready": true}'
[ -e again ] && { echo '{"run": "fusion-new"}'; exit 0; }
while :; do sleep 0.05; done""")  # fmt: skip
    monkeypatch.chdir(tmp_path)
    desk.start()
    fit = begin(desk)
    assert (fit.name, fit.state) == ("train.bson", FitStatus.WAITING)
    assert waited(lambda: desk.store.get(fit.fit_id).state is FitStatus.RUNNING)
    assert desk.stop(fit).state is FitStatus.STOPPING
    assert waited(lambda: desk.store.get(fit.fit_id).state is FitStatus.STOPPED)
    with pytest.raises(ValueError, match="nothing to stop"):
        desk.stop(fit)
    (tmp_path / "again").touch()
    desk.go_on(fit)
    assert waited(lambda: desk.store.get(fit.fit_id).state is FitStatus.DONE)
    assert desk.store.get(fit.fit_id).run == "fusion-new"


def test_one_that_breaks_off_says_so_and_another_server_goes_on(
    desk: FitDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    child(tmp_path, monkeypatch, "echo 'it hurts' >&2; exit 3")
    desk.start()
    fit = begin(desk)
    assert waited(lambda: desk.store.get(fit.fit_id).state is FitStatus.FAILED)
    assert desk.store.get(fit.fit_id).error == "the fit broke off (status 3): go on with it, it begins where it was"
    # one that was at work when its server ended
    child(tmp_path, monkeypatch, "sleep 60")
    desk.go_on(fit)
    assert waited(lambda: desk.store.get(fit.fit_id).state is FitStatus.RUNNING)
    desk.close()
    assert desk.store.get(fit.fit_id).state is FitStatus.RUNNING
    child(tmp_path, monkeypatch, """echo '{"run": "fusion-new"}'""")
    other = FitDesk(desk.workspace, JobStore(desk.workspace.folder / "jobs", SMALL), LOADED)  # type: ignore[arg-type]
    other.start()
    try:
        assert waited(lambda: other.store.get(fit.fit_id).state is FitStatus.DONE)
    finally:
        other.close()


def test_a_model_comes_into_the_workspace(desk: FitDesk, workspace: Workspace):
    former = workspace.require("fusion").folder
    workspace.register(Run.create(workspace.folder, "ocr", "ocr", plan="plan", data="d", config={}, tree=TREE))
    fit = done(desk, begin(desk))
    fitted = desk.store.workspace(fit)
    (fitted.folder / "recipe.yaml").write_text("fit: {}\n", encoding="utf-8")
    assert desk.put(fit).put
    assert workspace.require("fusion").folder == workspace.folder / fit.run
    assert former.is_dir()
    # reading is no part of the new model: it counts no more
    assert workspace.latest_folders().keys() == {"fusion"}
    assert (workspace.folder / "recipe.yaml").is_file()
    # as after a kill in the middle of it
    assert desk.put(fit).put
    assert workspace.require("fusion").folder == workspace.folder / fit.run


def test_a_model_of_another_tree_stays_where_it_is(desk: FitDesk, workspace: Workspace):
    before = workspace.require("fusion").folder
    other = Taxonomy([(9000, ("A", "B", "C")), (9001, ("A", "B", "D"))])
    fit = done(desk, begin(desk), other)
    with pytest.raises(ValueError, match="another category tree"):
        desk.put(fit)
    assert workspace.require("fusion").folder == before
    with pytest.raises(ValueError, match="waiting"):
        desk.put(begin(desk))


def test_what_the_workspace_has_learnt_from_is_not_deleted(desk: FitDesk, workspace: Workspace):
    fit = done(desk, begin(desk))
    inside = desk.store.path(fit.fit_id) / INPUT / "table.parquet"
    desk.store.workspace(fit).save_plan(small_plan(inside), TREE)
    desk.put(fit)
    with pytest.raises(ValueError, match="it stays"):
        desk.delete(fit)
    desk.put(done(desk, begin(desk)))
    desk.delete(fit)
    assert not desk.store.path(fit.fit_id).exists()


def done(desk: FitDesk, fit: FitRecord, tree: Taxonomy = TREE) -> FitRecord:
    """As a child leaves it."""
    room = desk.store.workspace(fit)
    room.save_plan(small_plan(desk.workspace.folder.parent / "train.bson"), tree)
    run = fusion_run(room, fit.fit_id[:6], tree)
    room.register(run)
    return desk.store.update(fit, state=FitStatus.DONE, run=run.folder.name, ended=time.time())


def test_an_upload_becomes_its_fits_own(desk: FitDesk, workspace: Workspace):
    jobs = JobStore(workspace.folder / "jobs", SMALL)
    job = jobs.create("ann", "spring.parquet", 3, to_learn=True)
    with jobs.writing(job, 0) as part:
        part.write(b"abc")
    job = jobs.complete(job)
    assert job.state is JobState.KEPT
    jobs.sweep()
    fit = desk.of_upload("ann", 60.0, "fast", job)
    assert (desk.store.path(fit.fit_id) / INPUT / "table.parquet").read_bytes() == b"abc"
    assert jobs.all() == []
    with pytest.raises(FileNotFoundError):
        desk.of_upload("ann", 60.0, "fast", job)
    # nobody else sees what somebody has sent; what the workspace has is everybody's
    assert desk.store.of("bob") == []
    begin(desk)
    assert [one.upload is None for one in desk.store.of("bob")] == [True]


def test_bounds(desk: FitDesk, monkeypatch: pytest.MonkeyPatch):
    fits = [begin(desk) for _ in range(3)]
    with pytest.raises(LimitReached, match="at most 3"):
        begin(desk)
    ended = desk.store.update(fits[0], state=FitStatus.FAILED, ended=time.time() - 8 * 86_400)
    begin(desk)
    assert not desk.store.path(ended.fit_id).exists()
    with pytest.raises(ValueError, match="nobody has answered"):
        desk.of_workspace("ann", 60.0, "fast", answers=True)


def test_how_far(tmp_path: Path):
    assert FitProgress.of(tmp_path) == FitProgress()
    (tmp_path / PROGRESS).parent.mkdir()
    told = {"key": "mosaic-any", "title": "learn", "share": 0.4, "seconds": 12.0, "left_s": 18.0}
    (tmp_path / PROGRESS).write_text(json.dumps(told), encoding="utf-8")
    assert FitProgress.of(tmp_path) == FitProgress("mosaic-any", "learn", 0.4, 12.0, 18.0)
    (tmp_path / PROGRESS).write_text('{"share": "many", "left_s": null, "key": 3}', encoding="utf-8")
    assert FitProgress.of(tmp_path) == FitProgress("3")
    (tmp_path / PROGRESS).write_text("[", encoding="utf-8")
    assert FitProgress.of(tmp_path) == FitProgress()


def test_the_first_model_answers_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of a workspace in which nothing was begun."""
    room, replaced = Workspace(tmp_path / "runs"), list[Path]()
    jobs = JobStore(room.folder / "jobs", SMALL)
    desk = FitDesk(room, jobs, SimpleNamespace(replace=replaced.append), FitLimits(work_bytes=0))  # type: ignore[arg-type]
    assert desk.catalogue() == ""
    with pytest.raises(FileNotFoundError):
        begin(desk)
    job = jobs.create("ann", "a.parquet", 1, to_learn=True)
    with jobs.writing(job, 0) as part:
        part.write(b"a")
    fit = desk.of_upload("ann", 60.0, "fast", jobs.complete(job))
    fitted = desk.store.workspace(fit)
    fitted.save_plan(small_plan(desk.store.path(fit.fit_id) / INPUT / "table.parquet"), TREE)
    fitted.register(fusion_run(fitted, "new"))
    child(tmp_path, monkeypatch, f"""echo '{{"run": "{fitted.require("fusion").folder.name}"}}'""")
    desk.start()
    try:
        assert waited(lambda: desk.store.get(fit.fit_id).put)
    finally:
        desk.close()
    assert replaced == [room.require("fusion").folder]
