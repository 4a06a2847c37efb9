"""`rayonnage report`: every page that a command wrote, the newest first, or the command that writes one."""

from __future__ import annotations

import os
import shutil
import webbrowser
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main as catalog
from fusion.cli import main as fusion
from mosaic.cli import main as mosaic
from rayonnage.cli import main
from rayonnage.written_pages import TITLES
from search.cli import main as search
from tests.support.command_line import call


def write(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<html>")
    os.utime(path, (10**9 - age, 10**9 - age))
    return path


def listed(workspace: Path) -> list[str]:
    """Paths, as they are printed."""
    return [line.split("  ")[-1].strip() for line in call(main, "report", "--workspace", workspace).splitlines()]


def begin(workspace: Workspace, kind: str, name: str, slot: str = "") -> Run:
    tree = Taxonomy([(1, ("A", "B", "C"))])
    run = Run.create(workspace.folder, kind, name, plan="p", data="d", config={}, tree=tree)
    run.save()
    workspace.register(run, slot)
    return run


def test_pages_of_the_workspace_and_beside_it_the_newest_first(tmp_path):
    runs = tmp_path / "runs"
    workspace = Workspace(runs)
    old, new = (begin(workspace, "mosaic", name, "2") for name in ("old", "new"))
    write(old.folder / "training.html", 1)
    expected = [
        write(tmp_path / "audited" / "audit.html", 2),
        write(runs / "reports" / "fusion.html", 3),
        write(runs / "fit.html", 3.5),
        write(new.folder / "training.html", 4),
        write(tmp_path / "explore.html", 5),
        write(tmp_path / "copies" / "duplicates.html", 6),
    ]
    write(tmp_path / "site" / "index.html", 0)
    write(tmp_path / "deep" / "down" / "explore.html", 0)
    assert listed(runs) == [str(path) for path in expected]
    said = call(main, "report", "--workspace", runs)
    assert said.startswith("2001-09-")
    assert [title in said for title in TITLES.values()].count(True) == 6


def test_the_default_workspace_has_paths_that_can_be_pasted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "explored" / "explore.html", 1)
    assert listed(Path("runs")) == ["explored/explore.html"]


@pytest.mark.parametrize("there", [True, False])
def test_the_newest_page_is_opened(tmp_path, monkeypatch, there):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: (opened.append(address), there)[1])
    newest = write(tmp_path / "a b" / "explore.html", 1)
    write(tmp_path / "copies" / "duplicates.html", 2)
    result = CliRunner().invoke(main, ["report", "--open", "--workspace", str(tmp_path / "runs")])
    assert result.exit_code == 0
    assert opened == [newest.as_uri()]
    assert (f"no browser can be started here: open {newest} in one" in result.stderr) is not there


def test_without_a_page_the_command_that_writes_one_is_named(tmp_path):
    workspace = Workspace(tmp_path / "runs")

    def refused() -> str:
        result = CliRunner().invoke(main, ["report", "--workspace", str(workspace.folder)])
        assert result.exit_code == 1
        return result.stderr

    assert "run `catalog explore TRAIN.bson --tree TREE.csv --output explored` first" in refused()
    (workspace.folder / "plan").mkdir(parents=True)
    assert f"run `mosaic train --workspace {workspace.folder}` first" in refused()
    begin(workspace, "mosaic", "m", "any")
    assert f"run `mosaic evaluate --workspace {workspace.folder}` first" in refused()
    begin(workspace, "fusion", "f")
    assert f"run `rayonnage evaluate LABELLED.bson --workspace {workspace.folder}` first" in refused()


@pytest.mark.slow
def test_what_every_command_writes_is_found(trained, tmp_path):
    """The names of the files are the commands' own: a page under a new name would be missing here."""
    folder = tmp_path / "shop"
    shutil.copytree(trained, folder)
    room, train = ("--workspace", folder / "runs"), folder / "train.bson"
    call(mosaic, "evaluate", *room)
    call(fusion, "evaluate", train, *room)
    call(catalog, "explore", train, "--output", folder / "explored")
    call(catalog, "duplicates", train, "--output", folder / "copies")
    call(catalog, "audit", train, "--output", folder / "audited", *room)
    call(search, "index", train, *room)
    (folder / "truth.csv").write_text("query_product_id,match_product_id\n1,6\n", encoding="utf-8")
    call(search, "evaluate", train, "--truth", folder / "truth.csv", *room)
    pages = listed(folder / "runs")
    assert {Path(path).name for path in pages} == TITLES.keys() - {"ocr.html", "fit.html"}
    assert sum(path.endswith("training.html") for path in pages) == 5
    assert {str(path) for path in folder.rglob("*.html")} == set(pages)
