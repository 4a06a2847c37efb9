"""A shop with an index, and one that searches by another network than its index was made by."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.colour_embedder import colour_embedder
from tests.support.indexed_shop import index_shop, make_planned_shop


@pytest.fixture(scope="module", autouse=True)
def colours() -> Iterator[None]:
    """What workspaces embed photos by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.indexing.embedders.workspace_embedder", lambda workspace: colour_embedder())
        yield


@pytest.fixture(scope="session")
def planned_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a shop without an index."""
    return make_planned_shop(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="session")
def indexed_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a shop with one."""
    workspace = make_planned_shop(tmp_path_factory.mktemp("indexed"))
    index_shop(workspace)
    return workspace


@pytest.fixture
def own_shop(indexed_shop: Path, tmp_path: Path) -> Path:
    """A copy of that shop, to be changed."""
    return Path(shutil.copytree(indexed_shop.parent, tmp_path / "own")) / "runs"
