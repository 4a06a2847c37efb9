"""Small real files for every test: BSON, trees, photos."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import bson
import pytest
from hypothesis import settings

from catalog.catalog import Catalog
from tests.support.products import LEAVES, TREE, make_product

# how long an example takes says what else the machine does, not whether the code is right
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

pytest_plugins = ["tests.support.mongo_server", "tests.support.served", "tests.support.trained"]
SHARED = Path(__file__).parents[2] / "shared" / "data"
SLOW_TO_MAKE = {"chromium", "demo", "locked_port", "mongo_port", "trained"}
"""Fixtures that take seconds: a trained workspace, a server."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Whatever needs one of them is slow."""
    for item in items:
        if not SLOW_TO_MAKE.isdisjoint(item.fixturenames):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sidecars of read-only folders go to a temporary cache, never to the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    """What a command line with --verbose leaves behind: everything is logged, by libraries too."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


@pytest.fixture
def shared_data() -> Path:
    """Real data, where the machine has it."""
    if not SHARED.is_dir():
        pytest.skip("the real data (../shared/data) are not on this machine")
    return SHARED


@pytest.fixture
def tree_csv(tmp_path: Path) -> Path:
    """A tree of eight leaves; MUSIQUE has two leaves of one name."""
    path = tmp_path / "tree.csv"
    path.write_text(TREE, encoding="utf-8")
    return path


@pytest.fixture
def write_bson(tmp_path: Path) -> Callable[..., Path]:
    """Write documents (or raw bytes between them) to a BSON file."""

    def write(*pieces: dict | bytes, name: str = "products.bson") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(p if isinstance(p, bytes) else bson.encode(p) for p in pieces))
        return path

    return write


@pytest.fixture
def tiny_catalog(write_bson: Callable[..., Path]) -> Catalog:
    """60 labelled products on eight leaves, 1-4 photos each, no photo twice."""
    return Catalog(write_bson(*[make_product(i, LEAVES[i % 8][0], 1 + i // 8 % 4) for i in range(60)]))
