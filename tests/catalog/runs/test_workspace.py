"""Runs and workspaces: enough to predict, never overwritten, the next command named."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.runs.config import STRICT, StrictConfig
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names
from tests.support.products import make_product


class Small(StrictConfig):
    """A configuration of one key."""

    a: int
    """A number."""


@dataclass(frozen=True)
class Point:
    x: float
    n: int


@dataclass(frozen=True)
class SmallDetails:
    k: int
    points: tuple[Point, ...]
    why: str | None = None
    __pydantic_config__ = STRICT


def make_run(parent, tree, kind="mosaic", config=None):
    return Run.create(parent, kind, kind, plan="p", data="d", config=config or {"a": 1}, tree=tree)


def test_runs_never_share_a_folder_and_come_back(tmp_path, tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    runs = [make_run(tmp_path, tree) for _ in range(3)]
    assert len({run.folder for run in runs}) == 3
    with pytest.raises(FileNotFoundError, match="not a finished run"):
        Run.load(runs[0].folder)
    runs[0].keep(SmallDetails(k=3, points=(Point(1.0, 2),), why="so"))
    runs[0].save()
    again = Run.load(runs[0].folder, "mosaic")
    assert again.details == {"k": 3, "points": [{"x": 1.0, "n": 2}], "why": "so"}
    assert again.details_as(SmallDetails) == SmallDetails(k=3, points=(Point(1.0, 2),), why="so")
    assert (again.plan, again.data) == ("p", "d")
    assert again.config(Small) == Small(a=1)
    assert again.taxonomy().fingerprint == tree.fingerprint
    assert again.revision.startswith("0.1.0")


def test_a_run_is_known_by_what_it_holds(tmp_path, tree_csv):
    run = make_run(tmp_path, Taxonomy.from_csv(tree_csv))
    run.save()
    (run.folder / "experts" / "one").mkdir(parents=True)
    weights = run.folder / "experts" / "one" / "weights.safetensors"
    weights.write_bytes(b"learnt")
    known = run.digest()
    copied = Run.load(Path(shutil.copytree(run.folder, tmp_path / "elsewhere")))
    assert copied.digest() == known
    # what lies there beside it: pages, names in other languages, predictions, what a kill left
    left = (".weights.safetensors.7.tmp", ".graph.x7/graph.xml")
    for name in ("fusion.html", "names.csv", "out/input.json", "out/predictions.parquet", *left):
        (copied.folder / name).parent.mkdir(exist_ok=True)
        (copied.folder / name).write_bytes(b"x")
    assert copied.digest() == known
    others = {known}
    for name in ("run.json", "config.yaml", "taxonomy.csv", "experts/one/weights.safetensors"):
        path = copied.folder / name
        before = path.read_bytes()
        path.write_bytes(before[:-1] + b"#")
        others.add(copied.digest())
        path.write_bytes(before)
    assert len(others) == 5
    # a run of before there were graphs keeps its digest; where there is one, answers come from it
    for name in ("graph.xml", "graph.bin", "graph.json", "graph-check.safetensors"):
        (copied.folder / "experts" / "one" / name).write_bytes(b"learnt")
        others.add(copied.digest())
    assert len(others) == 9
    (copied.folder / "experts" / "one" / "mosaic-any.xml").write_bytes(b"exported")
    assert copied.digest() in others
    # the same weights as another expert's
    weights.parent.rename(run.folder / "experts" / "two")
    assert run.digest() != known


def test_wrong_runs_are_refused(tmp_path, tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    run = make_run(tmp_path, tree, config={"a": 1, "old": 2})
    run.save()
    with pytest.raises(ValueError, match="is a run of mosaic, expected one of ocr"):
        Run.load(run.folder, "ocr")
    with pytest.raises(ValueError, match=r"another version(?s:.*)unknown key 'old'"):
        run.config(Small)
    other = Taxonomy([(1, ("A", "B", "C"))])
    with pytest.raises(ValueError, match="another category tree"):
        run.check_tree(other, "the workspace's")
    with pytest.raises(FileNotFoundError, match="nothing does not exist: give the folder of a run"):
        Run.load(tmp_path / "nothing")
    (run.folder / "run.json").write_text(json.dumps({"kind": "mosaic", "surprise": 1}))
    with pytest.raises(ValueError, match="damaged"):
        Run.load(run.folder)


def test_details_that_are_missing_or_unknown_are_named_with_their_file(tmp_path, tree_csv):
    run = make_run(tmp_path, Taxonomy.from_csv(tree_csv))
    run.keep(SmallDetails(k=3, points=()))
    assert run.details == {"k": 3, "points": []}
    assert run.details_as(SmallDetails).why is None
    run.details = {"points": [{"x": "much", "n": 1}], "whyever": "?"}
    message = r"run\.json were written by another version, train the run again:\n  k is missing\n"
    message += r"  points\.0\.x: .*number.*'much'.*\n  unknown key 'whyever'; did you mean 'why'\?"
    with pytest.raises(ValueError, match=message):
        run.details_as(SmallDetails)


def test_the_next_command_is_named(tmp_path, tree_csv, write_bson):
    room = Workspace(tmp_path / "runs")
    with pytest.raises(FileNotFoundError, match="catalog split"):
        room.plan()
    with pytest.raises(FileNotFoundError, match="rayonnage fit CATALOG"):
        room.require("fusion")
    tree = Taxonomy.from_csv(tree_csv)
    plan, _ = make_plan(Catalog(write_bson(*[make_product(i, 11) for i in range(20)])), tree)
    room.save_plan(plan, tree)
    with pytest.raises(FileNotFoundError, match=f"run `mosaic train --workspace {room.folder}` first"):
        room.require("mosaic", "any")
    with pytest.raises(FileNotFoundError, match="fusion train"):
        room.require("fusion")
    run = make_run(room.folder, tree)
    run.save()
    room.register(run, "2")
    assert room.latest("mosaic", "2").folder == run.folder
    assert room.latest("mosaic", "any") is None
    # the same plan again forgets nothing, another one the run, which stays on disk
    assert room.save_plan(plan, tree) == 0
    assert room.latest("mosaic", "2").folder == run.folder
    assert room.save_plan(replace(plan, seed=7), tree) == 1
    assert room.latest("mosaic", "2") is None
    assert Run.load(run.folder).kind == "mosaic"


@pytest.mark.slow
def test_runs_that_end_side_by_side_do_not_forget_each_other(tmp_path, tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    runs = [make_run(tmp_path / "runs", tree) for _ in range(12)]
    for run in runs:
        run.save()
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.starmap(_register, [(run.folder, str(i)) for i, run in enumerate(runs)], chunksize=1)
    room = Workspace(tmp_path / "runs")
    assert [room.latest("mosaic", str(i)).folder for i in range(12)] == [run.folder for run in runs]


def _register(folder, slot):
    Workspace(folder.parent).register(Run.load(folder), slot)


def test_a_kind_of_run_may_be_forgotten_and_stays_on_disk(tmp_path, tree_csv):
    tree, workspace = Taxonomy.from_csv(tree_csv), Workspace(tmp_path / "runs")
    runs = {
        kind: Run.create(workspace.folder, kind, kind, plan="p", data="d", config={}, tree=tree)
        for kind in ("ocr", "fusion")
    }
    for run in runs.values():
        run.save()
        workspace.register(run)
    assert workspace.forget("mosaic") is None
    assert workspace.forget("ocr") == runs["ocr"].folder
    assert workspace.latest("ocr") is None
    assert runs["ocr"].folder.is_dir()
    assert workspace.require("fusion").folder == runs["fusion"].folder


def test_a_workspace_whose_notes_or_runs_are_damaged_says_so(tmp_path, tree_csv):
    room = Workspace(tmp_path / "runs")
    run = make_run(room.folder, Taxonomy.from_csv(tree_csv))
    run.save()
    room.register(run)
    (run.folder / "run.json").unlink()
    with pytest.raises(FileNotFoundError, match="train it again"):
        room.latest("mosaic")
    for text in ("", "{}", "[]", '{"latest": 3}'):
        (room.folder / "workspace.json").write_text(text)
        with pytest.raises(ValueError, match=r"workspace.json"):
            room.latest("mosaic")


def test_a_run_whose_config_is_damaged_says_so(tmp_path, tree_csv):
    run = make_run(tmp_path, Taxonomy.from_csv(tree_csv))
    for text in ("a: [1", "", "- a", "a: x"):
        (run.folder / "config.yaml").write_text(text)
        with pytest.raises(ValueError, match=r"config.yaml"):
            run.config(Small)


def test_a_changed_catalogue_is_refused_and_the_command_named(tmp_path, tree_csv, write_bson):
    room, tree = Workspace(tmp_path / "runs"), Taxonomy.from_csv(tree_csv)
    path = write_bson(*[make_product(i, 11) for i in range(20)])
    room.save_plan(make_plan(Catalog(path), tree)[0], tree)
    assert len(room.training_catalog()) == 20
    write_bson(*[make_product(i, 12) for i in range(20)])
    with pytest.raises(ValueError, match=r"has changed since it was split: run `catalog split"):
        room.training_catalog()


def split(room, tree, write_bson, n=20):
    path = write_bson(*[make_product(i, 11) for i in range(n)])
    return room.save_plan(make_plan(Catalog(path), tree)[0], tree)


def test_names_travel_to_the_workspace_and_every_run(tmp_path, tree_csv, write_bson):
    room, tree = Workspace(tmp_path / "runs"), Taxonomy.from_csv(tree_csv)
    named = tree.with_names(Names((Name(11, 1, "en", "Books"), Name(31, 1, "de", "Küche"))))
    split(room, named, write_bson)
    run = make_run(room.folder, room.taxonomy())
    run.save()
    # the folder alone is enough
    alone = Run.load(run.folder.rename(tmp_path / "alone"))
    for holder in (room, alone):
        assert holder.taxonomy().shown == tree.paths
        assert holder.taxonomy("en").shown[tree.leaf_index(11)][0] == "Books"
        assert holder.taxonomy("de").shown[tree.leaf_index(31)][0] == "Küche"
        assert holder.taxonomy("en").fingerprint == tree.fingerprint


def test_the_same_plan_with_names_names_its_runs_and_another_tree_forgets_them(tmp_path, tree_csv, write_bson):
    room, tree = Workspace(tmp_path / "runs"), Taxonomy.from_csv(tree_csv)
    split(room, tree, write_bson)
    run = make_run(room.folder, tree)
    run.save()
    room.register(run, "2")
    named = tree.with_names(Names((Name(11, 1, "en", "Books"),)))
    assert split(room, named, write_bson) == 0
    assert run.taxonomy("en").shown[tree.leaf_index(11)][0] == "Books"
    # the same plan without names keeps those that were given before
    split(room, tree, write_bson)
    assert room.taxonomy("en").shown[tree.leaf_index(11)][0] == "Books"
    smaller = Taxonomy([(11, ("A", "B", "C")), (12, ("D", "B", "C"))])
    split(room, smaller, write_bson)
    assert not room.taxonomy().names
    with pytest.raises(ValueError, match="another category tree"):
        run.take_names(smaller)


def test_what_learns_another_catalogue(tmp_path):
    room = Workspace(tmp_path)
    assert room.learn_again("a.bson", " --tree t.csv", " --min-leaf N") == (
        f"catalog split a.bson --tree t.csv --min-leaf N --workspace {tmp_path}"
    )
    (tmp_path / "recipe.yaml").touch()
    assert room.learn_again("a.bson", " --tree t.csv", " --min-leaf N") == (
        f"rayonnage fit a.bson --tree t.csv --overwrite --workspace {tmp_path}"
    )
