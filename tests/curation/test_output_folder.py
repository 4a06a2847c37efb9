"""Where results can be written is known before the work, and nothing is made for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from curation.output_folder import check_output


def test_a_folder_that_can_be_made_or_written_passes_and_is_not_made(tmp_path):
    check_output(tmp_path, ["page.html"])
    check_output(tmp_path / "new" / "deeper", ["page.html"])
    assert not list(tmp_path.iterdir())


def test_a_relative_folder_passes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_output(Path("new/deeper"), ["page.html"])
    assert not list(tmp_path.iterdir())


def test_what_cannot_become_the_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"(file|nowhere) is no folder.*--output"):
            check_output(folder, ["page.html"])
    (tmp_path / "page.html").mkdir()
    with pytest.raises(ValueError, match=r"page\.html is a folder"):
        check_output(tmp_path, ["page.html"])


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    # root may write everywhere, so that rights alone would prove nothing
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(PermissionError) as error:
        check_output(tmp_path / "new", ["page.html"])
    assert error.value.filename == str(tmp_path)
