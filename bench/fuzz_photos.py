"""Damaged photos, as many as one likes, through `decode_photo` in a process that is watched.

    python bench/fuzz_photos.py [--n 100000] [--seed 0] [--first 0] [--real FOLDER] [--keep FOLDER]

Photos of each format and mode (and, with --real, the small ones below a folder) are damaged as
tests/support/photo_mutations.py does it; photo number N of a seed is always the same. A crash, an answer other than
pixels or `UnreadablePhoto`, pixels that are not as promised, 300 MiB or 2 CPU seconds above an ordinary photo are
findings: each is printed, and written below --keep. Exit status 1 where there is one.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import time
from collections import Counter
from pathlib import Path

from catalog.photos.formats import format_of
from tests.support.decoding_child import DecodingChild, Outcome
from tests.support.forged_photos import ordinary
from tests.support.photo_mutations import NOTABLE_MIB, Damaged, balanced, fuzzed, real_photos, sound_photos

SAY_EVERY_S = 60.0
DEAREST = 5


def keep(folder: Path, photo: Damaged, number: int) -> None:
    """Write a finding's photo to a file."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = format_of(photo.photo)
    (folder / f"{number}.{(kind or 'none').lower()}").write_bytes(photo.photo)


class Tally:
    """What came out: by format and result, and which cost most."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.dearest_mib: list[tuple[float, str]] = []
        self.dearest_s: list[tuple[float, str]] = []
        self._peak_mib = 0.0

    def add(self, photo: Damaged, outcome: Outcome) -> None:
        """Count one."""
        self.counts[str(format_of(photo.photo) or "none of these"), outcome.result] += 1
        # a peak that was there before is not this photo's
        mib = outcome.mib if outcome.mib > self._peak_mib else 0.0
        self._peak_mib = 0.0 if outcome.mib > NOTABLE_MIB else outcome.mib
        for heap, cost in ((self.dearest_mib, mib), (self.dearest_s, outcome.cpu_s)):
            heapq.heappush(heap, (cost, photo.name))
            if len(heap) > DEAREST:
                heapq.heappop(heap)

    def show(self) -> None:
        """Print both tables."""
        results = sorted({result for _, result in self.counts})
        print(f"{'by its first bytes':<20}" + "".join(f"{result:>12}" for result in results))
        for kind in sorted({kind for kind, _ in self.counts}):
            print(f"{kind:<20}" + "".join(f"{self.counts[kind, result]:>12}" for result in results))
        for heap, unit in ((self.dearest_mib, "MiB"), (self.dearest_s, "CPU s")):
            print(f"dearest in {unit}:")
            for cost, name in sorted(heap, reverse=True):
                print(f"  {cost:8.2f}  {name}")


def main() -> None:
    """Print findings as they come, then what came out and how fast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first: to look at one again, with --n 1")
    parser.add_argument("--real", type=Path, default=None)
    parser.add_argument("--keep", type=Path, default=None)
    options = parser.parse_args()
    sound = sound_photos() + (real_photos(options.real) if options.real else [])
    photos = balanced(sound)
    print(f"{len(sound)} sound photos, {options.n} damaged ones, seed {options.seed}", flush=True)
    tally, findings = Tally(), 0
    started = said = time.monotonic()
    with DecodingChild() as child:
        child.decode(ordinary())
        child.forget()
        for number, (photo, outcome) in enumerate(
            fuzzed(child, photos, options.seed, range(options.first, options.first + options.n)), start=options.first
        ):
            tally.add(photo, outcome)
            if outcome.complaint:
                findings += 1
                print(f"FINDING {photo.name}: {outcome.complaint}", flush=True)
                if options.keep is not None:
                    keep(options.keep, photo, number)
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                print(f"{number + 1 - options.first} done after {said - started:.0f} s", file=sys.stderr)
    seconds = time.monotonic() - started
    tally.show()
    print(f"{options.n} photos in {seconds:.0f} s: {options.n / seconds:.0f} per second; {findings} findings")
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
