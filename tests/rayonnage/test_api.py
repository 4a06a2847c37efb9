"""`import rayonnage`: few names, typed, imported when used; the examples of their docstrings are true."""

from __future__ import annotations

import ast
import doctest
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rayonnage
from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.model import Model
from fusion.prediction.answers import answers_to_table
from tests.support.command_line import HEAVY
from tests.support.products import make_photo
from tests.support.trained import picture


def check_examples(name: str) -> None:
    """Run the examples of one name, as pasted into a fresh interpreter."""
    tests = doctest.DocTestFinder(recurse=False).find(getattr(rayonnage, name), name, module=False, globs={})
    assert sum(len(test.examples) for test in tests) >= 3
    said: list[str] = []
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_importing_costs_nothing():
    program = "import sys, rayonnage; print(*(name.split('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY


def test_names_are_those_of_the_rooms():
    names = ["Model", "Taxonomy", "answers_to_table", "fit", "load", "open_catalog"]
    assert rayonnage.__all__ == names
    assert set(names) <= set(dir(rayonnage))
    assert (rayonnage.Model, rayonnage.Taxonomy) == (Model, Taxonomy)
    assert rayonnage.answers_to_table is answers_to_table
    with pytest.raises(AttributeError, match=f"no attribute 'modle': it has {', '.join(names)}"):
        rayonnage.modle  # noqa: B018


def test_types_are_told_to_a_checker():
    """What is imported for mypy alone is what is handed out; nothing else hides behind `__getattr__`."""
    source = Path(rayonnage.__file__)
    assert (source.parent / "py.typed").is_file()
    [branch] = [node for node in ast.parse(source.read_text()).body if isinstance(node, ast.If)]
    typed = {alias.name for node in branch.body for alias in node.names}
    assert typed == {"Model", "Taxonomy", "Catalog", "answers_to_table"}
    for function, result in ((rayonnage.load, "Model"), (rayonnage.open_catalog, "Catalog")):
        signature = inspect.signature(function)
        assert signature.return_annotation == result
        assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["open_catalog", "Taxonomy"])
def test_examples_on_a_catalogue(name, demo, tmp_path, monkeypatch):
    shutil.copytree(demo / "demo" / "catalogue", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    check_examples(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["load", "Model", "answers_to_table"])
def test_examples_on_a_trained_workspace(name, trained, tmp_path, monkeypatch):
    shutil.copytree(trained / "runs", tmp_path / "runs")
    for leaf, photo in enumerate(("front.jpg", "back.jpg")):
        (tmp_path / photo).write_bytes(picture(leaf, 1))
    monkeypatch.chdir(tmp_path)
    check_examples(name)


@pytest.mark.slow
def test_a_run_and_its_workspace_predict_the_same(trained, tmp_path):
    run = Workspace(trained / "runs").require("fusion").folder
    photos = [[picture(leaf, 1)] for leaf in range(5)]
    by_run = rayonnage.load(run, workspace=tmp_path / "cache").predict(photos)
    assert rayonnage.load(trained / "runs").predict(photos) == by_run
    assert rayonnage.load(run, precision=0.9, workspace=tmp_path).predictor.run.folder == run


def test_what_is_not_there_is_named_with_the_way_out(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a finished run"):
        rayonnage.load(tmp_path)
    (tmp_path / "workspace.json").write_text('{"latest": {}}')
    with pytest.raises(FileNotFoundError, match="rayonnage fit"):
        rayonnage.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        rayonnage.open_catalog(tmp_path / "none.bson")


def test_every_kind_of_catalogue_is_opened(tmp_path, tiny_catalog, tree_csv):
    assert rayonnage.open_catalog(str(tiny_catalog.address)).product_ids.tolist() == list(range(60))
    photo = tmp_path / "shop" / "LIBRAIRIE" / "LITTERATURE" / "ROMAN" / "7" / "1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(make_photo())
    by_name = rayonnage.open_catalog(tmp_path / "shop", tree_csv)
    assert isinstance(by_name, Catalog)
    assert (by_name[0].product_id, by_name[0].category_id) == (7, 11)
    shutil.copy(tree_csv, tmp_path / "shop" / "category_names.csv")
    assert rayonnage.open_catalog(tmp_path / "shop")[0] == by_name[0]
    table = tmp_path / "shop.csv"
    table.write_text(f"product_id,photos\n3,{photo}\n")
    assert rayonnage.open_catalog(str(table))[0].images == by_name[0].images
