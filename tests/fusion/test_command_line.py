"""`fusion`: what can be wrong is told before networks are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from tests.support.mongo_server import uri_of
from tests.support.products import make_product

COMMAND = """
import sys
from fusion.cli import main
try:
    main(sys.argv[1:])
finally:
    # importing it alone takes seconds
    print("torch" in sys.modules)
"""


@pytest.fixture
def room(tmp_path: Path, tree_csv: Path) -> Path:
    """A workspace whose fusion run has no network inside."""
    run = Run.create(
        tmp_path / "room", "fusion", "fusion", plan="p", data="d", config={}, tree=Taxonomy.from_csv(tree_csv)
    )
    run.save()
    Workspace(tmp_path / "room").register(run)
    return tmp_path / "room"


def refused(*arguments: object) -> str:
    """What `fusion` says as it refuses, with no network library loaded."""
    done = subprocess.run([sys.executable, "-c", COMMAND, *map(str, arguments)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "False\n"), done
    assert done.stderr.startswith("Error: ")
    return done.stderr


@pytest.mark.slow
def test_what_is_wrong_is_told_before_networks_are_loaded(room, write_bson, tmp_path):
    data, none = write_bson(make_product(1, 11)), tmp_path / "none"
    (tmp_path / "empty").mkdir()
    for command in (("predict", data), ("evaluate", data), ("explain", "1", data)):
        assert "none holds no model yet: run `rayonnage fit CATALOG" in refused(*command, "--workspace", none)
    for command in ("predict", "evaluate"):
        assert f"{none} does not exist" in refused(command, none, "--workspace", room)
    assert "empty" in refused("predict", tmp_path / "empty", "--workspace", room)
    assert "has no product 2" in refused("explain", "2", data, "--workspace", room)


@pytest.mark.slow
def test_a_wrong_destination_is_told_before_networks_are_loaded(room, write_bson, mongo):
    predict = ("predict", write_bson(make_product(1)), "--workspace", room)
    assert "expected mongodb://host/database.collection" in refused(*predict, "--to", "out")
    mongo.insert_one(make_product(2))
    assert "there is no database" in refused(*predict, "--to", uri_of(mongo).replace("/shop", "/nothing"))
    assert "not one of the 1 products" in refused(*predict, "--to", uri_of(mongo))
    assert "--insert-missing is about a collection: name it with --to" in refused(*predict, "--insert-missing")
    assert mongo.count_documents({}) == 1
