"""Seconds of small trainings, alone and beside a second one on the same cores, by how OpenMP's threads wait.

    python bench/side_by_side.py [--seconds 6]

Each training is a process of its own. They start their work at the same moment; the variables are set as
`catalog.files.cores` sets them, or taken away, before anything is loaded.

    network      a step of EfficientNet-Lite0 on 8 pictures of 96 pixels, PyTorch
    stacker      gradient boosting with the stacker's settings, 2,400 rows of 20 columns, scikit-learn
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable

from catalog.files.cores import WAITING, n_cores

READY_S = 20.0
"""Until all processes have loaded their libraries, on a machine that has other work."""


def network_step() -> Callable[[], object]:
    import timm
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(0)
    network = timm.create_model("tf_efficientnet_lite0", num_classes=10)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    pictures, leaves = torch.randn(8, 3, 96, 96), torch.arange(8)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(network(pictures), leaves).backward()
        optimizer.step()

    return step


def stacker_fit() -> Callable[[], object]:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2400, 20)).astype(np.float32)
    right = rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=2400) > 0
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=5.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    threads = 1 if "OMP_WAIT_POLICY" in os.environ else n_cores()

    def fit() -> None:
        with threadpool_limits(threads, "openmp"):
            model.fit(rows, right)

    return fit


WORK = {"network": network_step, "stacker": stacker_fit}


def timed(work: str, start: float, seconds: float) -> float:
    """Seconds of a step, on average over so many seconds, at least one step."""
    step = WORK[work]()
    step()
    time.sleep(max(0.0, start - time.time()))
    begun, n_steps = time.perf_counter(), 0
    while not n_steps or time.perf_counter() - begun < seconds:
        step()
        n_steps += 1
    return (time.perf_counter() - begun) / n_steps


def side_by_side(work: str, n: int, seconds: float, waiting: dict[str, str]) -> list[float]:
    """Seconds of a step of `n` processes at once."""
    environment = {name: text for name, text in os.environ.items() if name not in WAITING} | waiting
    start = time.time() + READY_S
    program = f"import runpy; print(runpy.run_path({__file__!r})['timed']({work!r}, {start}, {seconds}))"
    # `catalog`, which this script imports, sets what is not set
    unset = "import os; from catalog.files.cores import WAITING; [os.environ.pop(name) for name in WAITING]; "
    command = [sys.executable, "-c", program if waiting else unset + program]
    children = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(n)]
    return [float(child.communicate()[0]) for child in children]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=6.0)
    seconds = parser.parse_args().seconds
    print(f"{n_cores()} cores, load before the start {os.getloadavg()[0]:.1f}; seconds per step")
    for work in WORK:
        for n in (1, 2):
            for how, waiting in (("as the libraries do", {}), ("as catalog.files.cores says", dict(WAITING))):
                found = side_by_side(work, n, seconds, waiting)
                print(f"{work:<8} {n} at once, {how:<28} " + " ".join(f"{each:8.2f}" for each in found), flush=True)


if __name__ == "__main__":
    main()
