"""What a fit has done and how long it took, kept in `W/fit/journal.json`: after a kill nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress

from pydantic import Field, ValidationError

from catalog.files.atomic import write_text
from catalog.files.file_lock import take
from catalog.runs.config import StrictConfig
from catalog.runs.run import read_json
from catalog.runs.workspace import Workspace
from rayonnage.fitting.stages import FUSION, OCR, Stage

log = logging.getLogger(__name__)
FOLDER = "fit"
KEPT_EVERY_S = 4.0
"""Seconds of the clock that a kill may lose."""


class Asked(StrictConfig):
    """What a fit was asked for: with the same of it, and the same catalogue, it is gone on with."""

    catalog: str
    tree: str | None
    names: str | None
    group: str | None
    time_s: float | None
    quality: str
    memory_bytes: int | None
    recipe: str | None
    """Digest of the file given as recipe."""


class DoneStage(StrictConfig):
    """A stage that is done; signature: of all that its result depends on."""

    key: str
    signature: str
    seconds: float
    made: tuple[str, ...] = ()
    """Its runs, or its plan: what is no longer there, or no longer the latest, is made again."""


class BegunStage(StrictConfig):
    """The stage that was at work."""

    key: str
    signature: str
    there: tuple[str, ...]
    """Runs that there were before it, see `_made`."""
    seconds: float
    """On the fit's clock when it began."""


class LeftOutStage(StrictConfig):
    """A stage that was left out, for want of time, or `refused`: this catalogue has nothing for it."""

    key: str
    why: str
    refused: bool = False
    signature: str = ""
    """As of a stage that is done: of something else it is tried again."""
    time_s: float | None = None
    """That was given, where it was left out for want of it."""


class JournalState(StrictConfig):
    """What the file holds."""

    asked: Asked
    fingerprint: str
    """Of the catalogue and its tree."""
    seconds: float = 0.0
    """That the fit has taken so far, in all its sessions."""
    done: tuple[DoneStage, ...] = ()
    begun: BegunStage | None = None
    left_out: tuple[LeftOutStage, ...] = Field(default=())
    recipe: str = ""
    """Digest of the workspace's recipe as it was written: one that was changed since is estimated anew."""


