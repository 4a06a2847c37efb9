"""What the pages are made of is installed with the package, not only there in a checkout."""

from __future__ import annotations

import configparser
from fnmatch import fnmatch
from pathlib import Path

import pytest
from click.testing import CliRunner

from rayonnage.web import command
from rayonnage.web.command import NEEDED

ROOT = Path(__file__).parents[3]


def test_a_missing_package_of_the_page_is_named(monkeypatch: pytest.MonkeyPatch):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extra = {line.partition(">=")[0] for line in setup["options.extras_require"]["web"].split("\n") if line}
    assert set(NEEDED.values()) == extra
    monkeypatch.setattr(command, "find_spec", lambda module: None if module in {"limits", "uvicorn"} else module)
    result = CliRunner().invoke(command.serve, ["runs"])
    assert isinstance(result.exception, ValueError)
    assert "limits, uvicorn are not installed" in str(result.exception)
    assert "-m pip install 'rayonnage[web]'" in str(result.exception)


def test_every_file_of_the_pages_is_package_data():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = [part.strip() for part in setup["options.package_data"]["rayonnage.web"].split(",")]
    web = ROOT / "rayonnage" / "web"
    files = [path.relative_to(web) for path in web.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    data = [path for path in files if path.suffix != ".py"]
    assert len(data) > 5
    # a package's data do not cross a folder
    assert [
        str(path)
        for path in data
        if not any(len(path.parts) == pattern.count("/") + 1 and fnmatch(str(path), pattern) for pattern in patterns)
    ] == []
