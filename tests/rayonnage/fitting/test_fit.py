"""From the look to the last words, with rooms that do nothing but say that they were called."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from catalog.cli_options import PlainErrors, note, progress_bar, say
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan
from ocr.engines.base import EngineMissing
from rayonnage.cli import main
from rayonnage.fitting import fit as fitting
from rayonnage.fitting import preparing
from rayonnage.fitting.fit import fit_catalog, try_fit
from rayonnage.fitting.recipe import Choice, FitSection, Recipe
from rayonnage.fitting.request import FitRequest
from rayonnage.fitting.running import StageFailed
from tests.support.command_line import invoke, refused
from tests.support.products import TAXONOMY

SECONDS = {"split": 1.0, "mosaic-any": 60.0, "mosaic-2": 50.0, "ocr": 300.0, "fusion": 10.0}


class Rooms:
    """Stands in for all commands of `rayonnage`."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = Workspace(workspace)
        self.called: list[str] = []
        self.during: dict[str, Callable[[], object]] = {}
        """What happens in the middle of a stage."""

    def group(self) -> click.Group:
        top = PlainErrors("rayonnage")
        for room, command in (("catalog", "split"), ("mosaic", "train"), ("ocr", "train"), ("fusion", "train")):
            inner = PlainErrors(room)
            context = {"ignore_unknown_options": True, "allow_extra_args": True}
            inner.add_command(click.Command(command, callback=self._command(room), context_settings=context))
            top.add_command(inner)
        return top

    def _command(self, room: str) -> Callable[[], None]:
        def called() -> None:
            arguments = click.get_current_context().args
            key = room if room != "mosaic" else f"mosaic-{arguments[1]}"
            key = "split" if room == "catalog" else key
            self.called.append(key)
            say(f"result of {key}")
            note(f"note of {key}")
            with progress_bar(f"train {key}") as progress:
                progress(1, 2)
                if (happens := self.during.get(key)) is not None:
                    happens()
                progress(2, 2)
            self.make(key)

        return called

    def make(self, key: str) -> None:
        if key == "split":
            return
        kind, _, slot = key.partition("-")
        run = Run.create(self.workspace.folder, kind, key, plan="plan", data="data", config={}, tree=TAXONOMY)
        run.save()
        self.workspace.register(run, slot)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def seen() -> SimpleNamespace:
    """What the look and the choice find; how often they were asked."""
    return SimpleNamespace(fingerprint="data", read=True, n_measured=0, time_s=[])


