"""What no linter holds: files that do not go in circles, and one name for one thing."""

from __future__ import annotations

import ast
import configparser
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).parents[1]
SETTINGS = configparser.ConfigParser()
SETTINGS.read(ROOT / "setup.cfg")
ROOMS = SETTINGS["importlinter"]["root_packages"].split()
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach each other, of the modules that each imports."""
    names = sorted(imports)
    edges = np.array(
        [(names.index(importer), names.index(name)) for importer in names for name in imports[importer]], np.int64
    ).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(len(names), len(names)))
    _, group = connected_components(graph, directed=True, connection="strong")
    members = defaultdict(list)
    for name, number in zip(names, group.tolist(), strict=True):
        members[number].append(name)
    return sorted(circle for circle in members.values() if len(circle) > 1)


def test_circles_are_found():
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"f", "a"}, "f": {"e"}}
    assert circles(imports) == [["b", "c"], ["e", "f"]]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_no_files_import_each_other_in_a_circle():
    """Also not inside functions, nor for the type checker alone: files in a circle are one file in several parts."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    assert len(graph.modules) >= len(FILES)
    assert circles({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}) == []


def test_every_room_is_packaged_and_under_contract():
    top = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(ROOMS) == top
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in FILES}
    assert set(SETTINGS["options"]["packages"].split()) == packages


def test_no_script_is_called_as_a_package():
    """The folder of a script stands first where Python looks: all scripts beside it would find that one instead."""
    scripts = {path.stem for path in (ROOT / "bench").glob("*.py")}
    assert len(scripts) > 20
    assert scripts & set(ROOMS) == set()


def test_every_class_has_a_name_of_its_own():
    places = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 100
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


ARRAYS = re.compile(r"\b(NDArray|ndarray|ArrayLike|Tensor)\b")
SHAPE = re.compile(r"`\([^`]*\)`")


def functions_on_arrays() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions of modules and of public classes that take or return arrays, by their place."""
    for path in FILES:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        classes = [node for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for node in (*body, *(member for outer in classes for member in outer.body)):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                annotations = [argument.annotation for argument in (*node.args.args, *node.args.kwonlyargs)]
                if any(ARRAYS.search(ast.unparse(each)) for each in (*annotations, node.returns) if each):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def test_public_functions_on_arrays_say_their_shapes():
    found = dict(functions_on_arrays())
    assert len(found) > 150
    assert [place for place, node in found.items() if not SHAPE.search(ast.get_docstring(node) or "")] == []
