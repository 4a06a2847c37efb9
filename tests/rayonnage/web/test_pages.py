"""Every page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rayonnage.web.settings import ServerSettings
from tests.support.served import serving


@pytest.fixture(scope="module")
def served(demo: Path) -> Iterator[str]:
    """The demo's workspace, served."""
    with serving(ServerSettings(demo / "demo" / "runs")) as address:
        yield address


def test_first_page(served: str, page: Page):
    page.goto(served + "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Classify")
