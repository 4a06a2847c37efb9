"""The manual's command blocks, run as a new user would: on a small demo catalogue, with the debug configuration."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import click
import pytest

from catalog.catalog import Catalog
from catalog.files.answer_sheet import ANSWER, PRODUCT
from catalog.files.sheet_ids import id_of_cell
from catalog.runs.config import load_config
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig
from rayonnage.fitting.measuring import measure
from tests.support.manual import (
    NOT_RUN,
    PAGES,
    PROGRAMS,
    README,
    ROOT,
    TRAINED,
    TRAINING,
    blocks,
    code_spans,
    command_lines,
    is_run,
    quick,
    run_line,
    shell_words,
    without_comment,
)
from tests.support.spreadsheet import text_id, write_spreadsheet

CONFIGS = {"mosaic": MosaicConfig, "ocr": OcrConfig, "fusion": FusionConfig}
MONGODB = "mongodb://localhost/"
WEB = "http://127.0.0.1:8000"


def answer(sheet: Path) -> None:
    """What a person does between two commands: every suggestion of review.csv is right, of suspects.csv the first."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return
    for number, row in enumerate(rows):
        row[ANSWER] = "suggested" if "label" in row and number == 0 else "ok"
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="session")
def manual(once: Callable[..., Path], demo: Path) -> Path:
    """A folder with all that the manual names (catalogues, photos, `runs`, `model`), in which the README has been run.

    `printed.txt` is what that has printed.
    """

    def make(folder: Path) -> None:
        shutil.copytree(demo / "demo" / "catalogue", folder, dirs_exist_ok=True)
        shutil.copytree(demo / "demo" / "runs", folder / "runs")
        shutil.copy(folder / "train.bson", folder / "labelled.bson")
        tree = Taxonomy.from_csv(folder / "category_names.csv")
        write_spreadsheet(Catalog(folder / "train.bson"), folder / "shop.csv", tree)
        write_spreadsheet(Catalog(folder / "test.bson"), folder / "new.csv", None)
        for name, photo in zip(("front.jpg", "back.jpg"), Catalog(folder / "test.bson")[0].images * 2, strict=False):
            (folder / name).write_bytes(photo)
        with chdir(folder):
            (folder / "printed.txt").write_text(run_page(README, done=TRAINING), encoding="utf-8")

    return once("manual", make)


@pytest.fixture
def here(manual: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder, to work in."""
    folder = tmp_path / "here"
    shutil.copytree(manual, folder)
    with chdir(folder):
        yield folder


def run_page(page: Path, server: str = MONGODB, done: Collection[str] = (), web: str = WEB) -> str:
    """Run a page's blocks from the top down but for lines that were `done`; returns what they printed."""
    with pytest.MonkeyPatch.context() as patch:
        # how true it is what a fit promises is not asked for here
        patch.setattr(measure, "SECONDS", 2.0)
        return "".join(_run_blocks(page, server, done, web))


def _run_blocks(page: Path, server: str, done: Collection[str], web: str) -> list[str]:
    printed = []
    for block in blocks(page):
        if block.language == "python":
            printed.append(run_python(block.code.replace(WEB, web)))
        for line in filter(is_run, command_lines(block) if block.language == "bash" else ()):
            line = quick(line).replace(MONGODB, server).replace(WEB, web)
            for sheet in re.findall(r"\S+\.csv", line) if re.search("review apply|--apply", line) else ():
                answer(Path(sheet))
            if line not in done:
                printed.append(run_line(line))
    return printed


def run_python(code: str) -> str:
    """Run a block as a script of its own would be."""
    with redirect_stdout(StringIO()) as printed:
        exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    return printed.getvalue()


@pytest.fixture
def server(mongo_port: int) -> Iterator[str]:
    """What stands for `mongodb://localhost/`."""
    from pymongo import MongoClient

    yield f"mongodb://127.0.0.1:{mongo_port}/"
    with MongoClient("127.0.0.1", mongo_port) as client:
        client.drop_database("shop")


def has_commands(page: Path) -> bool:
    """Whether anything on a page is run."""
    return any(
        block.language == "python" or (block.language == "bash" and any(map(is_run, command_lines(block))))
        for block in blocks(page)
    )


CHECKED = {"README.md", "any-shop.md", "curation.md", "decisions-and-review.md", "serve.md"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if has_commands(page) and page.name not in CHECKED], ids=lambda page: page.stem
)
def test_every_block_runs(page, here, server):
    run_page(page, server, TRAINED)


