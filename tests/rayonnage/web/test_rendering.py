"""Links to the root, from wherever a page is."""

from __future__ import annotations

import pytest
from fastapi import Request

from rayonnage.web.showing.rendering import back_of, root_of


def asked(path: str, raw: bytes | None, query: bytes = b"") -> Request:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": []}
    return Request({**scope, **({} if raw is None else {"raw_path": raw})})


@pytest.mark.parametrize(
    ("path", "raw", "root"),
    [
        ("/", b"/", "./"),
        ("/review", b"/review", "./"),
        ("/browse/products/12", b"/browse/products/12", "../../"),
        ("/browse/products/a/b", b"/browse/products/a%2Fb", "../../"),
        ("/browse/products/12", None, "../../"),
    ],
)
def test_the_root_is_as_far_up_as_the_browser_thinks(path, raw, root):
    assert root_of(asked(path, raw)) == root


def test_the_way_back_is_what_was_asked_for():
    request = asked("/browse/products/a/b?", b"/browse/products/a%2Fb%3F", b"predictions=new")
    assert back_of(request) == "browse/products/a%2Fb%3F?predictions=new"
    assert back_of(asked("/", b"/")) == ""
