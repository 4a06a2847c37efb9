"""`fusion evaluate`: every expert beside the fused result, by image count and level; decisions; weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.bson_index import Progress
from catalog.catalog import Catalog
from catalog.labels import true_leaves
from catalog.metrics import Scores, concatenate_scores, score, score_probabilities
from catalog.report import Example, Report, Table, cat1_table
from catalog.system import System, leaderboard
from catalog.taxonomy import LEVEL_NAMES, Taxonomy, path_text
from catalog.workspace import Workspace
from fusion.decide import decision_of
from fusion.members import describe
from fusion.predictor import Predictions, Predictor
from fusion.training import FUSED, gain_over

CHUNK = 256
N_EXAMPLES = 12


def evaluate(
    predictor: Predictor,
    workspace: Workspace,
    file: Path,
    labels: Path | None,
    output: Path | None,
    progress: Progress | None = None,
) -> tuple[str, Path]:
    """Predict a labelled file and report; returns a text table and the page's path."""
    catalog, tree = Catalog(file), predictor.tree
    truth = true_leaves(catalog, tree, labels)
    gathered = _Gathered(tree)
    for start in range(0, len(catalog), CHUNK):
        products = [catalog[i] for i in range(start, min(start + CHUNK, len(catalog)))]
        gathered.add(predictor.predict(products), truth[start : start + CHUNK])
        if progress is not None:
            progress(min(start + CHUNK, len(catalog)), len(catalog))
    systems = gathered.systems()
    report = Report("Product categories", f"{file.name}: photos, text and their fusion", systems, tree)
    report.tables = [
        decision_table(gathered.given(), systems[0].scores, tree),
        cat1_table(systems, tree),
    ]
    report.examples = gathered.examples
    report.facts = {
        "products": f"{len(catalog)} in the file, {int((truth >= 0).sum())} labelled",
        "run": predictor.run.folder.name,
        "code": predictor.run.revision,
        **{f"fused against {s.name}": _gain_text(systems[0].scores, s.scores) for s in systems[1:]},
        "problems": gathered.problem_text(),
    }
    return leaderboard(systems), report.write(output or workspace.folder / "reports", "fusion")


class _Gathered:
    """Scores of successive chunks; a few examples with their photos."""

    def __init__(self, tree: Taxonomy) -> None:
        self.tree = tree
        self.scores: dict[str, list[Scores]] = {}
        self.decided: list[NDArray[np.int64]] = []
        self.problems: list[str] = []
        self.examples: dict[str, list[Example]] = {"Corrected by the text": [], "Surest mistakes": []}

    def add(self, found: Predictions, truth: NDArray[np.int64]) -> None:
        labelled = np.flatnonzero(truth >= 0)
        ids, n_images = found.experts[0].product_ids, found.photos.n_readable
        fused = score(found.fused[labelled], truth[labelled], ids[labelled], n_images[labelled], self.tree)
        self.scores.setdefault(FUSED, []).append(fused)
        for expert in found.experts:
            self.scores.setdefault(expert.expert, []).append(score_probabilities(expert, truth, self.tree))
        self.decided.append(found.given[labelled])
        self.problems += [str(problem) for problem in found.problems.named[: 5 - len(self.problems)]]
        photo = self.scores[found.experts[0].expert][-1]
        photo_right = set(photo.product_ids[photo.correct[:, 2]].tolist())
        for i, row in enumerate(labelled.tolist()):
            right, product = bool(fused.correct[i, 2]), found.products[row]
            if right and product.product_id not in photo_right and product.product_id in found.readings:
                self._show("Corrected by the text", found, row, fused, i)
            elif not right and fused.confidence[i, 2] > 0.8:
                self._show("Surest mistakes", found, row, fused, i)

    def _show(self, title: str, found: Predictions, row: int, fused: Scores, i: int) -> None:
        if len(self.examples[title]) >= N_EXAMPLES:
            return
        product = found.products[row]
        lines = [
            f"{product.product_id}: {path_text(self.tree.paths[fused.predicted[i, 2]])} ({fused.confidence[i, 2]:.0%})"
        ]
        if not fused.correct[i, 2]:
            lines.append(f"labelled {path_text(self.tree.paths[fused.truth[i]])}")
        if product.product_id in found.readings:
            lines.append(f"read: {found.readings[product.product_id].text[:160]}")
        photos = [
            p for p, md5 in zip(product.images, found.photos.md5s[row], strict=True) if md5 in found.photos.pictures
        ]
        self.examples[title].append(Example(photos, lines))

    def systems(self) -> list[System]:
        scores = {name: concatenate_scores(parts) for name, parts in self.scores.items()}
        n = len(scores[FUSED])
        return [
            System(name, describe(name) if name != FUSED else "all experts", own, len(own) / n)
            for name, own in scores.items()
            if len(own)
        ]

    def given(self) -> NDArray[np.int64]:
        return np.concatenate(self.decided)

    def problem_text(self) -> str:
        return "; ".join(self.problems) or "none"


def decision_table(given: NDArray[np.int64], scores: Scores, tree: Taxonomy) -> Table:
    """How many products are accepted, given a parent or sent to review, and how often that is right."""
    rows: list[list[object]] = []
    for level in (3, 2, 1, 0):
        chosen = np.flatnonzero(given[:, 0] == level)
        share = len(chosen) / max(1, len(given))
        if level:
            right = tree.ancestor(level)[scores.truth[chosen]] == given[chosen, 1]
            precision = f"{100 * right.mean():.1f} %" if len(chosen) else "-"
            rows.append(
                [f"{decision_of(level)} at {LEVEL_NAMES[level]}", len(chosen), f"{100 * share:.1f} %", precision]
            )
        else:
            rows.append(["review", len(chosen), f"{100 * share:.1f} %", "-"])
    note = "The deepest node whose probability reaches the threshold learnt on held-out products is given."
    return Table("Decisions", ["decision", "products", "share", "right"], rows, note)


def _gain_text(fused: Scores, other: Scores) -> str:
    gain, low, high = gain_over(fused, other)
    return (
        f"{100 * gain:+.1f} points at the leaf, 95 % interval {100 * low:+.1f} to {100 * high:+.1f} (n = {len(other)})"
    )
