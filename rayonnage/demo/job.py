"""The whole job on the drawn catalogue, stage by stage with its time."""

from __future__ import annotations

import codecs
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import click

from catalog.tree.taxonomy import NAMES_FILE

LOG = "demo.log"
OUTPUTS = ("catalogue", "explored", "copies", "runs", "predictions", "report", "audit")
"""What the stages write, in the order in which they do."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What moves a terminal's cursor and colours its text (ECMA-48)."""


def stages(folder: Path, *, config: str = "demo", n_train: int, n_test: int, seed: int) -> dict[str, list[str]]:
    """The commands of `rayonnage` that make up the job, by what they do."""
    catalogue, explored, copies, runs, predictions, report, audit = (str(folder / name) for name in OUTPUTS)
    train, test, truth, tree, names = (
        os.path.join(catalogue, name)
        for name in ("train.bson", "test.bson", "truth.csv", "category_names.csv", NAMES_FILE)
    )
    named_tree, english, workspace = ["--tree", tree, "--names", names], ["--lang", "en"], ["--workspace", runs]
    sizes = ["--train", str(n_train), "--test", str(n_test), "--seed", str(seed)]
    return {
        "draw the catalogue": ["demo", catalogue, "--draw-only", *sizes],
        "explore it": ["catalog", "explore", train, *named_tree, *english, "--output", explored],
        "find copies": ["catalog", "duplicates", train, "--against", test, *named_tree, *english, "--output", copies],
        "fit": ["fit", train, *named_tree, "--recipe", config, *workspace],
        "index the photos": ["search", "index", train, *workspace],
        "predict": ["predict", test, "--output", predictions, *workspace],
        "evaluate": ["evaluate", test, "--labels", truth, "--output", report, *english, *workspace],
        "audit the labels": ["catalog", "audit", train, "--truth", truth, "--output", audit, *english, *workspace],
    }


def run_demo(
    folder: Path,
    *,
    config: str = "demo",
    n_train: int = 1500,
    n_test: int = 400,
    seed: int = 0,
    overwrite: bool = False,
) -> dict[str, float]:
    """Draw, explore, fit, index, predict, evaluate and audit in `folder`; returns the seconds of each stage.

    What the stages say is printed, and kept in `demo.log` in the folder.

    Args:
        folder: made when missing.
        config: a shipped configuration, or a YAML file, that the fit obeys.
        n_train, n_test, seed: see `write_sample`.
        overwrite: replace an earlier demo in that folder.

    Raises:
        FileExistsError: the folder holds an earlier demo and `overwrite` is off, or somebody's own work.
        ChildProcessError: a stage failed; what it said is in the log.
    """
    _make_room(folder, overwrite)
    seconds = {}
    todo = stages(folder, config=config, n_train=n_train, n_test=n_test, seed=seed)
    with closing(_Log(folder / LOG)) as log:
        for number, (title, command) in enumerate(todo.items(), start=1):
            log.write(f"\n[{number}/{len(todo)}] {title}: {shlex.join(['rayonnage', *command])}\n")
            start = time.perf_counter()
            status = _run(command, log)
            seconds[title] = time.perf_counter() - start
            if status:
                raise ChildProcessError(
                    f"the demo stopped at '{title}' (exit status {status}): "
                    f"what it said stands above and in {folder / LOG}"
                )
        rows = [*seconds.items(), ("together", sum(seconds.values()))]
        log.write("\nseconds\n" + "".join(f"  {title:<22} {duration:6.0f}\n" for title, duration in rows))
    return seconds


def _make_room(folder: Path, overwrite: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    taken = [name for name in OUTPUTS if (folder / name).exists()]
    if taken and not (folder / LOG).is_file():
        raise FileExistsError(f"{folder} holds {', '.join(taken)}, which no demo made: give another folder")
    if taken and not overwrite:
        raise FileExistsError(f"{folder} already holds a demo: give another folder, or --overwrite to replace it")
    for name in taken:
        shutil.rmtree(folder / name)


def _run(command: list[str], log: _Log) -> int:
    """Run a command of `rayonnage` in a new process, which gives its memory back; returns its exit status."""
    # rich draws bars into a pipe when it is told that a terminal stands behind it
    behind = {"TTY_COMPATIBLE": "1"} if sys.stdout.isatty() else {}
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with subprocess.Popen(
        # -P: a click.py in the user's folder is not ours
        [sys.executable, "-P", "-m", "rayonnage", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **behind},
        # unbuffered, a read returns what is there: bars move while the stage runs
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        while piece := process.stdout.read(2**16):
            log.write(decoder.decode(piece))
    return process.returncode


class _Log:
    """What is said, on the terminal and in a file; of a progress bar the file keeps the last state."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._line = ""

    def write(self, text: str) -> None:
        click.echo(text, nl=False)
        *whole, rest = (self._line + text).split("\n")
        self._file.writelines(f"{_last_state(line)}\n" for line in whole)
        self._file.flush()
        self._line = rest.rpartition("\r")[2]

    def close(self) -> None:
        self._file.write(_last_state(self._line))
        self._file.close()


def _last_state(line: str) -> str:
    """A line as it stands on the terminal at last: a bar is drawn over itself again and again."""
    return _CONTROL.sub("", line).rpartition("\r")[2]