@pytest.mark.slow
def test_the_readme_from_training_to_python(manual):
    with (manual / "predictions" / "submission.csv").open() as file:
        rows = list(csv.reader(file))
    assert [int(row[0]) for row in rows[1:]] == Catalog(manual / "test.bson").product_ids.tolist()
    assert (manual / "report" / "fusion.html").is_file()
    assert (manual / "report" / "fusion.json").is_file()
    assert re.search(r"^\('", (manual / "printed.txt").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.slow
def test_any_shop(here):
    printed = run_page(ROOT / "docs" / "any-shop.md")
    products = Catalog(here / "new.csv")
    ids = [text_id(number) for number in range(len(products))]
    assert products.shop_ids() == ids
    with (here / "answers" / "submission.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == ids
    with (here / "answers" / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        asked = [id_of_cell(row[PRODUCT]) for row in csv.DictReader(file)]
    assert asked
    assert set(asked) <= set(ids)
    assert re.search(r"^titles +240|^  titles +\d+", printed, re.MULTILINE)
    assert "title" in Workspace(here / "shop").require("fusion").metrics
    assert re.search(r"^MH01-gray \('", printed, re.MULTILINE)


@pytest.mark.slow
def test_curation(here):
    run_page(ROOT / "docs" / "curation.md", done=TRAINED)
    for page in ("explored/explore.html", "copies/duplicates.html", "near/duplicates.html", "audited/audit.html"):
        assert (here / page).is_file()
    assert 95 <= len(Catalog(here / "small.bson")) <= 105
    assert len(Catalog(here / "corrected.bson")) == 240


@pytest.mark.slow
def test_decisions_and_review(here):
    printed = run_page(ROOT / "docs" / "decisions-and-review.md", done=TRAINED)
    assert "30 answers, 30 confirmed" in printed
    assert len(Catalog(here / "next.bson")) == 240 + 30


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_serve(here):
    from rayonnage.web.settings import ServerSettings
    from tests.support.served import serving

    with serving(ServerSettings(here / "runs")) as address:
        printed = run_page(ROOT / "docs" / "serve.md", web=address)
    assert (here / "tokens.tsv").read_text(encoding="utf-8") == ""
    assert printed.count('"answers":[{') == 1
    assert re.search(r"(accept|parent|review) .* > .* 0\.\d+$", printed, re.MULTILINE)


def test_every_exception_is_needed():
    lines = [without_comment(line) for page in PAGES for block in blocks(page) if block.language == "bash"
             for line in command_lines(block)]  # fmt: skip
    for pattern in NOT_RUN:
        assert any(re.fullmatch(pattern, line) for line in lines), pattern


NAMED = re.compile(rf"(?:{'|'.join(PROGRAMS)}) (?:--verbose )?[a-z].*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_option_that_is_named_exists(page):
    options = {option for program in PROGRAMS.values() for option in options_of(program)}
    for span in code_spans(page):
        if NAMED.fullmatch(span):
            check(span)
        for option in re.findall(r"(?:^|[ (])(--[a-z][a-z-]*)", span):
            if not span.startswith(("torchrun", "python", "pip", "docker")):
                assert option in options, span


def test_every_command_stands_in_the_manual():
    named = " | ".join(span for page in PAGES for span in code_spans(page))
    for name, program in PROGRAMS.items():
        for command in commands_of(program, name):
            # the groups of `rayonnage` are programs of their own
            assert command.split()[1] in PROGRAMS or command in named, command


def check(line: str) -> None:
    """A command that is named, with values or placeholders, is one that its program would take."""
    name, *arguments = shell_words(line)
    command: click.Command = PROGRAMS[name]
    context = None
    while True:
        # a command that is only named has no arguments to be checked
        context = command.make_context(name, list(arguments), parent=context, resilient_parsing=not arguments)
        if not isinstance(command, click.Group) or not arguments:
            break
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, line
    for key in context.params.get("overrides") or ():
        room = line.removeprefix("rayonnage ").split()[0]
        load_config(CONFIGS[room], room, context.params["config"], [key])


def options_of(command: click.Command) -> set[str]:
    """Every option of a command and of those below it."""
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
    return options.union(*(options_of(below) for below in subcommands(command).values()))


def commands_of(command: click.Command, name: str) -> list[str]:
    """The commands that can be given below one, each with the words that lead to it."""
    below = subcommands(command)
    return [path for word in below for path in commands_of(below[word], f"{name} {word}")] or [name]


def subcommands(command: click.Command) -> dict[str, click.Command]:
    """A group's commands by name."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    return {name: command.get_command(context, name) for name in command.list_commands(context)}
