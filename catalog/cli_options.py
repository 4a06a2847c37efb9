"""What the four command lines share: plain errors, common options, progress bars, logging."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from catalog.files.full_disk import FULL
from catalog.files.listener import listening
from catalog.files.progress import Progress
from catalog.files.progress_lines import ProgressLines
from catalog.files.terminal import printable
from catalog.sources.address import Address, is_uri

if TYPE_CHECKING:
    from catalog.product import ProblemLog
    from catalog.tree.taxonomy import Taxonomy

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class PlainErrors(click.Group):
    """A command group that answers wrong input with one message and exit status 1, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; ValueError and OSError are for the user, everything else is a bug."""
        # a group may stand in another one: the word is for both, wherever it was said
        ctx.meta["verbose"] = ctx.params.get("verbose") or ctx.meta.get("verbose", False)
        handler = logging.StreamHandler()
        handler.setFormatter(_LogLines())
        logging.basicConfig(handlers=[handler])
        if ctx.meta["verbose"]:
            logging.getLogger().setLevel(logging.DEBUG)
        # MongoDB's driver would repeat whole documents, photos included
        logging.getLogger("pymongo").setLevel(logging.INFO)
        try:
            return super().invoke(ctx)
        except PermissionError as error:
            raise click.ClickException(
                f"no permission to write or read {printable(str(error.filename))}: choose another place "
                "(--workspace, --output) or change the folder's rights"
            ) from error
        except (ValueError, OSError) as error:
            if ctx.meta["verbose"]:
                raise
            raise click.ClickException(printable(_plain(error))) from error


class _LogLines(logging.Formatter):
    """Warnings as sentences; modules are named to those who asked for every step."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")
        self._with_module = logging.Formatter("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        verbose = logging.getLogger().isEnabledFor(logging.DEBUG)
        return printable(self._with_module.format(record) if verbose else super().format(record))


def _plain(error: ValueError | OSError) -> str:
    """Our own errors say all; of the system's, what and where, and that another place may do."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        what = os.strerror(error.errno)
        if error.errno in FULL:
            return f"{error.filename}: {what}: make room there, or choose another place (--output, --workspace)"
        return f"{error.filename}: {what}. If that is to be written, choose another place (--output, --workspace)"
    return str(error)


class _SourceType(click.ParamType[Address]):
    """A source of products: a path, or a MongoDB URI, which is no path."""

    name = "source"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """A URI stays text; an empty name, as of a shell's variable that is not set, would be the current folder."""
        if value == "":
            self.fail("the name of the catalogue is empty", param, ctx)
        return value if isinstance(value, Path) or is_uri(value) else Path(value)


PATH = click.Path(path_type=Path)
SOURCE = _SourceType()
"""What a command takes as a catalogue."""


KINDS = (
    "A catalogue is a BSON file, a folder of photos (class/.../product/1.jpg), a CSV or Parquet table of photo paths, "
    "or a MongoDB collection (mongodb://HOST/DATABASE.COLLECTION)."
)
"""What every command line says of catalogues."""


TREE_HELP = (
    "CSV of the category tree: category_id and category_level1,category_level2,... or category_path or parent_id,name; "
    "or Google's list of product categories."
)


def options_as(kind: Callable[..., T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Give a command its parameters as one dataclass of them: a dozen options are one typed value on their way down."""

    def decorate(command: Callable[[T], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**options: Any) -> None:
            command(kind(**options))

        return called

    return decorate


tree_option = click.option("--tree", type=PATH, help=TREE_HELP)
names_option = click.option(
    "--names",
    type=PATH,
    help="CSV of category names in other languages: category_id,lang,name, perhaps level (1, 2, ...).",
)
lang_option = click.option(
    "--lang", metavar="LANGUAGE", help="Show category names in this language (en, fr); default: as the tree has them."
)
verbose_option = click.option("--verbose", is_flag=True, help="Log every step and show tracebacks.")
strict_option = click.option("--strict", is_flag=True, help="Fail when any product has a problem.")
workspace_option = click.option(
    "--workspace", type=PATH, default=Path("runs"), show_default=True, help="Folder that keeps the plan and the runs."
)


def command_line(cls: type[PlainErrors] = PlainErrors) -> Callable[[Callable[[bool], None]], PlainErrors]:
    """The group of a command line, of a function of `verbose`: `-h`, `--version`, and what catalogues can be."""
    group = click.group(cls=cls, context_settings={"help_option_names": ["-h", "--help"]}, epilog=KINDS)
    version = click.version_option(package_name="rayonnage")
    return lambda function: group(version(verbose_option(function)))


def source_options(*catalogues: str) -> Callable[[F], F]:
    """`--layout` and `--text-columns`: kept beside the catalogues of these parameters before the command runs."""

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def called(layout: str | None, text_columns: str | None, **options: Any) -> None:
            given = [options[name] for name in catalogues]
            if layout is not None:
                _keep_layout(layout, given)
            if text_columns is not None:
                _keep_text_columns(text_columns, given)
            command(**options)

        layout_option = click.option(
            "--layout",
            type=click.Choice(["product", "photo"]),
            help="Of a folder of photos: product: class/product/1.jpg; photo: class/photo.jpg, each photo a product. "
            "Kept beside the folder for later commands.",
        )
        text_option = click.option(
            "--text-columns",
            metavar="TITLE[,DESCRIPTION]",
            help="Of a table: its columns of titles and, perhaps, of descriptions, where they are not called so. Kept "
            "beside the table for later commands.",
        )
        return cast(F, layout_option(text_option(called)))

    return decorate


def _keep_layout(layout: str, given: Sequence[Any]) -> None:
    from catalog.sources.folder.layout import Layout
    from catalog.sources.opening import keep_layout

    addresses = _addresses(given)
    folders = [address for address in addresses if isinstance(address, Path) and address.is_dir()]
    for address in folders or addresses:
        keep_layout(address, Layout(layout))


def _keep_text_columns(written: str, given: Sequence[Any]) -> None:
    from catalog.sources.opening import is_table, keep_text_columns

    addresses = _addresses(given)
    for address in list(filter(is_table, addresses)) or addresses:
        keep_text_columns(address, list(filter(None, map(str.strip, written.split(",")))))


def _addresses(given: Sequence[Any]) -> list[Address]:
    return [address for some in given for address in (some if isinstance(some, tuple) else (some,)) if address]


def tree_options(function: F) -> F:
    """`--tree`, `--names` and `--lang`: what `given_tree` takes."""
    return tree_option(names_option(lang_option(function)))


def tree_given(tree: Path | None) -> str:
    """What names the tree in the next command: ` --tree TREE.csv`, nothing without one."""
    return "" if tree is None else f" --tree {tree}"


def given_tree(tree: Path | None, names: Path | None = None, lang: str | None = None) -> Taxonomy | None:
    """What `--tree`, `--names` and `--lang` ask for together; ValueError: the last two without the first."""
    from catalog.tree.taxonomy import Taxonomy

    if tree is None and (names is not None or lang is not None):
        raise ValueError("--names and --lang are about a category tree: give it with --tree")
    if tree is None:
        return None
    taxonomy = Taxonomy.from_csv(tree, names)
    if names is not None and lang is None:
        note(names_line(taxonomy))
    return taxonomy.in_language(lang)


def names_line(tree: Taxonomy) -> str:
    """In which languages names were given: they change nothing until one is asked for."""
    return f"names in {', '.join(tree.names.languages) or 'no language'}: --lang shows them"


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar with time left on stderr, or lines where that is a file or a pipe; yields `report(done, total)`.

    Where somebody listens (`catalog.files.listener`), that one shows it.
    """
    if (listener := listening()) is not None:
        with listener.bar(title) as progress:
            yield progress
        return
    from rich import progress as rich
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        lines = ProgressLines(title, note)
        yield lines
        lines.finish()
        return
    columns = (
        rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
    )  # fmt: skip
    with rich.Progress(*columns, console=console) as bars:
        task = bars.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report


@contextmanager
def no_bar(title: str) -> Iterator[Progress]:
    """Stands in for `progress_bar` where another process shows it."""
    yield lambda done, total: None


def say(message: str = "") -> None:
    """Print a result."""
    if (listener := listening()) is not None:
        listener.say(message)
        return
    click.echo(printable(message))


def note(message: str) -> None:
    """Tell what is going on, on stderr: results stay alone on stdout."""
    if (listener := listening()) is not None:
        listener.note(message)
        return
    click.echo(printable(message), err=True)


def note_problems(problems: ProblemLog) -> None:
    """Tell on stderr what was wrong with products, where anything was."""
    if len(problems):
        note(problems.summary())


@contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C loses nothing that was committed: say so."""
    try:
        yield
    except KeyboardInterrupt:
        note("stopped; the same command continues where this one was")
        raise
