"""The budgets of the pages of `rayonnage serve`, measured in Chromium: weight, first paint, steadiness, and waiting.

    python bench/pages.py build/demo [--cdiscount FOLDER] [--answers 100]

The demo's folder is copied and served by a process of its own; answers are given in the copy. Each page is opened in a
browser that has stored nothing: bytes that crossed the network (headers included, photos apart), first contentful
paint, largest contentful paint, cumulative layout shift. In Review, `Enter` is pressed as soon as a product is there:
from the key to the next product painted, photos included. Type-ahead: beginnings of names of Cdiscount's tree
(`category_names.csv` of FOLDER, 5270 leaves), a tenth of them with a wrong letter, as they are typed: the search alone,
by HTTP, and in the page from the letter to the painted list, its pause for the next letter included.
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE))

from catalog.catalog import Catalog  # noqa: E402
from catalog.tree.category_search import CategorySearch  # noqa: E402
from catalog.tree.taxonomy import Taxonomy  # noqa: E402
from rayonnage.web.settings import ServerSettings  # noqa: E402
from rayonnage.web.showing.rendering import NAVIGATION  # noqa: E402
from tests.support.predictions import predicted  # noqa: E402
from tests.support.served import serving  # noqa: E402
from tests.support.small_shop import make_shop  # noqa: E402

SHIFTS = """window.shift = 0; window.largest = 0;
new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shift += one.value; })
    .observe({ type: "layout-shift", buffered: true });
new PerformanceObserver(list => { for (const one of list.getEntries()) largest = one.startTime; })
    .observe({ type: "largest-contentful-paint", buffered: true });"""
AFTER = """number => new Promise(painted => {
    const look = left => performance.getEntriesByName("review.next").length > number || left < 0
        ? painted() : setTimeout(look, 2, left - 1);
    look(1500);
})"""
"""Ends after some seconds where nothing came: where the next product was not there yet, the page measures nothing."""
MEASURED = "name => performance.getEntriesByName(name).map(one => one.duration)"


@contextmanager
def served(workspace: Path) -> Iterator[str]:
    """The command, as a process of its own, once its model answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rayonnage", "serve", str(workspace), "--port", str(port)]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/readyz", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    sys.exit("the server does not start")


def opened(browser: Browser, url: str, **context: object) -> dict[str, float]:
    """One page in a browser that has stored nothing: kB by kind, milliseconds, shift."""
    fresh = browser.new_context(**context)
    fresh.add_init_script(SHIFTS)
    page = fresh.new_page()
    network = fresh.new_cdp_session(page)
    kinds: dict[str, str] = {}
    sizes: dict[str, float] = {}
    network.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    network.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    network.send("Network.enable")
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200, url
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    photos = sum(size for request, size in sizes.items() if kinds.get(request) == "Image") / 1000
    paint = page.evaluate('performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN')
    row = {
        "without photos": sum(sizes.values()) / 1000 - photos, "photos": photos, "first paint": paint,
        "largest": page.evaluate("largest"), "shift": page.evaluate("shift"),
    }  # fmt: skip
    fresh.close()
    return row


def quantiles(times: list[float]) -> str:
    """Median, 95th percentile and the longest of milliseconds."""
    middle, late = np.quantile(times, (0.5, 0.95))
    return f"p50 {middle:6.1f}  p95 {late:6.1f}  max {max(times):6.1f} ms (n = {len(times)})"


def pages(browser: Browser, address: str) -> None:
    """Print weight and paint of each page, on a desktop and on a phone."""
    print("kB that crossed the network, milliseconds to first and largest paint, layout shift\n")
    print(f"{'':<20}{'without photos':>15}{'photos':>9}{'first':>8}{'largest':>9}{'shift':>8}")
    for name, size in {"": (1280, 800), " (phone)": (390, 844)}.items():
        for path in NAVIGATION.values():
            row = opened(browser, f"{address}/{path}", viewport={"width": size[0], "height": size[1]})
            shown = (path or "classify") + name
            print(
                f"{shown:<20}{row['without photos']:>15.1f}{row['photos']:>9.1f}{row['first paint']:>8.0f}"
                f"{row['largest']:>9.0f}{row['shift']:>8.3f}"
            )


def reviewed(page: Page, address: str, answers: int) -> list[float]:
    """Milliseconds from `Enter` to the next product painted."""
    page.goto(f"{address}/review")
    page.locator("#product").wait_for()
    times: list[float] = []
    for _ in range(answers):
        page.keyboard.press("Enter")
        page.evaluate(AFTER, len(times))
        times = page.evaluate(MEASURED, "review.next")
    return times


def typed(tree: Taxonomy, n_names: int = 60) -> list[str]:
    """Names of leaves as people type them: up to twelve letters, every tenth with a wrong one."""
    draw = random.Random(0)
    names = [path[-1].lower()[:12] for path in draw.sample(tree.paths, n_names)]
    for place in range(0, n_names, 10):
        cut = len(names[place]) // 2
        names[place] = names[place][:cut] + "x" + names[place][cut + 1 :]
    return names


def type_ahead(page: Page, cdiscount: Path, folder: Path) -> None:
    """Print how long the search takes: alone, by HTTP, and in the page."""
    tree = Taxonomy.from_csv(cdiscount / "category_names.csv")
    search, names = CategorySearch(tree), typed(tree)
    beginnings = [name[:length] for name in names for length in range(1, len(name) + 1)]
    alone = []
    for text in beginnings:
        start = time.perf_counter()
        search.find(text, 12)
        alone.append(1000 * (time.perf_counter() - start))
    print(f"\ntype-ahead over {len(tree)} leaves\n\n  the search alone   {quantiles(alone)}")
    photos = {product.product_id: list(product.images) for product in Catalog(cdiscount / "train_example.bson")}
    folder.mkdir()
    category = tree.shop_ids[0]
    rows = [predicted(one) | _row(tree, category) for one in photos]
    workspace = make_shop(folder, rows, photos, tree)
    with serving(ServerSettings(workspace), ready=False) as address, httpx.Client(base_url=address) as client:
        client.get("/v1/tree/search", params={"q": "a"})
        by_http = []
        for text in beginnings:
            start = time.perf_counter()
            client.get("/v1/tree/search", params={"q": text, "limit": 12}).raise_for_status()
            by_http.append(1000 * (time.perf_counter() - start))
        print(f"  by HTTP            {quantiles(by_http)}")
        page.goto(f"{address}/review")
        page.locator("#product").wait_for()
        page.keyboard.press("/")
        for name in names:
            page.keyboard.type(name, delay=120)
            page.keyboard.press("ControlOrMeta+a")
        print(f"  in the page        {quantiles(page.evaluate(MEASURED, 'review.search'))}")


def _row(tree: Taxonomy, category: int | str) -> dict[str, object]:
    names = tree.paths[0]
    return {
        "category_id": category, "cat1": names[0], "cat2": names[1], "cat3": names[2],
        "top_category_ids": [category, tree.shop_ids[1]],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--cdiscount", type=Path, help="folder of category_names.csv and train_example.bson")
    parser.add_argument("--answers", type=int, default=100)
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        copy = Path(shutil.copytree(options.demo, Path(folder) / "demo"))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        with served(copy) as address:
            pages(browser, address)
            times = reviewed(page, address, options.answers)
            print(f"\nReview, {options.answers} times from Enter to the next product painted\n\n  {quantiles(times)}")
        if options.cdiscount:
            type_ahead(page, options.cdiscount, Path(folder) / "shop")
        browser.close()


if __name__ == "__main__":
    main()
