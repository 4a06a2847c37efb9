"""The model that answers: loaded while the first page is already shown, put in another's place while it serves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from threading import Lock

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.model import Model
from fusion.prediction.answers import Answer
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.loaded_model import LoadedModel
from rayonnage.web.serving.prediction_service import PredictionService, ServedAnswer
from rayonnage.web.serving.serving_metrics import ServingMetrics
from rayonnage.web.settings import ServerSettings


class NotReady(Exception):
    """No model can answer now; the message says why and what to do."""


class ServingState(StrEnum):
    """How far the model is."""

    LOADING = "loading"
    READY = "ready"
    MISSING = "missing"


class ServedModel:
    """What answers clients' products. Made in the event loop's thread; `start` loads the model in another one.

    Another run is loaded while this one answers (`replace`), and can be taken back: requests under way finish on the
    model that they began with. All of it is safe in threads.

    Attributes:
        loaded: what answers; previous: what `take_back` puts in its place again.
        loading: the folder of the run that is being loaded, None for none; why_not: why the last one was not loaded.
        metrics: what is counted; service: answers products, of whichever model.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.loaded: LoadedModel | None = None
        self.previous: LoadedModel | None = None
        self.loading: Path | None = None
        self.why_not = ""
        self._lock = Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model-loader")
        self.metrics = ServingMetrics()
        self.service = PredictionService(settings.limits, self.metrics)

    def start(self) -> None:
        """Begin to load the settings' run, or the workspace's latest."""
        self.loading = self.settings.run or self.settings.workspace
        self._loader.submit(self._load, self.settings.run)

    def replace(self, folder: Path) -> None:
        """Begin to load another run; it takes the place of the one that answers once it can answer itself.

        Where it cannot be loaded, `why_not` says so, and the other one goes on.

        Raises:
            ValueError: another one is being loaded.
        """
        with self._lock:
            if self.loading is not None:
                raise ValueError(f"{self.loading.name} is being loaded: wait until it answers")
            self.loading, self.why_not = folder, ""
        self._loader.submit(self._load, folder)

    def take_back(self) -> LoadedModel:
        """Put the previous model in its place again, at once; the one that answered becomes the previous one.

        Raises:
            ValueError: there is no previous one.
        """
        with self._lock:
            if self.previous is None:
                raise ValueError("no other model has answered since the server started")
            self.loaded, self.previous = self.previous, self.loaded
            self.loaded.since = time.time()
            return self.loaded

    @property
    def state(self) -> ServingState:
        """Whether a model answers; a further one may be loading meanwhile."""
        if self.loaded is not None:
            return ServingState.READY
        return ServingState.MISSING if self.why_not else ServingState.LOADING

    @property
    def current(self) -> LoadedModel:
        """The model that answers; raises `NotReady`. Who asks it for more than a moment takes it by `lease`."""
        loaded = self.loaded
        if loaded is None:
            raise NotReady(self.why_not or "the model is being loaded, ask again in a moment")
        return loaded

    @contextmanager
    def lease(self) -> Iterator[LoadedModel]:
        """The model that answers, which stays open within the block even when another takes its place.

        Raises:
            NotReady: no model is there.
        """
        # under the lock: between being looked up and being taken it could be closed
        with self._lock:
            use = self.current.used()
            loaded = use.__enter__()
        try:
            yield loaded
        finally:
            use.__exit__(None, None, None)

    async def served(
        self, products: Sequence[AskedProduct], top: int | None = None, lang: str | None = None
    ) -> list[ServedAnswer]:
        """What `Model.predict` says of each product alone, in order, its position as its id.

        Args:
            top: likely leaves in each answer, at most `MAX_CANDIDATES`; None: as the run is configured.
            lang: of the category names; None: as the tree stands.

        Raises:
            NotReady: no model is there. QueueFull: too many products wait. TookTooLong: no answer in time.
            ValueError: no names are known in that language.
        """
        with self.lease() as loaded:
            return await self.service.answers(loaded, products, top, lang)

    async def answers(self, products: Sequence[AskedProduct], n_candidates: int | None = None) -> list[Answer]:
        """As `served`, the answers alone."""
        return [one.answer for one in await self.served(products, n_candidates)]

    def close(self) -> None:
        """End what was started."""
        self._loader.shutdown(cancel_futures=True)
        self.service.close()
        for loaded in (self.loaded, self.previous):
            if loaded is not None:
                loaded.retire()

    def _load(self, folder: Path | None) -> None:
        try:
            workspace = Workspace(self.settings.workspace)
            run = Run.load(folder, "fusion") if folder else workspace.require("fusion")
            loaded = LoadedModel(Model.load(run.folder, workspace.folder), run.folder)
        except Exception as error:  # a server that goes on loading for ever would say nothing of it
            with self._lock:
                self.loading, self.why_not = None, str(error) or type(error).__name__
            return
        with self._lock:
            retired, self.previous, self.loaded = self.previous, self.loaded, loaded
            self.loading = None
        if retired is not None:
            retired.retire()
