"""Two containers share a workspace: they predict, read and train there while they are killed; what becomes of the work.

Usage: python bench/shared_disk.py DEMO [--minutes 10] [--seed 0]

DEMO is a folder that `rayonnage demo DEMO --config debug --train 240 --test 60` has made; it is worked in. Each
container (namespaces of pids and of the host's name: `unshare`) runs three commands at a time, of one thread each, and
starts another when one has ended: `fusion predict` into a folder that both share, `ocr read`, and `mosaic train
--resume` of networks with another seed. Half of them are ended by SIGKILL after a random time, and one of the two
containers as a whole every two minutes. Leases last 60 s here, not 15 minutes, so that what a killed container left is
taken over within the run; a part of a prediction holds 16 products.

Afterwards everything is made once more by one process alone, on a workspace of its own, and compared byte by byte. Each
process notes what it removes that carries another's name; this script knows when each has ended.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HOSTS = ("web-1", "web-2")
SEEDS = (1, 2, 3, 4)
LEASE_S, RENEW_S = 60.0, 5.0
PART, CHUNK = 16, 8
ROUND_S, CONTAINER_S = 60.0, 120.0
"""Seconds after which both containers predict into another folder and read anew; after which one of them is killed."""
COMPARED = ("submission.csv", "predictions.parquet", "review.csv", "audit.csv", "problems.json")
WEIGHTS = ("weights.safetensors", "heldout.safetensors")
UNDER_WAY = re.compile(r"\.tmp$|\.lease$|^\.now\.")


def job(notes: Path, arguments: list[str]) -> None:
    """One command, which notes who it is and what it removes of others."""
    from catalog.files import lease

    lease.LEASE_S, lease.RENEW_S = LEASE_S, RENEW_S
    owner = lease.Owner.of_this_process()
    name_of_owner = re.compile(rf"\.({lease.OWNER.pattern})\.")
    file = notes.open("a", buffering=1)
    file.write(json.dumps({"who": [owner.place, owner.pid, owner.started]}) + "\n")

    def note(event: str, values: tuple[object, ...]) -> None:
        if event == "shutil.rmtree" and "/checkpoints/" in str(values[0]):
            run = Path(str(values[0])).name
            claims = list(
                Path(str(values[0])).parents[1].glob(f".{run}.{owner.host}_{owner.place}_{owner.pid}_*.lease")
            )
            file.write(json.dumps({"closed": run, "claimed": len(claims)}) + "\n")
        if event not in ("os.remove", "os.rmdir", "os.rename"):
            return
        found = name_of_owner.search(os.path.basename(os.fsdecode(values[0])))  # type: ignore[arg-type]
        other = lease.Owner.parse(found[1]) if found else None
        if other is not None and not other.is_this_process:
            whose = [other.place, other.pid, other.started]
            file.write(json.dumps({"removed": os.fsdecode(values[0]), "of": whose, "at": time.time()}) + "\n")  # type: ignore[arg-type]

    sys.addaudithook(note)
    if "predict" in arguments:
        from fusion.prediction import predict_catalog

        predict_catalog.PART, predict_catalog.CHUNK = PART, CHUNK
    from rayonnage.cli import main

    main(arguments)


def commands(demo: Path, rng: random.Random, start: float) -> dict[str, list[str]]:
    """What a container runs side by side, by its name."""
    number, runs = int((time.time() - start) // ROUND_S), demo / "runs"
    seed = rng.choice(SEEDS)
    return {
        "predict": predicting(demo, runs, demo / f"shared-{number}"),
        "read": reading(demo, runs, demo / f"read-{number}.jsonl", number),
        f"train {seed}": training(runs, seed),
    }


def predicting(demo: Path, runs: Path, output: Path) -> list[str]:
    return ["fusion", "predict", str(demo / "catalogue/test.bson"), "--output", str(output), "--workspace", str(runs)]


def reading(demo: Path, runs: Path, output: Path, number: int = 0) -> list[str]:
    """`number`: with another engine, to the cache; it drops the same words."""
    sets = ("--set", "engine.threads=1", "--set", f"engine.min_confidence={0.7 + number / 10**5}")
    test = str(demo / "catalogue/test.bson")
    return ["ocr", "read", test, "--config", "debug", "--output", str(output), *sets, "--workspace", str(runs)]


def training(runs: Path, seed: int) -> list[str]:
    sets = ("--set", f"seed={seed}", "--set", "training.epochs=12", "--set", "checkpoint_minutes=0.005")
    return ["mosaic", "train", "--config", "debug", "--n-images", "any", "--resume", *sets, "--workspace", str(runs)]


def container(demo: Path, seed: int, start: float, end: float) -> None:
    """Runs in a container: three commands at a time, half of them killed."""
    rng, logs = random.Random(seed), demo / "log"
    running: dict[str, tuple[subprocess.Popen[bytes], float, str, Path]] = {}
    while time.time() < end or running:
        for kind, (process, dies, name, notes) in list(running.items()):
            killed = 0.0
            if process.poll() is None:
                if time.time() < min(dies, end):
                    continue
                killed = time.time()
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            with notes.open("a") as file:
                ended = {"ended": killed or time.time(), "killed": bool(killed), "code": process.returncode}
                file.write("\n" + json.dumps({**ended, "name": name}) + "\n")
            del running[kind]
        for name, command in commands(demo, rng, start).items():
            kind = name.split()[0]
            if kind in running or time.time() > end - 2:
                continue
            notes = logs / f"{time.time_ns()}-{os.getpid()}-{kind}.jsonl"
            with notes.with_suffix(".txt").open("wb") as said:
                process = subprocess.Popen(
                    [sys.executable, __file__, "--job", str(notes), *command],
                    stdout=said, stderr=said, start_new_session=True,
                )  # fmt: skip
            dies = time.time() + rng.uniform(2, 15 if kind == "read" else 40) if rng.random() < 0.5 else end
            running[kind] = process, dies, name, notes
        time.sleep(0.05)


def in_container(host: str, demo: Path, seed: int, start: float, end: float) -> subprocess.Popen[bytes]:
    names = ["unshare", "--user", "--map-root-user", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    script = [sys.executable, __file__, "--container", str(seed), str(start), str(end), str(demo)]
    return subprocess.Popen([*names, "sh", "-c", 'hostname "$1" && shift && exec "$@"', "sh", host, *script])


def alone(command: Sequence[str], notes: Path) -> None:
    """One command that nothing disturbs."""
    done = subprocess.run([sys.executable, __file__, "--job", str(notes), *command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")


def disturb(demo: Path, minutes: float, seed: int) -> dict[str, float]:
    """The time of chaos; returns when each container that was killed as a whole began and ended, by its number."""
    rng, start = random.Random(seed), time.time()
    end, n_started, killed = start + 60 * minutes, 0, {}
    containers = {}
    for host in HOSTS:
        n_started += 1
        containers[host] = in_container(host, demo, 100 * seed + n_started, start, end)
    next_kill = start + CONTAINER_S
    while time.time() < end:
        time.sleep(0.1)
        if time.time() > next_kill and time.time() < end - 20:
            next_kill += CONTAINER_S
            host = rng.choice(HOSTS)
            n_started += 1
            killed[host + f", {len(killed) + 1}"] = time.time()
            containers[host].kill()
            containers[host].wait()
            containers[host] = in_container(host, demo, 100 * seed + n_started, start, end)
    for process in containers.values():
        process.wait()
    return killed


def digest(*paths: Path) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes())
    return whole.hexdigest()


def read_notes(logs: Path, killed: Sequence[float]) -> tuple[Counter[str], list[str]]:
    """What the processes noted, counted; and what must not be."""
    counts, faults, ends, removals = Counter[str](), [], {}, []
    for path in sorted(logs.glob("*.jsonl")):
        entries = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        ended = next((entry for entry in entries if "ended" in entry), None) or with_its_container(path, killed)
        ends.update({tuple(entry["who"]): ended["ended"] for entry in entries if "who" in entry})
        removals += [entry for entry in entries if "removed" in entry]
        closed = [entry for entry in entries if "closed" in entry]
        counts["trainings closed"] += len(closed)
        faults += [f"{entry['closed']} was closed without a claim" for entry in closed if entry["claimed"] != 1]
        kind, said = path.stem.rsplit("-", 1)[1], path.with_suffix(".txt").read_text(errors="replace")
        how = outcome(ended, said)
        if how == "failed" or "Traceback" in said:
            faults.append(f"{path.stem}: {said[-600:]}")
        counts[f"{kind}: {how}"] += 1
        counts[f"{kind}: waited for another"] += "waiting for process" in said
    counts["removed what a killed process left"] = len(removals)
    for removal in removals:
        if ends.get(tuple(removal["of"]), float("inf")) > removal["at"]:
            faults.append(f"removed while its process ran: {removal}")
    return counts, faults


def with_its_container(notes: Path, killed: Sequence[float]) -> dict[str, Any]:
    """How a process ended of which nobody noted it: a container was killed as a whole, the next one after its start."""
    begun = int(notes.name.split("-")[0]) / 1e9
    return {"ended": min(at for at in killed if at > begun), "killed": True, "code": -9, "container": True}


def outcome(ended: dict[str, Any], said: str) -> str:
    if ended["killed"]:
        return "killed with its container" if "container" in ended else "killed"
    if not ended["code"]:
        return "done"
    return "refused, another trains it" if "is being trained by" in said else "failed"


def compare(demo: Path) -> tuple[Counter[str], list[str]]:
    """Everything once more by one process alone; what differs."""
    counts, faults, notes, apart = Counter[str](), [], demo / "alone.jsonl", demo / "runs-alone"
    alone(predicting(demo, demo / "runs", demo / "alone"), notes)
    alone(reading(demo, apart, demo / "alone.read"), notes)
    pairs = [(output, demo / "alone.read") for output in sorted(demo.glob("read-*.jsonl"))]
    for output in sorted(demo.glob("shared-*")):
        # what was killed at the last is gone on with
        alone(predicting(demo, demo / "runs", output), notes)
        pairs += [(output / name, demo / "alone" / name) for name in COMPARED]
    for made, expected in pairs:
        counts["files compared"] += 1
        if digest(made) != digest(expected):
            faults.append(f"{made} is not what one process alone writes")
    networks, differences = compare_networks(demo / "runs", apart, notes)
    return counts + networks, faults + differences


def compare_networks(runs: Path, apart: Path, notes: Path) -> tuple[Counter[str], list[str]]:
    """Every network of the shared workspace, and those that are trained in another one without a disturbance."""
    counts, faults = Counter[str](), []
    shutil.copytree(runs / "plan", apart / "plan", dirs_exist_ok=True)
    shutil.copy(runs / "tree.csv", apart / "tree.csv")
    for workspace in (runs, apart):
        for seed in SEEDS:
            # what was killed at the last is gone on with
            alone(training(workspace, seed), notes)
    expected = {digest(*(folder / name for name in WEIGHTS)) for folder in apart.glob("mosaic-any-*")}
    # the first is the demo's own
    for folder in sorted(runs.glob("mosaic-any-*"))[1:]:
        counts["networks compared"] += 1
        if (folder / "unfinished.json").exists() or not (folder / "run.json").exists():
            faults.append(f"{folder.name} was begun, and nobody has gone on with it")
        elif digest(*(folder / name for name in WEIGHTS)) not in expected:
            faults.append(f"{folder.name} is not what one process alone trains")
    return counts, faults


def main() -> None:
    """See the module."""
    if sys.argv[1] == "--job":
        return job(Path(sys.argv[2]), sys.argv[3:])
    if sys.argv[1] == "--container":
        return container(Path(sys.argv[5]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    demo = arguments.demo.resolve()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.nice(10)
    (demo / "log").mkdir()
    for path in (demo / "runs").glob("**/*.sqlite*"):
        path.unlink()
    killed = disturb(demo, arguments.minutes, arguments.seed)
    counts, faults = read_notes(demo / "log", list(killed.values()))
    # whatever a container that was killed held is free from now on
    time.sleep(LEASE_S + RENEW_S)
    compared, differences = compare(demo)
    left = [str(path.relative_to(demo)) for path in demo.rglob("*") if UNDER_WAY.search(path.name)]
    print(f"{arguments.minutes:g} minutes, {len(killed)} times a whole container killed")
    for name, count in sorted((counts + compared).items()):
        print(f"{count:6} {name}")
    print(f"{len(left):6} unfinished files left behind: {', '.join(left) or 'none'}")
    print(f"{len(faults + differences):6} faults")
    for fault in faults + differences:
        print(f"  {fault}")
    sys.exit(bool(faults or differences or left))


if __name__ == "__main__":
    main()
