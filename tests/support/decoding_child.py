"""A process that decodes whatever photo it is given, and one that watches what it does and what it takes.

Photos go in as length, size that is wanted (0: as it is) and bytes; one line of JSON comes out for each.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.support.process_cost import LOOK_EVERY_S, ProcessTree

LIMIT_BYTES = 8 * 2**30
"""Addresses that it may take, so that a bomb does not bring down the machine."""
PATIENCE_S = 120.0
"""Wall time after which a photo is said to hang, however busy the machine is."""
DECODED, UNREADABLE, WRONG, CRASHED, HUNG = "decoded", "unreadable", "wrong", "crashed", "hung"
MAX_MIB, MAX_CPU_S = 300, 2.0
"""What a photo may take above an ordinary one, on a machine that inflates in `USUAL_INFLATING_S`; a slower one is given
as many times the CPU seconds."""
USUAL_INFLATING_S = 0.0125
"""CPU seconds for `inflating_s`."""


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        result: `decoded`, `unreadable`, `wrong` (an error that is none of ours, or pixels that are not as promised),
            `crashed` or `hung`. detail: size, reason, error, signal.
        mib: peak memory above what was taken before. cpu_s: in steps of 10 ms; both with all descendants.
        slowness: how many times as long as usual the process that decoded it takes for the same work.
    """

    result: str
    detail: str
    mib: float
    cpu_s: float
    slowness: float = 1.0

    @property
    def complaint(self) -> str:
        """What is not as it should be; empty where all is."""
        if self.result not in (DECODED, UNREADABLE):
            return f"{self.result}: {self.detail}"
        if self.mib >= MAX_MIB:
            return f"{self.mib:.0f} MiB"
        return f"{self.cpu_s:.2f} CPU seconds" if self.cpu_s >= MAX_CPU_S * self.slowness else ""


class DecodingChild:
    """The process, started with the first photo and again after each crash; a context."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._tree = ProcessTree(0)
        self._before_mib = 0.0
        self._slowness = 1.0

    def __enter__(self) -> DecodingChild:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._tree.kill()
            self._process.communicate()
            self._process = None

    def forget(self) -> None:
        """What it takes now is what the next photos' memory is counted above."""
        self._tree.forget()
        self._before_mib = self._tree.peak_mib

    def decode(self, photo: bytes, at_most: int | None = None) -> Outcome:
        """Have it decoded; `mib` counts from the last `forget` on."""
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        cpu_s_before = self._tree.cpu_s
        try:
            process.stdin.write(len(photo).to_bytes(8) + (at_most or 0).to_bytes(8) + photo)
            process.stdin.flush()
        except BrokenPipeError:
            # it ended while it was idle, perhaps killed for its memory
            pass
        line = self._answer(process.stdout)
        self._tree.look()
        cost = (self._tree.peak_mib - self._before_mib, self._tree.cpu_s - cpu_s_before, self._slowness)
        if line:
            return Outcome(*json.loads(line), *cost)
        if line is None:
            self.close()
            return Outcome(HUNG, f"no answer for {PATIENCE_S:.0f} s", *cost)
        code = process.wait()
        self._process = None
        return Outcome(CRASHED, signal.Signals(-code).name if code < 0 else f"exit {code}", *cost)

    def _answer(self, output: BinaryIO) -> bytes | None:
        """One line; empty where the process has ended, None where it does not answer."""
        started = time.monotonic()
        while not select.select([output], [], [], LOOK_EVERY_S)[0]:
            self._tree.look()
            if time.monotonic() - started > PATIENCE_S:
                return None
        return output.readline()

    def _started(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.decoding_child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2], env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self._process.stdout is not None
        self._slowness = max(1.0, float(self._process.stdout.readline()) / USUAL_INFLATING_S)
        self._tree = ProcessTree(self._process.pid)
        self.forget()
        return self._process


def inflating_s() -> float:
    """CPU seconds for inflating 4 MB, as a PNG is: how fast the machine is now."""
    deflated = zlib.compress(random.Random(0).randbytes(2**21).hex().encode(), 1)
    start = time.process_time()
    zlib.decompress(deflated)
    return time.process_time() - start


def decoded(photo: bytes, at_most: int | None) -> tuple[str, str]:
    """Result and detail of an `Outcome`."""
    import numpy as np

    from catalog.photos.decode import DecodedPhoto, decode_photo
    from catalog.photos.formats import UnreadablePhoto

    try:
        answer = decode_photo(photo, at_most)
    except UnreadablePhoto as error:
        return (UNREADABLE, str(error)) if str(error) else (WRONG, "no reason")
    except BaseException as error:
        return WRONG, f"{type(error).__name__}: {error}"
    if not isinstance(answer, DecodedPhoto):
        return WRONG, f"a {type(answer).__name__}"
    pixels = answer.pixels
    shape = f"{pixels.dtype} {pixels.shape}"
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        return WRONG, shape
    announced = sorted((answer.header.width, answer.header.height))
    sides = sorted(pixels.shape[:2])
    if at_most is None and sides != announced:
        return WRONG, f"{shape}, announced {announced}"
    if at_most is not None and sides[1] != min(at_most, announced[1]):
        return WRONG, f"{shape}, announced {announced}, at most {at_most} asked for"
    return DECODED, shape


def main() -> None:
    """Decode what comes in until nothing comes."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    # a core of gigabytes helps nobody
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # what a library prints is no answer
    os.dup2(2, 1)
    import catalog.photos.decode  # noqa: F401

    answers.write(f"{inflating_s()}\n")
    while head := sys.stdin.buffer.read(16):
        photo = sys.stdin.buffer.read(int.from_bytes(head[:8]))
        answers.write(json.dumps(decoded(photo, int.from_bytes(head[8:]) or None)) + "\n")


if __name__ == "__main__":
    main()
