"""What hostile photos cost, above an ordinary one: peak memory and CPU seconds, processes and their children together.

    python bench/photo_bombs.py [--checkout FOLDER] [--workspace RUNS] [--bombs NAME...] [--ways NAME...]

Every way into the product that the checkout (default: this one) has meets every photo of tests/support/forged_photos
in a process of its own, which may take 90 CPU seconds and 6 GB of addresses (12 where networks run). The ways that are
functions are called as the product calls them; commands are given a catalogue of one product with that photo. Those
that need a trained workspace are measured with --workspace alone, and on the photos that the issue names.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bson

from tests.support.forged_photos import BOMBS, NAMED, bomb, ordinary
from tests.support.process_cost import Cost, cost_of

LIMIT_S = 90
LIMIT_BYTES, TRAINED_LIMIT_BYTES = 6 * 10**9, 12 * 10**9
"""Of addresses: the libraries that run networks map some 4 GB without taking them."""
MAX_DOCUMENT = 16_000_000
"""A BSON document may not be longer."""
MEMORY_GOAL_MIB, CPU_GOAL_S = 300, 2.0

START = "import sys, warnings; warnings.simplefilter('ignore'); photo = open(sys.argv[1], 'rb').read()\n"
FUNCTIONS = {
    "decode_photo at 180 px": "from catalog.photos.decode import decode_photo\ndecode_photo(photo, 180)",
    "decode_photo in full": "from catalog.photos.decode import decode_photo\ndecode_photo(photo)",
    "networks, before": "from mosaic.photos import decode\ndecode(photo, 50_000_000)",
    "reading, before": "from ocr.reader import decode, n_pixels\nif 0 < n_pixels(photo) <= 50_000_000: decode(photo)",
    "pages, before": "from catalog.photos.thumbnails import decoded\ndecoded(photo)",
}
"""Way -> its code. The last three are those of a checkout that has no `catalog.photos.decode`."""
COMMANDS = {
    "catalog explore": "catalog explore CATALOGUE --tree TREE --decode all --output FOLDER/explore",
    "catalog duplicates": "catalog duplicates CATALOGUE --near --output FOLDER/duplicates",
}
TRAINED = {
    "ocr show": "ocr show 1 CATALOGUE --output FOLDER/read.png --workspace WORKSPACE",
    "mosaic predict": "mosaic predict CATALOGUE --output FOLDER/mosaic --workspace WORKSPACE",
    "fusion predict": "fusion predict CATALOGUE --output FOLDER/fusion --workspace WORKSPACE",
}
ENTRY = {"catalog": "curation.cli", "ocr": "ocr.cli", "mosaic": "mosaic.cli", "fusion": "fusion.cli"}
"""Command -> the module that holds its `main`: console scripts would run the installed checkout."""
TREE = "category_id,category_level1,category_level2,category_level3\n1,A,B,C\n"


@dataclass(frozen=True)
class Trial:
    """Where the ways run: the checkout that they are taken from, the trained workspace, room for files."""

    checkout: Path
    workspace: Path | None
    folder: Path

    @property
    def ways(self) -> list[str]:
        """Those that the checkout has, and the workspace allows."""
        is_new = (self.checkout / "catalog/photos/decode.py").exists()
        functions = [name for name in FUNCTIONS if name.endswith("before") != is_new]
        return [*functions, *COMMANDS, *(TRAINED if self.workspace else ())]

    def cost(self, way: str, photo: bytes) -> Cost:
        """Of one way with one photo, everything made anew."""
        room = self.folder / "room"
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir()
        (room / "photo").write_bytes(photo)
        environment = os.environ | {
            "PYTHONPATH": str(self.checkout), "XDG_CACHE_HOME": str(room / "cache"), "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        limit_bytes = TRAINED_LIMIT_BYTES if way in TRAINED else LIMIT_BYTES
        return cost_of(self._command(way, room, photo), environment, room, LIMIT_S, limit_bytes)

    def _command(self, way: str, room: Path, photo: bytes) -> list[str]:
        if way in FUNCTIONS:
            return [sys.executable, "-c", START + FUNCTIONS[way], str(room / "photo")]
        (room / "products.bson").write_bytes(bson.encode({"_id": 1, "category_id": 1, "imgs": [{"picture": photo}]}))
        (room / "tree.csv").write_text(TREE)
        places = {
            "CATALOGUE": str(room / "products.bson"), "TREE": str(room / "tree.csv"),
            "WORKSPACE": str(self.workspace), "FOLDER": str(room),
        }  # fmt: skip
        command, *arguments = (COMMANDS | TRAINED)[way].split()
        for name, place in places.items():
            arguments = [argument.replace(name, place) for argument in arguments]
        call = f"import sys; from {ENTRY[command]} import main; sys.exit(main())"
        return [sys.executable, "-c", call, *arguments]


def measure(trial: Trial, way: str, names: list[str]) -> int:
    """Print the table of one way; how many photos cost more than they may."""
    usual = sorted((trial.cost(way, ordinary()) for _ in range(3)), key=lambda cost: cost.cpu_s)[1]
    end = f"; it ended with {usual.end}: {usual.last_line}" if usual.end else ""
    print(f"\n{way}: an ordinary photo takes {usual.peak_mib:.0f} MiB and {usual.cpu_s:.2f} s{end}")
    print(f"{'above that':<32}{'bytes':>9}{'MiB':>8}{'CPU s':>8}")
    worst_mib, worst_s, over = 0.0, 0.0, 0
    for name in names:
        photo = bomb(name)
        if len(photo) > MAX_DOCUMENT:
            continue
        cost = trial.cost(way, photo)
        mib, seconds = cost.peak_mib - usual.peak_mib, cost.cpu_s - usual.cpu_s
        too_much = mib >= MEMORY_GOAL_MIB or seconds >= CPU_GOAL_S or cost.end.startswith(("SIG", "stopped"))
        over += too_much
        worst_mib, worst_s = max(worst_mib, mib), max(worst_s, seconds)
        mark = "  !" if too_much else "   "
        said = f"{cost.end}: {cost.last_line[:70]}" if cost.end else ""
        print(f"{name:<32}{len(photo):>9}{mib:>8.0f}{seconds:>8.2f}{mark}{said}".rstrip(), flush=True)
    print(f"{'at most':<41}{worst_mib:>8.0f}{worst_s:>8.2f}   {over} of {len(names)} over the goal")
    return over


def main() -> None:
    """Print one table for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--workspace", type=Path, default=None)
    parser.add_argument("--bombs", nargs="+", choices=list(BOMBS), default=None)
    parser.add_argument("--ways", nargs="+", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = options.workspace and options.workspace.resolve()
        trial = Trial(options.checkout.resolve(), workspace, Path(folder))
        print(f"goal: under {MEMORY_GOAL_MIB} MiB and {CPU_GOAL_S:.0f} CPU s above an ordinary photo")
        for way in trial.ways:
            if options.ways is None or way in options.ways:
                few = way in TRAINED
                measure(trial, way, options.bombs or list(NAMED if few else BOMBS))


if __name__ == "__main__":
    main()
