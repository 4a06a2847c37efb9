"""What people see of a fit: one bar of the whole, a log of everything, and a file for the page."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from catalog.cli_options import no_bar
from catalog.files.atomic import write_text
from catalog.files.progress import Progress
from catalog.files.progress_lines import EVERY_S, duration_text
from catalog.files.terminal import on_one_line, printable
from catalog.files.wording import percent
from rayonnage.fitting.progress.journal import FOLDER
from rayonnage.fitting.progress.log_records import records_to
from rayonnage.fitting.progress.overall import Overall
from rayonnage.fitting.progress.stopping import WORDS, Stopper
from rayonnage.fitting.stages import Stage

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

FitState = Literal["running", "stopped", "failed", "done"]
LOG = "fit.log"
PROGRESS = Path(FOLDER) / "progress.json"
"""In the workspace: how far it is, for the page."""
PULSE_S = 0.5
MOST_SHARE = 0.99
"""Before all is done."""
KEPT_EVERY_S = 10.0
"""Seconds between two states of the page's file; a change of stage is told at once."""


class FitShow:
    """Listens to the stages, and shows the whole.

    Attributes:
        overall: how far it is, None before the stages are known.
        stopper: asked at every report of the work.
        seconds: the fit's clock, which counts earlier sessions too.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.overall: Overall | None = None
        self.stopper, self._stop_told = Stopper(), False
        self.seconds: Callable[[], float] = lambda: 0.0
        self.time_s: float | None = None
        self._clock, self._lock = clock, threading.RLock()
        self._key, self._title, self._number = "", "", 0
        self._share = 0.0
        self._lined, self._kept = clock(), clock()
        self._bars: RichProgress | None = None
        self._log: RawIOBase | None = None
        self._path: Path | None = None

    # -- what is told ---------------------------------------------------------------------------------------------

    def tell(self, message: str) -> None:
        """Tell people what the fit does."""
        self._write(message)
        click.echo(printable(message), err=True)

    def result(self, message: str) -> None:
        """Tell people what came of it, on stdout."""
        self._write(message)
        click.echo(printable(message))

    def say(self, message: str) -> None:
        """A stage has a result: for the log, see `Listener`."""
        self._write(message)

    def note(self, message: str) -> None:
        """A stage tells what is going on: for the log, see `Listener`."""
        self._write(message)

    @contextmanager
    def bar(self, title: str) -> Iterator[Progress]:
        """A stage's own bar: part of the one of the whole, see `Listener`."""
        self.stopper.check()
        inner = self._inner(title)

        def report(done: int, total: int) -> None:
            inner(done, total)
            self.stopper.check()

        self._write(f"{title} ...")
        yield report

    def _inner(self, title: str) -> Progress:
        current = None if self.overall is None else self.overall.current
        if current is not None:
            return current.bar(title)
        with no_bar(title) as progress:
            return progress

    def stopped(self, message: str) -> None:
        """Tell that it has stopped as it was asked to."""
        self._stop_told = True
        self.tell(message)
        self.keep("stopped", "the same command goes on from there")

    # -- where it is ----------------------------------------------------------------------------------------------

    def begin(self, key: str, title: str, number: int = 0) -> None:
        """A step of this title begins; `number`: of the stage, from 1."""
        self._key, self._title, self._number = key, title, number
        self._write(f"-- {title}")
        self.pulse()
        self.keep("running")

    def begin_stage(self, stage: Stage, number: int) -> None:
        """A stage begins, see `begin`."""
        self._write(f"\n[{number}] {stage.title}: {stage}")
        self.begin(stage.key, stage.title, number)

    @property
    def title(self) -> str:
        """Of what is being done."""
        return self._title

    @property
    def left(self) -> float | None:
        """Seconds that are left, None while nobody knows."""
        return self.overall.left if self.overall is not None and self.overall.is_estimated else None

    @property
    def share(self) -> float:
        """Of the whole, in [0, 1]; it never goes back."""
        left, seconds, share = self.left, self.seconds(), 0.0
        if left is not None and seconds + left > 0:
            share = seconds / (seconds + left)
        elif self.overall is not None:
            share = self.overall.share_of_stages
        # what comes after the stages is of the whole, too
        self._share = max(self._share, min(MOST_SHARE, share))
        return self._share

    def keep(self, state: FitState, message: str = "") -> None:
        """Write the page's file, where there is a workspace to write into."""
        if self._path is None:
            return
        self._kept = self._clock()
        left = self.left
        values = {
            "state": state, "key": self._key, "title": self._title, "stage": self._number,
            "stages": 0 if self.overall is None else len(self.overall.stages),
            "share": 1.0 if state == "done" else round(self.share, 4), "seconds": round(self.seconds(), 1),
            "left_s": None if left is None else round(left, 1), "time_s": self.time_s, "message": message,
        }  # fmt: skip
        # what is shown is no reason to stop
        with suppress(OSError), self._lock:
            write_text(self._path, json.dumps(values) + "\n")

    def pulse(self) -> None:
        """Show where it is; called twice a second."""
        text, left = self._title, self.left
        if self.stopper.asked and not self._stop_told:
            self._stop_told = True
            self.tell(WORDS)
        if self._bars is not None:
            task = self._bars.task_ids[0]
            rest = "" if left is None else f"{duration_text(left)} left"
            self._bars.update(task, description=on_one_line(text), completed=self.share, left=rest)
        elif self._clock() - self._lined >= EVERY_S:
            self._lined = self._clock()
            rest = "" if left is None else f", {duration_text(left)} left"
            self.tell(f"{text}: {percent(self.share, 0)} of the whole{rest}")
        if self._clock() - self._kept >= KEPT_EVERY_S:
            self.keep("running")

    # -- for as long as it lasts ----------------------------------------------------------------------------------

    @contextmanager
    def entered(self, workspace: Path | None, *ticks: Callable[[], None]) -> Iterator[None]:
        """Show the fit for as long as this is entered.

        `workspace`: where the log and the page's file go, None for nowhere; `ticks`: called with every pulse.
        """
        with ExitStack() as entered:
            if workspace is not None:
                (workspace / FOLDER).mkdir(parents=True, exist_ok=True)
                self._log = entered.enter_context((workspace / LOG).open("ab", buffering=0))
                self._path = workspace / PROGRESS
                self._write(time.strftime("\n== %Y-%m-%d %H:%M:%S"))
            entered.callback(self._leave)
            entered.enter_context(self._console())
            entered.enter_context(records_to(self.tell, self.note))
            entered.enter_context(_pulsing([self.pulse, *ticks]))
            entered.enter_context(self.stopper.watching())
            yield

    def _leave(self) -> None:
        self._log = self._path = None

    @contextmanager
    def _console(self) -> Iterator[None]:
        from rich import progress as rich
        from rich.console import Console

        console = Console(stderr=True)
        if not console.is_terminal:
            yield
            return
        columns = (
            rich.TextColumn("{task.description}"), rich.BarColumn(), rich.TaskProgressColumn(),
            rich.TextColumn("{task.fields[left]}"),
        )  # fmt: skip
        # results on a terminal go above the bar, too; in a file they are none of its business
        proxied = sys.stdout.isatty()
        with rich.Progress(*columns, console=console, transient=True, redirect_stdout=proxied) as bars:
            bars.add_task("", total=1.0, left="")
            self._bars = bars
            try:
                yield
            finally:
                self._bars = None

    def _write(self, text: str) -> None:
        with self._lock:
            if self._log is not None:
                # a log that cannot be written, as on a full disk, ends no work that may need no room
                with suppress(OSError):
                    self._log.write(f"{printable(text)}\n".encode())


@contextmanager
def _pulsing(ticks: list[Callable[[], None]]) -> Iterator[None]:
    """Call these twice a second, in a thread: a stage that reports nothing for minutes is shown to be alive, too."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(PULSE_S):
            for tick in ticks:
                tick()

    thread = threading.Thread(target=beat, name="fit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
