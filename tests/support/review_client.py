"""A workspace with hand-made predictions, and a client of its API, without a model."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from catalog.runs.run import Run
from rayonnage.web.app import create_app
from rayonnage.web.settings import ServerSettings
from tests.support.predictions import TREE, predicted, write_predictions


def workspace_of(folder: Path, rows: list[dict] | None = None) -> Path:
    """Ten products that wait (0-9), of which 3 and 4 show the same photos, and ten accepted ones (10-19)."""
    run = Run.create(folder / "runs", "fusion", "made", plan="p", data="d", config={}, tree=TREE)
    run.save()
    run.folder.rename(folder / "runs" / "fusion-1")
    if rows is None:
        rows = [predicted(i, 1000, "review", 2 - i / 10) for i in range(10)]
        rows[4]["photos_md5"] = rows[3]["photos_md5"]
        rows += [predicted(i, 1001, "accept", 0.1) for i in range(10, 20)]
    write_predictions(folder / "predictions", rows)
    return folder / "runs"


def client_of(workspace: Path) -> TestClient:
    """A browser of its own, without a server's start: no model is loaded."""
    return TestClient(create_app(ServerSettings(workspace)), base_url="http://127.0.0.1:8000")