@pytest.fixture
def rooms(room: Path, seen: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Rooms:
    rooms = Rooms(room)
    monkeypatch.setattr("rayonnage.cli.main", rooms.group())
    survey = SimpleNamespace(lines=lambda: ["what was found"], address="train.bson", titles_apart=False)
    monkeypatch.setattr("rayonnage.fitting.running.fingerprint_now", lambda _: seen.fingerprint)
    monkeypatch.setattr(preparing, "look", lambda *_: (vars(survey).update(fingerprint=seen.fingerprint), survey)[1])

    def measured(*_: object) -> None:
        seen.n_measured += 1

    def chosen(*_: object, catalog: str, time_s: float | None, given: object, **__: object) -> Recipe:
        seen.time_s.append(time_s)
        choices = {key: Choice(chosen=key, why="why not", seconds=seconds) for key, seconds in SECONDS.items()}
        choices["ocr"] = choices["ocr"].model_copy(update={"why": "some 3 points more"})
        fit = FitSection(catalog=catalog, folds=2, networks=("any", "2"), read=seen.read, choices=choices)
        return Recipe(fit=fit)

    def obeyed(recipe: Recipe, *_: object) -> Recipe:
        choices = {"mosaic-any": Choice(chosen="any", why="given", seconds=100.0 + seen.n_measured)}
        return recipe.model_copy(update={"fit": recipe.fit.model_copy(update={"choices": choices})})

    monkeypatch.setattr(preparing, "candidates", lambda *_: ())
    monkeypatch.setattr(preparing, "obeyed", obeyed)
    monkeypatch.setattr(preparing, "warnings", lambda *_: ["what it needs"])
    monkeypatch.setattr(preparing, "measure", measured)
    monkeypatch.setattr(preparing, "choose", chosen)
    monkeypatch.setattr(fitting.FitOutcome, "of", lambda *_, **words: SimpleNamespace(**words))
    monkeypatch.setattr(fitting, "write_fit_page", lambda _, path: path)
    monkeypatch.setattr(fitting, "last_words", lambda outcome: "the last words")
    return rooms


@pytest.fixture
def request_of(tmp_path: Path, room: Path) -> Callable[..., FitRequest]:
    catalog = tmp_path / "train.bson"
    catalog.write_bytes(b"\x05\0\0\0\0")
    return lambda **options: FitRequest(**{"catalog": catalog, "workspace": room} | options)


def progress_of(room: Path) -> dict:
    return json.loads((room / "fit" / "progress.json").read_text())


def test_everything_is_done_once_in_its_order(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of())
    assert rooms.called == ["split", "mosaic-any", "mosaic-2", "ocr", "fusion"]
    shown, log = capsys.readouterr(), (room / "fit.log").read_text()
    assert shown.out.index("what was found") < shown.out.index("The same by single commands")
    assert shown.out.index(f"mosaic train --n-images any --config {room}/recipe.yaml") < shown.out.index("last words")
    for key in rooms.called:
        assert f"result of {key}" in log
        assert f"note of {key}" in log
    assert "result of" not in shown.out + shown.err
    assert Recipe.load(room / "recipe.yaml").fit.fingerprint == "data"
    progress = progress_of(room)
    assert (progress["state"], progress["share"], progress["stages"]) == ("done", 1, 5)


def test_the_same_again_does_nothing_twice_and_its_time_does_not_count(
    rooms: Rooms,
    request_of: Callable[..., FitRequest],
    room: Path,
    seen: SimpleNamespace,
    capsys: pytest.CaptureFixture,
) -> None:
    fit_catalog(request_of())
    journal = (room / "fit" / "journal.json").read_text()
    fit_catalog(request_of())
    assert len(rooms.called) == 5
    assert seen.n_measured == 1
    assert (room / "fit" / "journal.json").read_text() == journal
    assert "done already" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_the_next_report_and_the_same_command_goes_on(
    number: signal.Signals, rooms: Rooms, request_of: Callable[..., FitRequest], room: Path,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    before = signal.getsignal(number)
    rooms.during["mosaic-2"] = lambda: os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        fit_catalog(request_of())
    assert signal.getsignal(number) == before
    assert progress_of(room)["state"] == "stopped"
    said = capsys.readouterr().err
    assert f"the same command goes on from there: rayonnage fit {request_of().catalog}" in said.splitlines()[-1]
    del rooms.during["mosaic-2"]
    fit_catalog(request_of())
    assert rooms.called == ["split", "mosaic-any", "mosaic-2", "mosaic-2", "ocr", "fusion"]


def test_ctrl_c_twice_stops_at_once(rooms: Rooms, request_of: Callable[..., FitRequest]) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("went on")

    rooms.during["mosaic-any"] = twice
    with pytest.raises(KeyboardInterrupt):
        fit_catalog(request_of())


def test_the_command_ends_with_the_status_of_an_interruption(
    rooms: Rooms, request_of: Callable[..., FitRequest]
) -> None:
    rooms.during["split"] = lambda: os.kill(os.getpid(), signal.SIGINT)
    asked = request_of()
    from rayonnage.fitting.command import fit

    invoke(fit, asked.catalog, "--workspace", asked.workspace, code=130)


def test_a_stage_that_fails_is_named_with_its_log_and_how_to_go_on(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path
) -> None:
    def fail() -> None:
        raise OSError("no room is left")

    rooms.during["ocr"] = fail
    with pytest.raises(StageFailed, match=r"'read the photos.*' failed: no room is left\. .*fit\.log.*rayonnage fit "):
        fit_catalog(request_of())
    assert progress_of(room)["state"] == "failed"
    assert "no room is left" in progress_of(room)["message"]
    assert "Error: 'read the photos" in (room / "fit.log").read_text()


def test_an_error_of_ours_stands_in_the_log_and_is_one_sentence(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    rooms.during["fusion"] = fail
    with pytest.raises(StageFailed, match="failed: ZeroDivisionError: division by zero") as error:
        fit_catalog(request_of())
    assert "\n" not in str(error.value)
    assert "Traceback" in (room / "fit.log").read_text()


def test_what_this_catalogue_has_nothing_for_is_left_out_and_the_rest_goes_on(
    rooms: Rooms, request_of: Callable[..., FitRequest], capsys: pytest.CaptureFixture
) -> None:
    def refuse() -> None:
        raise ValueError("too few texts")

    rooms.during["ocr"] = refuse
    fit_catalog(request_of())
    assert rooms.called[-1] == "fusion"
    assert "left out: read the photos, and learn from their words: too few texts" in capsys.readouterr().err
    fit_catalog(request_of())
    assert rooms.called.count("ocr") == 1


def test_what_no_longer_fits_into_the_time_is_left_out_and_what_it_would_bring_is_said(
    rooms: Rooms, request_of: Callable[..., FitRequest], seen: SimpleNamespace, capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of(time_s=270))
    assert rooms.called == ["split", "mosaic-any", "mosaic-2", "fusion"]
    said = capsys.readouterr().err
    # a tenth more than what was given may be used
    assert re.search(r"it would take 5m, and 4m\d+s of 4m30s are left for it\. What speaks for it: some 3 points", said)
    assert seen.time_s[0] == pytest.approx(270, abs=20)
    fit_catalog(request_of(time_s=400))
    assert rooms.called == ["split", "mosaic-any", "mosaic-2", "fusion", "ocr", "fusion"]


def test_a_recipe_that_was_edited_is_obeyed_and_what_depends_on_it_is_done_again(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of())
    path = room / "recipe.yaml"
    recipe = Recipe.load(path)
    recipe.model_copy(update={"ocr": {"min_gain": 2.0}}).save(path)
    rooms.called.clear()
    fit_catalog(request_of())
    assert rooms.called == ["ocr", "fusion"]
    assert "done again, for something that it depends on has changed: read the photos" in capsys.readouterr().err


def test_what_was_refused_is_tried_again_once_it_was_mended(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, capsys: pytest.CaptureFixture
) -> None:
    def refuse() -> None:
        raise ValueError("there is no shelf BOOK")

    rooms.during["ocr"] = refuse
    fit_catalog(request_of())
    fit_catalog(request_of())
    assert "left out, as before: read the photos, and learn from their words: there is no" in capsys.readouterr().err
    rooms.called.clear()
    del rooms.during["ocr"]
    path = room / "recipe.yaml"
    Recipe.load(path).model_copy(update={"ocr": {"shelves": ["BOOKS"]}}).save(path)
    fit_catalog(request_of())
    assert rooms.called == ["ocr", "fusion"]


def test_a_missing_engine_leaves_reading_out_and_says_how_to_have_it(
    rooms: Rooms, request_of: Callable[..., FitRequest], capsys: pytest.CaptureFixture
) -> None:
    def miss() -> None:
        raise EngineMissing("tesseract is not installed: apt-get install tesseract-ocr")

    rooms.during["ocr"] = miss
    fit_catalog(request_of())
    assert rooms.called[-1] == "fusion"
    assert "apt-get install tesseract-ocr" in capsys.readouterr().err


def test_the_decision_counts_on_nothing_that_the_recipe_has_dropped_but_on_what_was_made_by_hand(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of())
    rooms.make("mosaic-photos")
    path = room / "recipe.yaml"
    recipe = Recipe.load(path)
    recipe.model_copy(update={"fit": recipe.fit.model_copy(update={"networks": ("any",), "read": False})}).save(path)
    there: list[set[str]] = []
    rooms.during["fusion"] = lambda: there.append(set(rooms.workspace.latest_folders()))
    fit_catalog(request_of())
    # the decision of before answers until there is another one
    assert there == [{"mosaic:any", "mosaic:photos", "fusion"}]
    assert "not counted on any more, for this recipe does not want it: ocr-" in capsys.readouterr().err
    assert len(list(room.glob("ocr-*"))) == 1


def test_a_changed_catalogue_has_all_of_the_time_and_an_attempt_with_other_options_takes_none_of_it(
    rooms: Rooms, request_of: Callable[..., FitRequest], seen: SimpleNamespace, room: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fit_catalog(request_of(time_s=3600))
    path = room / "fit" / "journal.json"
    journal = json.loads(path.read_text()) | {"seconds": 3500.0}
    path.write_text(json.dumps(journal))
    with pytest.raises(ValueError, match="10 s are too short"):
        fit_catalog(request_of(time_s=10))
    assert json.loads(path.read_text())["seconds"] == 3500
    seen.fingerprint = "other data"
    fit_catalog(request_of(time_s=3600))
    assert seen.time_s[-1] == pytest.approx(3600, abs=20)


def test_a_whole_recipe_says_which_tree_and_is_obeyed_as_it_stands(
    rooms: Rooms, request_of: Callable[..., FitRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree := tmp_path / "tree.csv").write_text("category_id,category_level1\n1,A\n")
    given = tmp_path / "mine.yaml"
    Recipe(fit=FitSection(catalog="another.bson", tree=str(tree), group="article", held_out=0.3)).save(given)
    looked_at: list[object] = []
    look = preparing.look
    monkeypatch.setattr(preparing, "look", lambda *asked: (looked_at.extend(asked[1:4]), look(*asked))[1])
    fit_catalog(request_of(recipe=str(given)))
    assert looked_at == [tree, None, "article"]
    assert Recipe.load(request_of().recipe_path).fit.tree == str(tree)
    with pytest.raises(ValueError, match=r"obeyed as it stands: leave --memory out, and set mosaic\.photos_per_batch"):
        fit_catalog(request_of(recipe=str(given), memory_bytes=10**9))


def test_a_recipe_that_is_none_is_refused_with_the_one_that_may_be_meant(
    rooms: Rooms, request_of: Callable[..., FitRequest]
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match="debg") as error:
        fit_catalog(request_of(recipe="debg"))
    assert "debug" in str(error.value)


def test_a_password_is_nowhere_and_the_stages_have_it(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(preparing, "open_source", lambda *_: None)
    monkeypatch.setenv("MONGODB_PASSWORD", "of another server")
    rooms.during["split"] = lambda: signed.append((os.environ["MONGODB_USERNAME"], os.environ["MONGODB_PASSWORD"]))
    signed: list[tuple[str, str]] = []
    fit_catalog(request_of(catalog="mongodb://ann:s3cr%40et@host/shop.products"))
    assert signed == [("ann", "s3cr@et")]
    assert os.environ["MONGODB_PASSWORD"] == "of another server"
    assert "MONGODB_USERNAME" not in os.environ
    shown = capsys.readouterr()
    written = [path.read_text(errors="ignore") for path in room.rglob("*") if path.is_file()]
    assert "catalog split mongodb://host/shop.products" in shown.out
    for text in (shown.out, shown.err, *written):
        assert "s3cr" not in text


def test_names_that_were_edited_are_another_catalogue(
    rooms: Rooms, request_of: Callable[..., FitRequest], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (names := tmp_path / "names.csv").write_text("a,b\n")
    fit_catalog(request_of(names=names))
    names.write_text("a,c\n")
    rooms.called.clear()
    fit_catalog(request_of(names=names))
    assert len(rooms.called) == 5
    assert "its names have changed: the choices are made anew" in capsys.readouterr().err


def test_a_changed_catalogue_is_said_and_everything_done_again(
    rooms: Rooms, request_of: Callable[..., FitRequest], seen: SimpleNamespace, capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of())
    rooms.called.clear()
    seen.fingerprint = "other data"
    fit_catalog(request_of())
    assert len(rooms.called) == 5
    assert seen.n_measured == 2
    assert "the catalogue, its tree or its names have changed: the choices are made anew" in capsys.readouterr().err


def test_a_catalogue_that_changes_meanwhile_is_no_fault_of_the_stage(
    rooms: Rooms, request_of: Callable[..., FitRequest], seen: SimpleNamespace
) -> None:
    def change() -> None:
        seen.fingerprint = "other data"
        raise ValueError("has changed since it was split")

    rooms.during["ocr"] = change
    with pytest.raises(
        StageFailed, match=r"train\.bson has changed, or is gone, since the fit began: the same command"
    ):
        fit_catalog(request_of())
    del rooms.during["ocr"]
    fit_catalog(request_of())
    assert rooms.called.count("split") == 2


def test_other_options_are_named_and_what_is_the_same_is_kept(
    rooms: Rooms, request_of: Callable[..., FitRequest], capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of())
    rooms.called.clear()
    fit_catalog(request_of(time_s=7200, quality="best"))
    said = capsys.readouterr().err
    assert "--time was not given and is 2h and --quality was balanced and is best: the choices are made anew" in said
    assert rooms.called == []


def test_a_recipe_given_is_obeyed_and_only_its_seconds_are_estimated_anew(
    rooms: Rooms, request_of: Callable[..., FitRequest], tmp_path: Path, seen: SimpleNamespace,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    given = tmp_path / "mine.yaml"
    Recipe(fit=FitSection(catalog="another.bson", networks=("any",), held_out=0.3)).save(given)
    fit_catalog(request_of(recipe=str(given)))
    assert rooms.called == ["split", "mosaic-any", "fusion"]
    assert "what it needs" in capsys.readouterr().err
    fit_catalog(request_of(recipe=str(given)))
    assert seen.n_measured == 1, "what is gone on with was measured again"
    kept = Recipe.load(request_of().recipe_path).fit
    assert (kept.catalog, kept.held_out) == (str(request_of().catalog), 0.3)
    assert kept.choices["mosaic-any"].seconds == 101


def test_each_change_of_the_workspaces_own_recipe_is_estimated(
    rooms: Rooms, request_of: Callable[..., FitRequest], seen: SimpleNamespace, capsys: pytest.CaptureFixture
) -> None:
    fit_catalog(request_of())
    path = request_of().recipe_path
    for number, epochs in enumerate((30, 40), start=2):
        changed = Recipe.load(path)
        changed.model_copy(update={"mosaic": {"training": {"epochs": epochs}}}).save(path)
        fit_catalog(request_of(recipe=str(path)))
        assert seen.n_measured == number
        assert Recipe.load(path).fit.choices["mosaic-any"].seconds == 100 + number
    assert f"{path} has been changed: what it takes is estimated anew" in capsys.readouterr().err
    fit_catalog(request_of(recipe=str(path)))
    assert seen.n_measured == 3


def test_a_recipe_that_cannot_be_measured_is_obeyed_all_the_same(
    rooms: Rooms, request_of: Callable[..., FitRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    def fails(*_: object) -> None:
        raise RuntimeError("an operation that no program knows")

    monkeypatch.setattr(preparing, "measure", fails)
    given = tmp_path / "mine.yaml"
    Recipe(fit=FitSection(catalog="another.bson", networks=("any",), held_out=0.3)).save(given)
    fit_catalog(request_of(recipe=str(given), time_s=30))
    assert rooms.called == ["split", "mosaic-any", "fusion"]
    assert "its own times are shown: an operation that no program knows" in capsys.readouterr().err


def test_a_workspace_of_another_catalogue_is_refused_and_gives_way_when_asked(
    rooms: Rooms, request_of: Callable[..., FitRequest], tmp_path: Path
) -> None:
    fit_catalog(request_of())
    other = tmp_path / "other.bson"
    other.write_bytes(b"\x05\0\0\0\0")
    with pytest.raises(
        ValueError, match=r"is the workspace of .*train\.bson: give another --workspace, or --overwrite"
    ):
        fit_catalog(request_of(catalog=other))
    fit_catalog(request_of(catalog=other, overwrite=True))


def test_a_plan_made_by_hand_is_not_overwritten(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (room / "plan").mkdir(parents=True)
    (room / "plan" / "plan.json").write_text("{}")
    monkeypatch.setattr(Plan, "load", lambda _: SimpleNamespace(catalog="hand.bson", plan_id="1"))
    with pytest.raises(ValueError, match=r"holds a plan of hand\.bson that `rayonnage fit` did not make.*--overwrite"):
        fit_catalog(request_of())
    assert rooms.called == []


def test_trying_it_writes_nothing(
    rooms: Rooms,
    request_of: Callable[..., FitRequest],
    room: Path,
    seen: SimpleNamespace,
    capsys: pytest.CaptureFixture,
) -> None:
    before = sorted(room.parent.iterdir())
    try_fit(request_of(time_s=600))
    assert sorted(room.parent.iterdir()) == before
    assert rooms.called == []
    shown = capsys.readouterr().out
    assert "  learn from the photos (60 s): mosaic-any\n    why: why not\n" in shown
    # what looking and measuring take is not left, as in a fit
    assert seen.time_s[0] < 600
    assert shown.splitlines()[-1] == f"Nothing was written. To start it: {request_of(time_s=600).command}"


def test_warnings_are_told_and_kept_in_the_log(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, capsys: pytest.CaptureFixture
) -> None:
    rooms.during["split"] = lambda: logging.getLogger("catalog").warning("a photo of %s", "a cat")
    handlers = logging.getLogger().handlers[:]
    fit_catalog(request_of())
    assert logging.getLogger().handlers == handlers
    assert "WARNING: a photo of a cat" in capsys.readouterr().err
    assert "WARNING: a photo of a cat" in (room / "fit.log").read_text()


def test_a_time_in_which_nothing_can_be_learnt_is_refused_before_the_machine_is_measured(
    rooms: Rooms, request_of: Callable[..., FitRequest], seen: SimpleNamespace
) -> None:
    with pytest.raises(
        ValueError, match=r"10 s are too short: .* and measuring this machine takes 20 s: give --time 5m or more"
    ):
        fit_catalog(request_of(time_s=10))
    assert seen.n_measured == 0


def test_what_python_warns_of_is_for_the_log_alone(
    rooms: Rooms, request_of: Callable[..., FitRequest], room: Path, capsys: pytest.CaptureFixture
) -> None:
    def warn() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("few samples", UserWarning, stacklevel=1)

    rooms.during["split"] = warn
    fit_catalog(request_of())
    assert "few samples" in (room / "fit.log").read_text()
    assert "few samples" not in capsys.readouterr().err


def test_wrong_input_is_one_sentence_and_makes_no_workspace(tmp_path: Path, room: Path) -> None:
    assert "does not exist" in refused(main, "fit", tmp_path / "none.bson", "--workspace", room)
    assert not room.exists()


@pytest.mark.parametrize(
    "option", [("--time", "10"), ("--memory", "lots"), ("--quality", "better")], ids=lambda option: option[0]
)
def test_wrong_options_are_refused(option: tuple[str, str], tmp_path: Path) -> None:
    assert f"Invalid value for '{option[0]}'" in invoke(main, "fit", tmp_path / "a.bson", *option, code=2).stderr


def test_the_command_that_is_advised_is_the_one_that_was_given(tmp_path: Path) -> None:
    request = FitRequest(
        tmp_path / "my shop.csv", group="article", time_s=5400, quality="best", memory_bytes=4 * 10**9, recipe="demo",
        workspace=tmp_path,
    )  # fmt: skip
    assert request.command == (
        f"rayonnage fit '{tmp_path}/my shop.csv' --group article --time 1h30m --quality best --memory 4GB "
        f"--recipe demo --workspace {tmp_path}"
    )