class FitJournal:
    """The journal of one workspace; only who `holds` it writes."""

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        self.workspace, self.folder = workspace, workspace.folder / FOLDER
        self.path = self.folder / "journal.json"
        self._clock, self._lock = clock, threading.Lock()
        self._since = self._kept = clock()
        self._before = 0.0
        # until this session has gone on with the fit that it found, or begun another, the clock is that fit's
        self._is_own = False
        self.state = self._read()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other fits out of the workspace for as long as this is entered.

        Raises:
            OSError: another fit is at work there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        held = take(self.folder / ".lock")
        if held is None:
            raise OSError(
                f"another `rayonnage fit` is at work in {self.workspace.folder}: wait for its end, or give another "
                "--workspace"
            )
        try:
            # another one may have ended just now
            self.state = self._read()
            yield
        finally:
            os.close(held)

    @property
    def seconds(self) -> float:
        """That the fit has taken so far, in all its sessions."""
        return self._before + self._clock() - self._since

    def go_on(self, recipe: str | None = None) -> None:
        """Count on from where the last session was cut off; `recipe`: digest of the one written since, if any."""
        if self.state is not None:
            self._before, self._is_own = self.state.seconds, True
            if recipe is not None:
                self._keep(self.state.model_copy(update={"recipe": recipe}))

    def close(self, *, idle: bool = False) -> None:
        """The session is over; `idle`: it found everything done, and its time is not the fit's."""
        if self.state is not None and self._is_own:
            if idle:
                self._before, self._since = self.state.seconds, self._clock()
            with suppress(OSError):
                self._keep(None)

    def begin_anew(self, asked: Asked, fingerprint: str, recipe: str = "") -> None:
        """A fit of something else, by the recipe of this digest; stages stay known, for those whose result is still the
        one that is wanted."""
        done = () if self.state is None else self.state.done
        self._before, self._is_own = 0.0, True
        self._keep(JournalState(asked=asked, fingerprint=fingerprint, done=done, recipe=recipe))

    def seconds_of(self, key: str, signature: str) -> float | None:
        """How long a stage took that is done, None where it is not, or was done with something else.

        A kill may have come between the end of a stage and the journal's word of it.
        """
        there = self._made()
        for stage in self._state.done:
            if (stage.key, stage.signature) == (key, signature) and set(stage.made) <= set(there):
                return stage.seconds
        begun = self._state.begun
        if begun is None or (begun.key, begun.signature) != (key, signature):
            return None
        # a training's own --resume, and a plan, know better whether they are whole
        if key not in (OCR, FUSION) or not any(name.startswith(key) for name in set(there) - set(begun.there)):
            return None
        return self.end(key, max(0.0, self._state.seconds - begun.seconds))

    def begin(self, stage: Stage, signature: str) -> float:
        """A stage is about to run, or to be gone on with; returns the clock as it was when it was begun."""
        begun = self._state.begun
        if begun is None or (begun.key, begun.signature) != (stage.key, signature):
            begun = BegunStage(key=stage.key, signature=signature, there=self._made(), seconds=self.seconds)
            self._keep(self._state.model_copy(update={"begun": begun}))
        return begun.seconds

    def spent_on(self, key: str) -> float:
        """Seconds that a stage has had, where it is the one that was begun; else 0."""
        begun = None if self.state is None else self.state.begun
        return self.seconds - begun.seconds if begun is not None and begun.key == key else 0.0

    def end(self, key: str, seconds: float) -> float:
        """The stage that was begun is done; returns its seconds."""
        begun = self._state.begun
        assert begun is not None
        others = tuple(stage for stage in self._state.done if stage.key != key)
        made = tuple(sorted(set(self._made()) - set(begun.there)))
        done = DoneStage(key=key, signature=begun.signature, seconds=round(seconds, 2), made=made)
        self._keep(self._state.model_copy(update={"begun": None, "done": (*others, done)}))
        return seconds

    def leave_out(self, stage: LeftOutStage) -> None:
        """A stage is not run, now and when the fit is gone on with."""
        others = tuple(other for other in self._state.left_out if other.key != stage.key)
        self._keep(self._state.model_copy(update={"left_out": (*others, stage)}))

    def left_out(self, key: str, signature: str, time_s: float | None) -> LeftOutStage | None:
        """The stage, where it was left out, and neither it nor, where that was why, the time is another one since."""
        for stage in self._state.left_out:
            if (stage.key, stage.signature) == (key, signature) and (stage.refused or stage.time_s == time_s):
                return stage
        return None

    def made_by(self, keys: Container[str]) -> frozenset[str]:
        """Runs of the stages that are done, of those with one of these keys."""
        return frozenset(name for stage in self._state.done if stage.key in keys for name in stage.made)

    @property
    def keys_done(self) -> frozenset[str]:
        """Of the stages that are done, for whatever fit of this workspace."""
        return frozenset() if self.state is None else frozenset(stage.key for stage in self.state.done)

    def tick(self) -> None:
        """Keep the clock, where that was not done just now."""
        if self.state is not None and self._is_own and self._clock() - self._kept >= KEPT_EVERY_S:
            with suppress(OSError):
                self._keep(None)

    @property
    def _state(self) -> JournalState:
        assert self.state is not None
        return self.state

    def _made(self) -> tuple[str, ...]:
        """The workspace's plan, and its latest runs that are whole, by name."""
        runs = [folder.name for folder in self.workspace.latest_folders().values() if (folder / "run.json").is_file()]
        try:
            return (*runs, f"plan {self.workspace.plan().plan_id}")
        except FileNotFoundError:
            return tuple(runs)

    def _keep(self, state: JournalState | None) -> None:
        """Write the state, None for the one that there is, with the clock as it is now."""
        with self._lock:
            self.state = (state or self._state).model_copy(update={"seconds": round(self.seconds, 2)})
            self._kept = self._clock()
            write_text(self.path, json.dumps(self.state.model_dump(mode="json"), indent=1) + "\n")

    def _read(self) -> JournalState | None:
        if not self.path.is_file():
            return None
        try:
            return JournalState.model_validate(read_json(self.path))
        except (ValueError, ValidationError) as error:
            raise ValueError(
                f"{self.path} is damaged ({str(error).splitlines()[0]}): delete it, and what is trained already is "
                "found again"
            ) from None


def signature(chain: str, stage: Stage, section: object, places: Container[str]) -> str:
    """Of what the result of a stage depends on.

    Args:
        chain: the signature of the stage before it; of the first one, the catalogue's fingerprint.
        section: of the recipe, what its room is told.
        places: parts of its command that say where something lies, not what it is.
    """
    command = [part for part in stage.command if part not in places]
    said = json.dumps([chain, command, section], sort_keys=True, default=str)
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
