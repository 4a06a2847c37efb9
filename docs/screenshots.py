"""Takes the pictures of `docs/serve.md` from a demo, in Chromium: `python docs/screenshots.py build/demo`.

The demo's folder is copied first: the pictures answer nothing in it.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from rayonnage.web.settings import ServerSettings  # noqa: E402
from tests.support.served import serving  # noqa: E402

DESKTOP, PHONE = (1280, 860), (390, 800)


def keep(page: Page, name: str) -> None:
    """A picture of what is seen, small enough for a repository: colours are few."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(DOCS / f"serve-{name}.webp", quality=80, method=6)


def window(browser: Browser, size: tuple[int, int], scheme: str = "light") -> Page:
    """An empty one, in English."""
    viewport = {"width": size[0], "height": size[1]}
    return browser.new_page(viewport=viewport, color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type]


def take(browser: Browser, address: str) -> None:
    """All pictures."""
    page = window(browser, DESKTOP)
    page.goto(address)
    page.get_by_text("A novel").click()
    page.locator(".badge.accept, .badge.parent, .badge.review").first.wait_for(timeout=60_000)
    keep(page, "classify")
    for name, path in {"review": "review", "grid": "review/grid", "browse": "browse"}.items():
        page.goto(f"{address}/{path}")
        if name == "grid":
            page.wait_for_load_state("networkidle")
            page.keyboard.press("Enter")
        keep(page, name)
    phone = window(browser, PHONE, "dark")
    phone.goto(f"{address}/review")
    keep(phone, "phone")


def main() -> None:
    """From the command line."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None or len(sys.argv) != 2:
        sys.exit(f"{__doc__}\nIt needs a demo's folder and Chromium.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(shutil.copytree(sys.argv[1], Path(folder) / "demo"))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with serving(ServerSettings(copy / "runs")) as address:
            take(browser, address)
        browser.close()


if __name__ == "__main__":
    main()
