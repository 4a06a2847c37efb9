"""The stages, one after the other in this process, as the commands that they are."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import click

from catalog.files.listener import heard_by
from catalog.files.progress_lines import duration_text
from ocr.engines.base import EngineMissing
from rayonnage.fitting.amounts import typed_time
from rayonnage.fitting.preparing import PreparedFit, fingerprint_now
from rayonnage.fitting.progress.journal import FitJournal, LeftOutStage
from rayonnage.fitting.progress.overall import Overall, TrainingSteps
from rayonnage.fitting.progress.showing import LOG, FitShow
from rayonnage.fitting.request import FitRequest
from rayonnage.fitting.stages import FUSION, Stage, stages_of
from rayonnage.fitting.telling.outcome import StageTime

log = logging.getLogger(__name__)
TOLERANCE = 1.1
"""A stage that may be left out is begun where all would end within so many times the time that was given: leaving out
what brings most costs more than to be late by that."""
TERMINATED = 128 + 15
"""Exit status of what SIGTERM has ended."""


class StageFailed(ValueError):
    """A stage ended with an error; the message is for people."""


class StageRefused(StageFailed):
    """A stage cannot be done with this catalogue; nothing is wrong with it."""


@dataclass
class Stages:
    """The stages of a prepared fit.

    Attributes:
        ran_any: whether there was anything to do.
    """

    request: FitRequest
    prepared: PreparedFit
    journal: FitJournal
    show: FitShow
    ran_any: bool = False

    def run(self) -> list[StageTime]:
        """Run those that are not done; tells of each what it took.

        Raises:
            StageFailed: one of them did; it names the stage, the log and how to go on.
            KeyboardInterrupt: it was to stop.
        """
        show, journal = self.show, self.journal
        stages = stages_of(self.prepared.recipe, self.request.recipe_path, self.request.workspace)
        show.time_s = self.prepared.recipe.fit.time_s
        overall = show.overall = self._known(stages)
        times, chain = [], self.prepared.fingerprint
        for number, stage in enumerate(stages, start=1):
            signature = self.prepared.signature(chain, stage, self.request)
            left_out, seconds = self._left_out(stage, signature), None
            if left_out is None:
                seconds = journal.seconds_of(stage.key, signature)
                if seconds is None:
                    show.stopper.check()
                    if stage.key == FUSION:
                        self._forget_what_is_not_wanted(overall)
                    seconds = self._run_or_leave(overall, stage, number, signature)
                    left_out = self._left_out(stage, signature)
            if seconds is not None:
                overall.taken[stage.key] = seconds
                chain = signature
            times.append(StageTime(stage, seconds, refused=left_out is not None and left_out.refused))
        return times

    def _left_out(self, stage: Stage, signature: str) -> LeftOutStage | None:
        return self.journal.left_out(stage.key, signature, self.prepared.recipe.fit.time_s)

    def _known(self, stages: Sequence[Stage]) -> Overall:
        """Tell what earlier sessions did that still holds, what they left out, and what is done again."""
        wanted, taken, done, again, chain = [], {}, [], [], self.prepared.fingerprint
        for stage in stages:
            signature = self.prepared.signature(chain, stage, self.request)
            if (left_out := self._left_out(stage, signature)) is not None:
                self.show.tell(f"left out, as before: {stage.title}: {left_out.why}")
                continue
            chain = signature
            wanted.append(stage)
            seconds = self.journal.seconds_of(stage.key, chain)
            if seconds is not None:
                taken[stage.key] = seconds
                done.append(stage.title)
            elif stage.key in self.journal.keys_done:
                again.append(stage.title)
        overall = Overall(wanted)
        overall.taken.update(taken)
        if done:
            self.show.tell(f"done already, in {duration_text(self.journal.seconds)} so far: {'; '.join(done)}")
        if again:
            self.show.tell(f"done again, for something that it depends on has changed: {'; '.join(again)}")
        return overall

    def _forget_what_is_not_wanted(self, overall: Overall) -> None:
        """Have the decision count on this fit's own runs: it takes what is latest, and another recipe may have made it.

        What somebody has made by hand, such as a reading of today, is counted on.
        """
        others = self.journal.made_by(self.journal.keys_done - overall.taken.keys() - {FUSION})
        workspace = self.journal.workspace
        for slot, folder in workspace.latest_folders().items():
            if folder.name in others:
                workspace.forget(slot)
                self.show.tell(f"not counted on any more, for this recipe does not want it: {folder.name}")

    def _run_or_leave(self, overall: Overall, stage: Stage, number: int, signature: str) -> float | None:
        """Seconds that a stage took, None where it is left out."""
        why, refused = self._too_long(overall, stage), False
        if why is None:
            try:
                return self._run(overall, stage, number, signature)
            except StageRefused as refusal:
                if not stage.optional:
                    raise
                why, refused = str(refusal), True
        time_s = None if refused else self.prepared.recipe.fit.time_s
        self.journal.leave_out(
            LeftOutStage(key=stage.key, why=why, refused=refused, signature=signature, time_s=time_s)
        )
        overall.leave_out(stage.key)
        self.show.tell(f"left out: {stage.title}: {why}")
        return None

    def _too_long(self, overall: Overall, stage: Stage) -> str | None:
        """Why there is no time for a stage that may be left out, None where there is."""
        time_s = self.prepared.recipe.fit.time_s
        if not stage.optional or time_s is None:
            return None
        # how fast learning was says nothing of reading, which has been measured as well: on shelf an estimate of heads
        # that was too low left out the words, which are worth more than all else
        slowness = max(1.0, overall.slowness_of(stage.room))
        needed = max(0.0, slowness * stage.seconds - self.journal.spent_on(stage.key))
        later = sum(one.seconds for one in overall.to_come if not one.optional)
        left = TOLERANCE * time_s - self.journal.seconds - later
        if left >= needed:
            return None
        choice = self.prepared.recipe.fit.choices.get(stage.key)
        brings = f". What speaks for it: {choice.why}" if choice is not None else ""
        return (
            f"it would take {typed_time(needed)}, and {typed_time(max(0.0, left))} of {typed_time(time_s)} "
            f"are left for it{brings}"
        )

    def _run(self, overall: Overall, stage: Stage, number: int, signature: str) -> float:
        show, recipe = self.show, self.prepared.recipe
        self.ran_any = True
        overall.begin(stage, TrainingSteps.of(stage, recipe.photo_config, recipe.fit.folds))
        show.begin_stage(stage, number)
        # what an earlier session did of it counts as well
        begun = self.journal.begin(stage, signature)
        self._call(stage)
        seconds = self.journal.end(stage.key, self.journal.seconds - begun)
        overall.end(seconds)
        show.tell(f"{stage.title}: {duration_text(seconds)}")
        return seconds

    def _call(self, stage: Stage) -> None:
        from rayonnage.cli import main

        try:
            with heard_by(self.show):
                main.main(list(stage.command), prog_name="rayonnage", standalone_mode=False)
        except click.Abort:
            raise KeyboardInterrupt from None
        except click.ClickException as error:
            if fingerprint_now(self.request) != self.prepared.survey.fingerprint:
                raise StageFailed(
                    f"{self.prepared.survey.address} has changed, or is gone, since the fit began: the same command "
                    f"begins anew with it as it is then ({self.request.command})"
                ) from error
            cause = error.__cause__
            refused = isinstance(cause, EngineMissing) or (
                isinstance(cause, ValueError) and not isinstance(cause, OSError)
            )
            raise self._failed(stage, error.format_message(), StageRefused if refused else StageFailed) from error
        except SystemExit as end:
            # the trainer makes this of Ctrl-C and of SIGTERM
            if self.show.stopper.asked or end.code == TERMINATED:
                raise KeyboardInterrupt from None
            raise self._failed(stage, f"it ended with status {end.code}", StageFailed) from end
        except Exception as error:
            self.show.note("".join(traceback.format_exception(error)))
            raise self._failed(stage, f"{type(error).__name__}: {error}", StageFailed) from error

    def _failed(self, stage: Stage, why: str, kind: type[StageFailed]) -> StageFailed:
        if kind is StageRefused and stage.optional:
            return StageRefused(why)
        where = self.request.workspace / LOG
        return kind(
            f"'{stage.title}' failed: {why.rstrip('.')}. All that was said stands in {where}; once that is mended, "
            f"the same command goes on from there: {self.request.command}"
        )
