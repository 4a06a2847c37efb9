"""The four command lines: quick help, plain errors, no traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from curation.cli import main as catalog
from mosaic.cli import main as mosaic
from tests.support.command_line import HEAVY
from tests.support.products import make_product


@pytest.mark.parametrize("name", ["curation", "mosaic", "ocr", "fusion"])
def test_help_imports_nothing_heavy(name):
    program = (
        f"import sys; from {name}.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('|' + ' '.join(m.split('.')[0] for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("|")[2].split())
    assert "click" in loaded
    assert not loaded & HEAVY


def fails(main, *arguments) -> str:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.output


def test_bad_input_gets_one_plain_message(tmp_path, tree_csv, write_bson):
    assert "does not exist" in fails(catalog, "info", tmp_path / "none.bson")
    assert "is empty" in fails(catalog, "info", write_bson(b""))
    assert "'split'" in fails(catalog, "splt")
    assert "--n-images" in fails(mosaic, "train", "--n-image", "2")
    room = ("--workspace", tmp_path / "runs")
    assert "catalog split" in fails(mosaic, "train", *room)
    assert "did you mean 'training'" in fails(mosaic, "train", "--set", "trainig.epochs=1", *room)
    products = write_bson(*[make_product(i) for i in range(30)])
    assert "have a photo and a category" in fails(catalog, "split", products, "--tree", tree_csv, *room)
    assert "--tree" in fails(catalog, "split", products, "--tree", tmp_path / "no.csv", *room)


def test_no_permission_to_write_is_said_plainly(tmp_path, tree_csv, write_bson):
    products = write_bson(*[make_product(i, 11) for i in range(30)])
    (tmp_path / "file").write_text("")
    said = fails(catalog, "split", products, "--tree", tree_csv, "--workspace", tmp_path / "file" / "runs")
    assert str(tmp_path / "file") in said
    # a folder of the kernel that nobody, not even root, can write to
    said = fails(catalog, "split", products, "--tree", tree_csv, "--workspace", "/proc/self/fdinfo/runs")
    assert "/proc/self/fdinfo" in said


def test_strict_fails_on_any_problem(write_bson, tree_csv, tmp_path):
    products = write_bson(*[make_product(i, 11) for i in range(30)], {"_id": 99, "imgs": []})
    result = CliRunner().invoke(catalog, ["info", str(products), "--tree", str(tree_csv)])
    assert result.exit_code == 0
    assert "product 99" in result.output
    assert "--strict" in fails(catalog, "info", products, "--tree", tree_csv, "--strict")
    room = ("--workspace", tmp_path / "runs")
    assert "--strict" in fails(catalog, "split", products, "--tree", tree_csv, "--strict", *room)
    assert not (tmp_path / "runs").exists()
