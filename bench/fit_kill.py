"""`rayonnage fit`, killed (SIGKILL, with all that it has started) at random moments and called again.

    python bench/fit_kill.py FOLDER [--kills 20] [--products 60] [--seed 0]

FOLDER, which is made, gets a drawn catalogue, a recipe of a tiny network, a fit that nobody disturbs and those that are
killed. Prints a line for each kill (how long the command had been running, what it was at, what was done by then, the
fit's clock), and for each fit that came to its end whether the weights are the undisturbed one's to the last byte,
whether a stage was done twice, and whether the clock ever went back. A fit that has ended is followed by a new one
until there were as many kills as were asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from rayonnage.demo.sample import write_sample
from rayonnage.fitting.recipe import FitSection, Recipe

TINY = {
    "backbone": {"name": "test_resnet", "weights": "random"}, "source_size": 64, "photo_size": 64,
    "train_photo_size": 64, "training": {"head_epochs": 1, "epochs": 6}, "specialist": {"epochs": 2},
    "min_products": 4, "workers": 0, "photos_per_batch": 8, "checkpoint_minutes": 0.02,
}  # fmt: skip


def main() -> None:
    """Draw, fit, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--products", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    drawn = write_sample(options.folder, n_train=options.products, n_test=10, seed=options.seed)
    recipe = options.folder / "given.yaml"
    section = FitSection(catalog=str(drawn.train), networks=("any", "1"), folds=2)
    Recipe(fit=section, mosaic=TINY, fusion={"title_encoder": None, "neighbours": "off"}).save(recipe)
    command = [
        sys.executable, "-P", "-m", "rayonnage", "fit", str(drawn.train), "--tree", str(drawn.category_names),
        "--recipe", str(recipe),
    ]  # fmt: skip
    start = time.monotonic()
    whole = options.folder / "whole"
    subprocess.run([*command, "--workspace", str(whole)], check=True, capture_output=True)
    seconds = time.monotonic() - start
    print(f"undisturbed: {seconds:.0f} s")
    wanted, rng, n_kills, faults, rounds = weights_of(whole), random.Random(options.seed), 0, [], 0
    while n_kills < options.kills:
        rounds += 1
        room = options.folder / f"killed-{rounds}"
        killed, found = kill_till_it_ends([*command, "--workspace", str(room)], room, rng, seconds)
        n_kills += killed
        if weights_of(room) != wanted:
            found.append("other weights than the undisturbed fit's")
        faults += found
        print(f"  ended after {killed} kills: {'; '.join(found) or 'the same weights'}")
    print(f"{n_kills} kills of {rounds} fits: {'; '.join(faults) or 'the same weights, no stage twice, no time lost'}")
    sys.exit(1 if faults else 0)


def kill_till_it_ends(command: list[str], room: Path, rng: random.Random, seconds: float) -> tuple[int, list[str]]:
    """Kill and call again until a call ends by itself; returns how many kills that were, and what went wrong."""
    faults: list[str] = []
    clock, done, n_kills = 0.0, {}, 0
    while True:
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as run:
            start = time.monotonic()
            try:
                status: int | None = run.wait(rng.uniform(0.1, 0.6) * seconds)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                status = None
            took = time.monotonic() - start
        journal = read(room / "fit" / "journal.json")
        stages = {stage["key"]: stage for stage in journal.get("done", [])}
        if not done.items() <= stages.items():
            faults.append(f"a stage was done twice: {done} before, {stages} after")
        if journal.get("seconds", 0.0) < clock:
            faults.append(f"the clock went back from {clock}")
        clock, done = journal.get("seconds", 0.0), stages
        if status is not None:
            return n_kills, [*faults, *([f"it ended with status {status}"] if status else [])]
        n_kills += 1
        at = read(room / "fit" / "progress.json").get("title", "")
        print(f"  killed after {took:4.1f} s at '{at}'; done: {', '.join(done) or 'nothing'}; clock {clock:.1f} s")


def weights_of(room: Path) -> dict[str, str]:
    """Digest of everything that was learnt, by the run's kind and the file."""
    return {
        f"{path.parent.name.rsplit('-', 2)[0]}/{path.name}": hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(room.glob("*-*/*.safetensors"))
        # a run that a kill has left unfinished is nobody's
        if (path.parent / "run.json").is_file()
    }


def read(path: Path) -> dict:
    """A JSON file, empty where there is none."""
    return json.loads(path.read_text()) if path.is_file() else {}


if __name__ == "__main__":
    main()
