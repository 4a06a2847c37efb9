"""The server on a port of its own, and Debian's Chromium before it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rayonnage.web.app import create_app
from rayonnage.web.server import server_config
from rayonnage.web.settings import ServerSettings

PATIENCE_S = 120
"""For a start, an answer, whatever a page is to show: more than ten times what a slow machine takes."""


def get(url: str, **options: Any) -> httpx.Response:
    """`httpx.get`, whose own patience is 5 s."""
    return httpx.get(url, timeout=PATIENCE_S, **options)


def post(url: str, **options: Any) -> httpx.Response:
    """`httpx.post`, likewise."""
    return httpx.post(url, timeout=PATIENCE_S, **options)


@contextmanager
def serving(settings: ServerSettings, *, ready: bool = True) -> Iterator[str]:
    """The server's address, without a slash at its end; `ready`: wait until its model answers."""
    # asyncio sends at once on what says that it is TCP; else each answer waits 40 ms for the client's word
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(server_config(create_app(settings), settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            _wait_for(f"{address}/{'readyz' if ready else 'healthz'}", thread)
            yield address
        finally:
            server.should_exit = True
            thread.join()


def _wait_for(url: str, thread: threading.Thread) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and thread.is_alive():
        try:
            if get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer: {get(url).text if thread.is_alive() else 'the server ended'}")


# not for the session: while Playwright runs, its event loop does, and no other test of the process may start one
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    # Ubuntu's package `chromium` is a snap, which sees no /tmp; where tests run there, Chrome is
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not on this machine and could not be installed (apt-get install chromium)")
    expect.set_options(timeout=1000 * PATIENCE_S)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A new browser window, English, in which a script's error fails the test."""
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    window = context.new_page()
    window.set_default_timeout(1000 * PATIENCE_S)
    window.on("pageerror", lambda error: errors.append(str(error)))
    window.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield window
    context.close()
    assert errors == []


def copied(demo: Path, folder: Path) -> Path:
    """A demo of one's own, whose workspace may be written to; returns its folder."""
    return Path(shutil.copytree(demo, folder / "demo"))
