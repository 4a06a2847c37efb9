"""The whole job on the embedded demo catalogue, stage by stage with its time: what `make demo` runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path


def main(folder: Path) -> None:
    """Draw, split, train, predict, evaluate and audit in `folder`; earlier files there are replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data, runs = folder / "catalogue", folder / "runs"
    room = ["--workspace", str(runs)]
    demo = ["--config", "demo", *room]
    train, test, truth = str(data / "train.bson"), str(data / "test.bson"), str(data / "truth.csv")
    tree, english = ["--tree", str(data / "category_names.csv")], ["--lang", "en"]

    def into(name: str) -> list[str]:
        return ["--output", str(folder / name)]

    stages = {
        "draw the catalogue": ["catalog", "demo", str(data)],
        "explore it": ["catalog", "explore", train, *tree, *into("explored"), *english],
        "find copies": ["catalog", "duplicates", train, "--against", test, *tree, *into("copies"), *english],
        "split": ["catalog", "split", train, *tree, *room],
        "train the mosaics": ["mosaic", "train", *demo],
        "train the text branch": ["ocr", "train", *demo],
        "train the head": ["fusion", "train", *demo],
        "predict": ["fusion", "predict", test, *into("predictions"), *room],
        "evaluate": ["fusion", "evaluate", test, "--labels", truth, *into("report"), *english, *room],
        "audit the labels": ["catalog", "audit", train, "--truth", truth, *into("audit"), *english, *room],
    }
    times = {}
    for number, (title, command) in enumerate(stages.items(), start=1):
        print(f"\n[{number}/{len(stages)}] {title}: {' '.join(command)}", flush=True)
        start = time.perf_counter()
        finished = subprocess.run(command, check=False)
        times[title] = time.perf_counter() - start
        if finished.returncode:
            sys.exit(f"the demo stopped at '{title}' (exit status {finished.returncode}); its message stands above")
    print("\nseconds")
    for title, seconds in times.items():
        print(f"  {title:<22} {seconds:6.0f}")
    print(f"  {'together':<22} {sum(times.values()):6.0f}")
    print(f"\nReport: {folder / 'report' / 'fusion.html'}")
    print(f"What the catalogue holds: {folder / 'explored' / 'explore.html'}")
    print(f"Copies: {folder / 'copies' / 'duplicates.html'}")
    print(f"Likely wrong labels: {folder / 'audit' / 'audit.html'}")
    print(f"Submission: {folder / 'predictions' / 'submission.csv'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo"))
