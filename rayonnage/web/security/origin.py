"""Whether a request that changes something comes from a page of this server."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def is_foreign(method: str, headers: Headers) -> bool:
    """Whether a page of another origin makes this browser ask (CSRF).

    Browsers say so themselves in `Sec-Fetch-Site`, on https and on this machine; elsewhere `Origin` is compared with
    `Host`, which a proxy has to pass on then. A request with neither comes from no browser: it carries no cookie that
    it was not given.
    """
    if method in SAFE:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        # `none` is the address bar; another port of the same machine is `same-site`, and foreign
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and _host_of(origin) != headers.get("host", "").casefold()


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:
        # `http://[`: no browser says so
        return None
