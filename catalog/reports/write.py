"""A page as one HTML file that fetches nothing, and its numbers as JSON beside it."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from catalog.files.atomic import write_text
from catalog.reports.estimate import Estimate
from catalog.reports.page import Page


def write_page(path: Path, page: Page, numbers: Mapping[str, Any] | None = None, *, indent: int = 2) -> Path:
    """Write the page to `path`, and the numbers to the `.json` of that name beside it; returns `path`.

    Raises:
        ValueError: a number that JSON has not, such as NaN.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if numbers is not None:
        text = json.dumps(numbers, indent=indent, default=plain_number, allow_nan=False)
        write_text(path.with_suffix(".json"), text + "\n")
    write_text(path, html_of(page))
    return path


def html_of(page: Page) -> str:
    """The page as HTML in ASCII: it is read right whatever encoding a mail program or a server takes it for."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    loader = PackageLoader("catalog.reports")
    environment = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"commands": with_commands, "data_uri": data_uri}
    html = environment.get_template("page.html").render(page=page)
    return html.encode("ascii", "xmlcharrefreplace").decode("ascii")


def with_commands(text: str) -> Any:
    """Text as HTML in which what stands between backticks is a command, kept on one line."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        # a backtick of a name
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def data_uri(photo: bytes) -> str:
    """An encoded JPEG, PNG or WebP as a data URI."""
    kind = "png" if photo.startswith(b"\x89PNG") else "webp" if photo[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(photo).decode()}"


def plain_number(value: object) -> object:
    """What `json.dumps` is to make of numpy's numbers and of an `Estimate`."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Estimate):
        return {"value": value.value, "low": value.low, "high": value.high}
    raise TypeError(f"{type(value).__name__} in a report's numbers")
