"""`rayonnage fit`, killed (SIGKILL, with all that it has started) at random moments and called again.

    python bench/fit_kill.py FOLDER [--kills 20] [--products 60] [--seed 0]

FOLDER, which is made, gets a drawn catalogue, a recipe of a tiny network, a fit that nobody disturbs and one that is
killed. Prints a line for each kill (how long the command had been running, what it was at, what was done by then, the
fit's clock), then whether the weights are the undisturbed fit's to the last byte, whether a stage was done twice, and
whether the clock ever went back.
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
    killed = options.folder / "killed"
    faults = kill_often([*command, "--workspace", str(killed)], killed, options.kills, seconds, options.seed)
    subprocess.run([*command, "--workspace", str(killed)], check=True, capture_output=True)
    same = weights_of(whole) == weights_of(killed)
    print(f"the undisturbed fit's weights: {'yes' if same else 'NO'}; {faults or 'no stage twice, no time lost'}")
    sys.exit(0 if same and not faults else 1)


def kill_often(command: list[str], room: Path, n_kills: int, seconds: float, seed: int) -> str:
    """Kill the command so many times, at moments spread over its work; returns what went wrong."""
    rng, faults, clock, done = random.Random(seed), [], 0.0, {}
    for number in range(1, n_kills + 1):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as run:
            start = time.monotonic()
            try:
                # mostly while it works: what it imports takes the first seconds
                run.wait(rng.uniform(0.2, 0.6) * seconds)
                ran = "had ended"
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                ran = "killed"
            took = time.monotonic() - start
        journal = read(room / "fit" / "journal.json")
        stages = {stage["key"]: stage for stage in journal.get("done", [])}
        if not done.items() <= stages.items():
            faults.append(f"kill {number}: a stage was done twice")
        if journal.get("seconds", 0.0) < clock:
            faults.append(f"kill {number}: the clock went back")
        clock, done = journal.get("seconds", 0.0), stages
        at = read(room / "fit" / "progress.json").get("title", "")
        print(
            f"{number:3} {ran} after {took:5.1f} s at '{at}', done {', '.join(done) or 'nothing'}; clock {clock:.1f} s"
        )
    return "; ".join(faults)


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
