"""`search query | similar`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from catalog.cli_options import PATH, lang_option, note, options_as, say, workspace_option
from search.query.request import SearchRequest

if TYPE_CHECKING:
    from search.query.answer import SearchAnswer

F = TypeVar("F", bound=Callable[..., Any])


def search_options(function: F) -> F:
    """What is looked at, and how what was found is told."""
    for option in (
        click.option("-k", "--k", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many."),
        click.option("--category", multiple=True, metavar="PATH",
                     help="Only below this category: a path, a name, a category_id."),
        click.option("--n-images", type=click.IntRange(1, 4), multiple=True, help="Only products with so many photos."),
        click.option("--without", multiple=True, metavar="PRODUCT", help="Not this product."),
        click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write JSON, too; - prints it alone."),
        click.option("--page", type=PATH, metavar="FILE", help="Write an HTML page with photos."),
        click.option("--index", "folder", type=PATH, help="Folder of the index; default: the workspace's, search."),
        lang_option,
        workspace_option,
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@click.argument("photos", type=PATH, nargs=-1, required=True)
@click.option("--title", default="", help="The product's title.")
@click.option("--read", is_flag=True, help="Read the words on the photos, and compare them.")
@search_options
@options_as(SearchRequest)
def query(request: SearchRequest) -> None:
    """Find the products like one that is given by 1-4 PHOTOS: is it in the catalogue already?"""
    from search.query.asking import answer_photos

    _tell(request, answer_photos(request))


@click.command()
@click.argument("product")
@search_options
@options_as(SearchRequest)
def similar(request: SearchRequest) -> None:
    """Find the products like PRODUCT of the index, which is given by its id."""
    from search.query.asking import answer_product

    _tell(request, answer_product(request))


def _tell(request: SearchRequest, answer: SearchAnswer) -> None:
    from catalog.files.atomic import write_text
    from catalog.reports.write import write_page
    from search.query.page import page_of

    for remark in answer.remarks:
        note(remark)
    text = json.dumps(answer.to_json(), indent=2, ensure_ascii=False)
    if request.json_file == Path("-"):
        say(text)
    else:
        say(answer.table())
    if request.json_file not in (None, Path("-")):
        request.json_file.parent.mkdir(parents=True, exist_ok=True)
        write_text(request.json_file, text + "\n")
        say(f"JSON: {request.json_file}")
    if request.page is not None:
        note(f"page: {write_page(request.page, page_of(answer))}")
