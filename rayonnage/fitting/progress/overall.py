"""How far a fit is, and how long the rest takes: estimates, corrected by how the stages so far took."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog.files.progress import Progress
from rayonnage.fitting.stages import Stage

if TYPE_CHECKING:
    from mosaic.config import MosaicConfig

PRIOR_S = 10.0
"""Seconds of work as estimated that are believed beside those that were measured: a stage of two seconds that takes
four says little about one of an hour."""
TELLING = 0.02
"""Share of a stage from which its own speed is believed; fully from `SETTLED` on."""
SETTLED = 0.4
FITS = re.compile(r"(?:train|fit) .*?(?: \(without part (?P<part>\d+)\))?")
"""Titles of the bars of a training: a fit for each part, then the one that is deployed."""
LOOKING = "look at "
"""How the title begins of the one bar in which a frozen backbone sees everything, before its heads are fitted."""
LOOKING_SHARE = 0.6


@dataclass(frozen=True)
class TrainingSteps:
    """What a training consists of, as shares of it.

    Attributes:
        fits: one for each held-out part, then that of the deployed network; empty where nothing is known.
        looks: share that is over before the first of them.
    """

    fits: tuple[float, ...] = ()
    looks: float = 0.0

    @classmethod
    def of(cls, stage: Stage, config: MosaicConfig, n_parts: int | None) -> TrainingSteps:
        """Those of a stage; of what is no training, or tries two methods, nothing is known. `n_parts`: None for one."""
        if stage.room != "mosaic" or config.method == "auto":
            return cls()
        goes_on = stage.key in ("mosaic-1", "mosaic-2", "mosaic-3", "mosaic-4")
        later, first = (one.head_epochs + one.epochs for one in (config.specialist, config.training))
        first = later if goes_on else first
        # after one held-out part, the deployed network goes on from the measured one
        weights = [0.8 * first, later]
        if n_parts is not None:
            weights = [first * (1 - 1 / n_parts)] * n_parts + [first]
        looks = LOOKING_SHARE if config.method == "linear" else 0.0
        return cls(tuple((1 - looks) * weight / sum(weights) for weight in weights), looks)

    def place(self, title: str) -> tuple[float, float]:
        """Share before the step of a bar of this title, and its own; 0 for one that nothing is known of."""
        if title.startswith(LOOKING):
            return 0.0, self.looks
        found = FITS.fullmatch(title)
        number = -1 if found is None else int(found["part"]) if found["part"] else len(self.fits) - 1
        if not 0 <= number < len(self.fits):
            return 0.0, 0.0
        return self.looks + sum(self.fits[:number]), self.fits[number]


@dataclass
class StageShare:
    """How much of one stage is done, as far as its bars tell."""

    clock: Callable[[], float]
    steps: TrainingSteps = TrainingSteps()
    begun: float = field(init=False)
    _first: tuple[float, float] | None = None
    _share: float = 0.0
    _bar: tuple[float, int] | None = None
    _bar_left: float = 0.0

    def __post_init__(self) -> None:
        self.begun = self.clock()

    @property
    def share(self) -> float:
        """Of the stage, as far as its bars tell."""
        return self._share

    @property
    def taken(self) -> float:
        """Seconds so far."""
        return self.clock() - self.begun

    def bar(self, title: str) -> Progress:
        """What the bar of this title reports to."""
        self._bar, self._bar_left = None, 0.0
        before, width = self.steps.place(title)

        def report(done: int, total: int) -> None:
            if not 0 <= done <= total or not total:
                return
            now = self.clock()
            # what is there already when it begins, as of a training that is taken up, says nothing of its speed
            since, first = self._bar = self._bar or (now, done)
            self._bar_left = (now - since) * (total - done) / (done - first) if done - first > TELLING * total else 0.0
            if width:
                self._share = max(self._share, before + width * done / total)
                self._first = self._first or (now, self._share)

        return report

    def left(self, estimate: float) -> float:
        """Seconds that the rest takes; `estimate`: what the whole is believed to take without any of this."""
        by_estimate = max(0.0, estimate - self.taken)
        left = by_estimate
        if self._first is not None and (seen := self._share - self._first[1]) > TELLING:
            by_speed = (self.clock() - self._first[0]) * (1 - self._share) / seen
            trust = min(1.0, seen / SETTLED)
            left = trust * by_speed + (1 - trust) * by_estimate
        left = max(left, self._bar_left)
        # past its time, and nobody knows how long yet: not "0 s left" for minutes
        return left or 0.1 * self.taken


@dataclass
class Overall:
    """The stages that are done, the one at work and those to come.

    Attributes:
        stages: all that are to run, in order, those that are done included.
        taken: seconds of those that are done, by key; what earlier sessions did counts as well.
    """

    stages: Sequence[Stage]
    taken: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _at_work: tuple[Stage, StageShare] | None = None
    """Both at once: another thread asks how far it is."""

    @property
    def current(self) -> StageShare | None:
        """How much is done of the stage at work."""
        at_work = self._at_work
        return None if at_work is None else at_work[1]

    def begin(self, stage: Stage, steps: TrainingSteps = TrainingSteps()) -> StageShare:
        """A stage begins."""
        share = StageShare(self.clock, steps)
        self._at_work = stage, share
        return share

    def end(self, seconds: float) -> None:
        """It has ended."""
        assert self._at_work is not None
        self.taken[self._at_work[0].key] = seconds
        self._at_work = None

    def leave_out(self, key: str) -> None:
        """A stage is not run, or was in vain."""
        if self._at_work is not None and key == self._at_work[0].key:
            self._at_work = None
        self.stages = [stage for stage in self.stages if stage.key != key]

    @property
    def slowness(self) -> float:
        """How many times as long as estimated the work takes here."""
        return self._slowness(self.stages)

    def slowness_of(self, room: str) -> float:
        """The same of the work of one room alone: `mosaic`, `ocr`."""
        return self._slowness([stage for stage in self.stages if stage.room == room])

    def _slowness(self, stages: Sequence[Stage]) -> float:
        done = [stage for stage in stages if stage.key in self.taken and stage.seconds]
        taken = sum(self.taken[stage.key] for stage in done)
        return (taken + PRIOR_S) / (sum(stage.seconds for stage in done) + PRIOR_S)

    @property
    def is_estimated(self) -> bool:
        """Whether somebody has said how long each stage takes; a recipe written by hand may not."""
        return all(stage.seconds > 0 for stage in self.stages)

    @property
    def share_of_stages(self) -> float:
        """How many of the stages are done, as a share of them: all that can be said where nothing is estimated."""
        current = self.current
        now = 0.0 if current is None else current.share
        return (len(self.taken) + now) / max(1, len(self.stages))

    @property
    def to_come(self) -> list[Stage]:
        """Stages that have not begun."""
        at_work = self._at_work
        begun = None if at_work is None else at_work[0].key
        return [stage for stage in self.stages if stage.key not in self.taken and stage.key != begun]

    @property
    def left(self) -> float:
        """Seconds that the rest takes."""
        at_work = self._at_work
        rest = self.slowness * sum(stage.seconds for stage in self.to_come)
        if at_work is None:
            return rest
        stage, share = at_work
        return rest + share.left(self.slowness * stage.seconds)
