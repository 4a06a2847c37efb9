"""The model that answers: loaded while the first page is already shown, put in another's place while it serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.model import Model
from fusion.prediction.answers import Answer
from rayonnage.web.settings import ServerSettings

WAIT_FOR_MODEL_S = 5


class NotReady(Exception):
    """No model can answer now; the message says why and what to do."""


class ServingState(StrEnum):
    """How far the model is."""

    LOADING = "loading"
    READY = "ready"
    MISSING = "missing"


@dataclass(frozen=True)
class AskedProduct:
    """One product as a client gives it: its encoded photos in the seller's order, and what is written of it."""

    photos: tuple[bytes, ...]
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A model with its run's folder; since: seconds since 1970."""

    model: Model
    folder: Path
    since: float


class ServedModel:
    """What answers clients' products. Made in the event loop's thread; `start` loads the model in another one."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.state, self.why_missing = ServingState.LOADING, ""
        self.loaded: LoadedModel | None = None
        self.previous: LoadedModel | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="model")

    def start(self) -> None:
        """Begin to load the settings' run, or the workspace's latest."""
        self._threads.submit(self._load, self.settings.run)

    def _load(self, folder: Path | None) -> None:
        workspace = Workspace(self.settings.workspace)
        try:
            run = Run.load(folder, "fusion") if folder else workspace.require("fusion")
            model = Model.load(run.folder, workspace.folder)
        except (OSError, ValueError) as error:
            self.state, self.why_missing = ServingState.MISSING, str(error)
            return
        self.previous, self.loaded = self.loaded, LoadedModel(model, run.folder, time.time())
        self.state = ServingState.READY

    @property
    def current(self) -> LoadedModel:
        """The model that answers; raises `NotReady`."""
        if self.loaded is None:
            raise NotReady(self.why_missing or "the model is being loaded, ask again in a moment")
        return self.loaded

    async def answers(self, products: Sequence[AskedProduct], n_candidates: int | None = None) -> list[Answer]:
        """The answer on each product, in order, its position as its id.

        Args:
            n_candidates: likely leaves in each answer; None: as the run is configured.

        Raises:
            NotReady: no model is there.
        """
        model = self.current.model
        given = [{"photos": list(one.photos), "title": one.title, "description": one.description} for one in products]
        return await asyncio.get_running_loop().run_in_executor(self._threads, model.predict, given)

    def close(self) -> None:
        """End what was started."""
        self._threads.shutdown(cancel_futures=True)
        for loaded in (self.loaded, self.previous):
            if loaded is not None:
                loaded.model.close()
