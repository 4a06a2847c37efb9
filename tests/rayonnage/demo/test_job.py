"""`rayonnage demo`: every stage is shown and kept in the log, a failed one ends the job, nobody's work is replaced."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig
from rayonnage.cli import main
from rayonnage.demo import job
from rayonnage.demo.sample import ENGLISH_NAMES
from rayonnage.fitting.planning.choosing import choose
from rayonnage.fitting.recipe import given_recipe
from rayonnage.written_pages import TITLES, latest_pages
from tests.rayonnage.fitting.known_catalogues import SHELF, machine
from tests.support.command_line import call, invoke

VERSION = {"say the version": ["--version"]}


def only(monkeypatch, stages: dict[str, list[str]]) -> None:
    """Let these commands be the job."""
    monkeypatch.setattr(job, "stages", lambda folder, **sizes: stages)


def test_what_the_stages_say_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    only(monkeypatch, {**VERSION, "ask for help": ["catalog", "info", "-h"]})
    seconds = job.run_demo(tmp_path / "new" / "demo")
    assert list(seconds) == ["say the version", "ask for help"]
    assert min(seconds.values()) > 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "new" / "demo" / "demo.log").read_text(encoding="utf-8")
    for line in ("[1/2] say the version: rayonnage --version", "[2/2] ask for help: rayonnage catalog info -h"):
        assert f"\n{line}\n" in printed
    assert "Usage: rayonnage catalog info" in printed
    assert "\nseconds\n  say the version " in printed


def test_a_stage_that_fails_ends_the_job_with_a_plain_sentence(tmp_path, monkeypatch):
    only(monkeypatch, {"look at nothing": ["catalog", "info", "none.bson"], **VERSION})
    ended = invoke(main, "demo", tmp_path, code=1)
    log = tmp_path / "demo.log"
    assert ended.stderr == (
        f"Error: the demo stopped at 'look at nothing' (exit status 1): what it said stands above and in {log}\n"
    )
    assert "Error: none.bson does not exist" in ended.stdout
    assert ended.stdout == log.read_text(encoding="utf-8")
    assert "say the version" not in ended.stdout


def test_of_a_progress_bar_the_log_keeps_the_last_state(tmp_path, capsys):
    log = job._Log(tmp_path / "demo.log")
    pieces = ["draw\n\x1b[?25l", "\r\x1b[2Kdraw \x1b[90m━\x1b[0m 1/2", "\r\x1b[2Kdraw ━", "━ 2/2\n\x1b[?25h", "é\nend"]
    for piece in pieces:
        log.write(piece)
    log.close()
    assert capsys.readouterr().out == "draw\n\rdraw ━ 1/2\rdraw ━━ 2/2\né\nend"
    assert (tmp_path / "demo.log").read_text(encoding="utf-8") == "draw\ndraw ━━ 2/2\né\nend"


def test_an_earlier_demo_is_replaced_when_asked_and_other_work_never(tmp_path, monkeypatch):
    only(monkeypatch, VERSION)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine").write_text("years of work")
    (tmp_path / "notes.txt").write_text("mine")
    for options in ((), ("--overwrite",)):
        refused = invoke(main, "demo", tmp_path, *options, code=1).stderr
        assert f"{tmp_path} holds runs, which no demo made: give another folder" in refused
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "notes.txt"}
    (tmp_path / "demo.log").write_text("an earlier demo")
    assert "already holds a demo: give another folder, or --overwrite" in invoke(main, "demo", tmp_path, code=1).stderr
    assert (tmp_path / "runs" / "mine").is_file()
    call(main, "demo", tmp_path, "--overwrite")
    assert {path.name for path in tmp_path.iterdir()} == {"demo.log", "notes.txt"}


def test_sizes_and_configuration_reach_the_stages():
    stages = job.stages(Path("a b"), config="debug", n_train=50, n_test=11, seed=4)
    draw, *others = stages.values()
    assert draw == ["demo", "a b/catalogue", "--draw-only", "--train", "50", "--test", "11", "--seed", "4"]
    assert ["debug" in command for command in others if command[0] == "fit"] == [True]
    assert all(Path(job.OUTPUTS[0]).name in command[1] or "a b/runs" in command for command in [draw, *others[2:]])


def test_the_fit_does_what_the_single_commands_do_with_the_configuration():
    """Nothing is left to the machine's speed: the demo's figures are everybody's."""
    chosen = choose(
        SHELF, machine(), catalog="train.bson", tree=None, names=None, group=None, time_s=None, quality="balanced",
        memory_bytes=None, given=given_recipe("demo"),
    )  # fmt: skip
    photos = load_config(MosaicConfig, "mosaic", "demo").model_dump()
    assert chosen.photo_config.model_dump() == {**photos, "checkpoint_minutes": 1.0}
    assert chosen.reading_config == load_config(OcrConfig, "ocr", "demo")
    assert chosen.decision_config == load_config(FusionConfig, "fusion", "demo")
    assert chosen.fit.networks == ("any", "1", "2", "3", "4")
    assert (chosen.fit.read, chosen.fit.held_out, chosen.fit.folds, chosen.fit.min_leaf) == (True, 0.2, None, None)


@pytest.mark.slow
def test_drawing_alone_names_the_next_command(tmp_path):
    said = call(main, "demo", tmp_path, "--draw-only", "--train", 40, "--test", 10, "--seed", 2)
    train, tree, names = (tmp_path / name for name in ("train.bson", "category_names.csv", "names.csv"))
    assert said.endswith(f"next: rayonnage fit {train} --tree {tree} --names {names}\n")
    assert len(Catalog(train)) == 40
    assert names.read_text(encoding="utf-8") == ENGLISH_NAMES.read_text(encoding="utf-8")
    refused = invoke(main, "demo", tmp_path, "--draw-only", code=1).stderr
    assert "already holds train.bson, test.bson, category_names.csv, names.csv, truth.csv" in refused
    other = call(main, "demo", tmp_path, "--draw-only", "--overwrite", "--train", 41, "--test", 10)
    assert "41 products with labels" in other


@pytest.mark.slow
def test_the_whole_job_ends_with_pages_in_english(demo):
    folder, said = demo / "demo", (demo / "said.txt").read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == {*job.OUTPUTS, job.LOG}
    workspace = Workspace(folder / "runs")
    assert f"Its pages: rayonnage report --workspace {workspace.folder}\nnext: rayonnage serve {folder} " in said
    names = {page.path.name for page in latest_pages(workspace)}
    assert names == TITLES.keys() - {"mosaic.html", "ocr.html", "search.html"}
    with (folder / "predictions" / "submission.csv").open() as file:
        predicted = [int(row["_id"]) for row in csv.DictReader(file)]
    assert predicted == Catalog(folder / "catalogue" / "test.bson").product_ids.tolist()
    tables = json.loads((folder / "report" / "fusion.json").read_text(encoding="utf-8"))["tables"]
    english = {path[0] for path in workspace.taxonomy("en").shown}
    assert english.isdisjoint(path[0] for path in workspace.taxonomy().paths)
    assert {row[0] for row in tables["By Cat I"][1:]} <= english
    assert workspace.require("fusion").taxonomy("en").lang == "en"
