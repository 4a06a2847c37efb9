"""`ocr train --set shelves=auto`: read a sample of every Cat I, measure, choose."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from catalog.files.progress import Bar
from catalog.files.progress_lines import duration_text
from catalog.files.wording import plural
from catalog.probabilities import Probabilities
from catalog.runs.workspace import Workspace
from ocr.config import OcrConfig
from ocr.loading import labelled_data, make_reader
from ocr.shelves.choice import ShelfChoice
from ocr.shelves.gain import gains
from ocr.shelves.sample import draw, read

USUAL_SECONDS = 0.05
"""That a photo takes on two cores (bench/results/ocr_engines.txt), where nothing was read here yet."""


def choose_shelves(
    workspace: Workspace, config: OcrConfig, photo: Probabilities, bar: Bar, tell: Callable[[str], None] | None = None
) -> ShelfChoice:
    """Find the Cat I that are worth reading under the workspace's plan.

    Args:
        photo: the image branch's held-out probabilities: what is judged is routed by them, as in prediction.
        tell: hears how much is read before it is.

    Raises:
        ValueError: `photo` of another plan or tree.
    """
    data = labelled_data(workspace, photo)
    sample = draw(data, photo, config.sample_photos, config.text.seed)
    reader = make_reader(config, workspace)
    n_photos = int(data.catalog.n_images[sample.positions].sum())
    if tell is not None and n_photos:
        known = reader.seconds_per_photo()
        seconds = n_photos * (USUAL_SECONDS if math.isnan(known) else known)
        n_categories = plural(len(np.unique(sample.category)), "category", "categories")
        tell(
            f"where does reading pay? {plural(n_photos, 'photo')} of {plural(len(sample.positions), 'product')} in "
            f"{n_categories} are read to find out: about {duration_text(seconds)}, less where some were read before"
        )
    was_read = read(data, sample, reader, bar)
    with bar("measure what the words gain") as progress:
        found = gains(data, photo, was_read, config, progress)
    found.sort(key=lambda gain: (not gain.chosen, not gain.is_measured, -gain.gain, gain.category))
    return ShelfChoice(tuple(found), config.min_gain, was_read.problems)


def read_nothing(workspace: Workspace, choice: ShelfChoice) -> str:
    """What follows where nothing is chosen, for people: where reading pays nowhere, nothing is read from now on.

    Where that cannot be told, a text model of before stays: nothing speaks against it.
    """
    lines = ["no text model was made; to read all the same, name categories: --set 'shelves=[...]'"]
    if choice.is_measured:
        earlier = workspace.forget("ocr")
        if earlier is not None:
            lines.insert(0, f"{earlier.name}, which read until now, is no longer used (it stays where it is)")
        return "\n".join([*lines, f"next: {workspace.next_command('fusion')} (without text)"])
    earlier = workspace.latest_folders().get("ocr")
    without = " (without text)" if earlier is None else ""
    if earlier is not None:
        lines.insert(0, f"{earlier.name}, which read until now, is used as before")
    lines.append(
        "to judge by more products, hold out every one once: `catalog split` with --folds 5 and the options of the "
        "split before, and train again"
    )
    return "\n".join([*lines, f"next: {workspace.next_command('fusion')}{without}"])
