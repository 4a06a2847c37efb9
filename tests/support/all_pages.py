"""The pages that people see, as the server's routes have them, and what is said on them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
from fastapi.routing import APIRoute

from rayonnage.web.app import ROUTERS
from tests.support.served import PATIENCE_S


def plain_paths() -> list[str]:
    """Paths of pages, files and parts of pages that can be asked for as they are, without the leading slash."""
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    paths = [route.path[1:] for route in routes if "GET" in route.methods and not route.include_in_schema]
    return sorted(path for path in paths if "{" not in path)


def reachable(address: str, most: int = 40) -> list[str]:
    """Paths of whole pages: those of the routes, and one of each kind that these link to, as a product's."""
    with httpx.Client(base_url=f"{address}/", follow_redirects=True, timeout=PATIENCE_S) as client:
        found: dict[str, str] = {}
        waiting = [*plain_paths()]
        while waiting and len(found) < most:
            path = waiting.pop(0)
            if _kind(path) in found:
                continue
            answer = client.get(path)
            if not answer.headers.get("content-type", "").startswith("text/html") or "<body" not in answer.text:
                continue
            assert answer.status_code < 500, (path, answer.text)
            found[_kind(path)] = path
            waiting += [link for link in _links(answer) if _kind(link) not in found]
    return list(found.values())


def _kind(path: str) -> str:
    """Pages of one kind differ in ids, numbers and queries alone."""
    bare = path.partition("?")[0]
    return re.sub(r"[^/]*\d[^/]*", "0", bare) or "first"


def _links(answer: httpx.Response) -> Iterator[str]:
    root = str(answer.request.url.copy_with(path="/", query=None))
    for link in re.findall(r'<a\b[^>]*\bhref="([^"#]+)', answer.text):
        url = str(answer.url.join(link.replace("&amp;", "&")))
        if url.startswith(root):
            yield url.removeprefix(root)
