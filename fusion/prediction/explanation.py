"""`fusion explain`: why a product is put in this category, step by step down the tree, as text and as a picture."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.experts import OtherProduct
from catalog.files.atomic import atomic_path
from catalog.photos.decode import decode_photo
from catalog.photos.formats import UnreadablePhoto
from catalog.product import Product
from catalog.reports.plots import boxes_for_missing_letters
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.heads.evidence import Evidence, gather_evidence
from fusion.heads.registry import HEADS
from fusion.prediction.answers import Answer, answer_of
from fusion.prediction.predictor import Predictor
from fusion.prediction.pushes import Pushes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOR, AGAINST, PAPER, INK = "#0b6e4f", "#c8553d", "#fbfcfb", "#1d2b28"
WIDTH, PANELS = 10.4, 3
"""Inches of the picture, and steps that have room in it; more steps make it wider."""
N_CHILDREN = 4
"""Children of a node that are shown."""
SHOWN_SIDE = 480
"""Pixels of a photo in the picture: it is shown at most half as large."""
MAX_TITLE = 240
"""Characters of a title that have room in the picture."""
NO_NAME = re.compile(r"[^\w.-]+")
MAX_NAME = 50
"""Characters of an id in a file's name: of up to four bytes each, and disks have room for 255."""


@dataclass(frozen=True)
class Vote:
    """What one expert brings to a step: its weight there, and how it sees the two nodes.

    Attributes:
        weight: of the expert's log conditional probabilities, None where the head has no weight for a node.
        p_chosen, p_rival: its conditional probability of the chosen node and of the rival, given their parent.
        push: in nats, above 0 it speaks for the chosen node, see `Pushes`.
    """

    expert: str
    weight: float | None
    p_chosen: float
    p_rival: float
    push: float


@dataclass(frozen=True)
class Step:
    """One level on the way down.

    Attributes:
        chosen: path of the node on the way; rival: its likeliest sibling, empty when it has none.
        p_chosen: conditional probability of the chosen node in the head that decided.
        probabilities: the likeliest children of the node above and their conditional probabilities; the chosen one
            is among them.
        votes: of the experts that speak here; name: what the level is called.
    """

    level: int
    chosen: tuple[str, ...]
    rival: tuple[str, ...]
    p_chosen: float
    probabilities: tuple[tuple[str, float], ...]
    votes: tuple[Vote, ...]
    name: str


@dataclass(frozen=True)
class Explanation:
    """An answer with the steps towards it, one for each level, of the head that decided.

    Attributes:
        others: labelled products that told something, for people: `looks like products 12, 7, 301`.
    """

    product: Product
    answer: Answer
    steps: tuple[Step, ...]
    head: str
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [*([f"title   {self.product.title}"] if self.product.title else []), str(self.answer), *self.others, ""]
        for step in self.steps:
            children = ", ".join(f"{name} {p:.0%}" for name, p in step.probabilities)
            lines.append(f"{step.name}: {children}")
            if not step.votes:
                only = "the only one here" if not step.rival else "nobody tells these apart: training shares decide"
                lines.append(f"    {only}")
            for vote in step.votes:
                weight = "" if vote.weight is None else f"weight {vote.weight:4.2f}  "
                lines.append(
                    f"    {vote.expert:<12} {weight}{step.chosen[-1]} {vote.p_chosen:.0%}"
                    + (f", {step.rival[-1]} {vote.p_rival:.0%}: {vote.push:+.1f}" if step.rival else "")
                )
        lines.append(f"(the head that decided: {self.head}, {HEADS[self.head].what}; {self._what_pushes_are})")
        return "\n".join(lines)

    @property
    def _what_pushes_are(self) -> str:
        if any(vote.weight is not None for step in self.steps for vote in step.votes):
            return "an expert's push: its weight times the log of how much likelier it finds the one than the other"
        return "an expert's push: how far the log odds would fall without it"

    def draw(self, path: Path) -> None:
        """Write the picture (PNG, or SVG by the suffix): photos, answer, and who pushed where at each step."""
        from matplotlib.figure import Figure

        photos = _pictures(self.product.images)
        figure = Figure(
            figsize=(WIDTH * max(1.0, len(self.steps) / PANELS), 6.2), layout="constrained", facecolor=PAPER
        )
        rows = figure.add_gridspec(2, 1, height_ratios=[1.05, 1])
        above, below = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
        above.set_facecolor(PAPER)
        below.set_facecolor(PAPER)
        grid = above.subplots(1, max(1, len(photos)) + 1, width_ratios=[1] * max(1, len(photos)) + [2.2])
        for axis in grid:
            axis.set_axis_off()
        for axis, photo in zip(grid, photos, strict=False):
            axis.imshow(photo)
        grid[-1].text(0, 1, self._summary(), va="top", fontsize=9, color=INK, wrap=True, transform=grid[-1].transAxes)
        for axis, step in zip(below.subplots(1, len(self.steps), squeeze=False)[0], self.steps, strict=True):
            _draw_step(axis, step)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, boxes_for_missing_letters():
            figure.savefig(temporary, format=path.suffix.lstrip(".") or "png", dpi=110)

    def _summary(self) -> str:
        given = path_text(self.answer.given) if self.answer.given else "nothing is given"
        lines = [
            *([self.product.title[:MAX_TITLE], ""] if self.product.title else []),
            f"{self.answer.decision.value}: {given}",
            "",
        ]
        lines += [f"{c.probability:5.1%}  {path_text(c.path)}" for c in self.answer.candidates]
        lines += ["", *self.answer.reason.split("; ")]
        # matplotlib takes a dollar sign for mathematics
        return "\n".join(piece.replace("$", r"\$") for line in lines for piece in textwrap.wrap(line, 62) or [""])


def picture_name(product: str, *, is_photo: bool) -> str:
    """The file that a picture goes to where none is named; `product`: what was asked for, an id or a photo's path."""
    # an id is anything: a path that leaves the folder, or longer than a file's name may be
    stem = Path(product).stem if is_photo else NO_NAME.sub("-", product)[:MAX_NAME]
    return f"explanation-{stem}.png"


def explain(predictor: Predictor, product: Product, *, in_training: bool = False, name: str = "") -> Explanation:
    """Predict one product and take the steps of the head that decides apart.

    Args:
        in_training: the product is of the training catalogue.
        name: what the user calls it; default: its product_id.

    Raises:
        ValueError: the product has no photo that can be decoded: only the prior speaks.
    """
    predictions = predictor.predict([product], in_training=in_training)
    if predictions.chunk.n_readable[0] == 0:
        why = "; ".join(problem.detail for problem in predictions.problems.named) or "it has no photo"
        raise ValueError(f"{name or product.product_id} has no usable photo, nothing speaks about it: {why}")
    answer = answer_of(predictions, 0, predictor.tree, predictor.top_leaves)
    counts = predictions.chunk.n_readable.astype(np.int64)
    pushes = Pushes(predictor.head, predictions.experts, counts, predictions.fused)
    best = int(predictions.paths.leaves[0])
    steps = [
        _step(pushes, evidence, best, predictor.tree)
        for evidence in gather_evidence(predictions.experts, np.arange(1), predictor.tree)
    ]
    # below the end of its path a leaf is the only one there, unless others lie below the node that it is
    steps = [step for step in steps if step.rival or step.level <= predictor.tree.path_lengths[best]]
    others = tuple(filter(None, (_others_text(opinion.other_products(0)) for opinion in predictions.opinions)))
    return Explanation(product, answer, tuple(steps), predictor.head_name, others)


def _others_text(others: Sequence[OtherProduct]) -> str:
    """Those that can be named; empty where there are none."""
    named = [str(other.product_id) for other in others if other.product_id is not None]
    return f"{others[0].relation} product{'s'[: len(named) > 1]} {', '.join(named)}" if named else ""


def _step(pushes: Pushes, evidence: Evidence, best: int, tree: Taxonomy) -> Step:
    """One level of a single product; best: the leaf that is walked down to."""
    level = evidence.level
    chosen = int(tree.ancestor(level)[best])
    parent = int(tree.parent(level)[chosen])
    children = np.flatnonzero(tree.parent(level) == parent)
    mass = tree.node_mass(pushes.fused, level)[0, children]
    ordered = children[np.argsort(-mass, kind="stable")].tolist()
    shares = dict(zip(children.tolist(), (mass / mass.sum()).tolist(), strict=True))
    rival = next((node for node in ordered if node != chosen), None)
    # the likeliest leaf need not lie below the likeliest node
    shown = ordered[:N_CHILDREN] if chosen in ordered[:N_CHILDREN] else [*ordered[: N_CHILDREN - 1], chosen]
    votes = []
    for b, expert in enumerate(pushes.experts):
        # an only child is given whatever anyone says
        if rival is not None and evidence.speaks[0, parent] >> b & 1:
            seen = tree.node_mass(expert.dense(np.arange(1), len(tree)), level)[0]
            p_chosen, p_rival = (float(seen[node] / seen[children].sum()) for node in (chosen, rival))
            weight, push = pushes.of(b, evidence, parent, chosen, rival)
            votes.append(Vote(expert.expert, weight, p_chosen, p_rival, push))
    path, rival_path = tree.shown_path(level, chosen), () if rival is None else tree.shown_path(level, rival)
    likeliest = tuple((tree.shown_path(level, node)[-1], shares[node]) for node in shown)
    return Step(level, path, rival_path, shares[chosen], likeliest, tuple(votes), tree.level_names[level])


def _pictures(images: Sequence[bytes]) -> list[NDArray[np.uint8]]:
    """Those photos that can be decoded, `(H, W, 3)` uint8 RGB."""
    pictures = []
    for image in images:
        try:
            pictures.append(decode_photo(image, SHOWN_SIDE).pixels)
        except UnreadablePhoto:
            continue
    return pictures


def _draw_step(axis: Axes, step: Step) -> None:
    """Bars to the right speak for the chosen node, to the left for its rival."""
    axis.set_facecolor(PAPER)
    title = f"{step.name}: {step.chosen[-1]} {step.p_chosen:.0%}"
    if step.rival:
        title += f"\nagainst {step.rival[-1]}"
    axis.set_title(_short(title), fontsize=9, color=INK)
    if not step.votes:
        axis.set_axis_off()
        why = "the only one here" if not step.rival else "nobody tells these apart"
        axis.text(0.5, 0.5, why, ha="center", fontsize=9, color=INK, transform=axis.transAxes)
        return
    weighted = step.votes[0].weight is not None
    names = [vote.expert + ("" if vote.weight is None else f" ({vote.weight:.2f})") for vote in step.votes]
    pushes = [vote.push for vote in step.votes]
    axis.barh(names, pushes, color=[FOR if push >= 0 else AGAINST for push in pushes])
    axis.axvline(0, color=INK, linewidth=0.8)
    reach = max([1.0, *(abs(push) for push in pushes)]) * 1.15
    axis.set_xlim(-reach, reach)
    axis.invert_yaxis()
    axis.tick_params(labelsize=8)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.set_xlabel("push in nats (weight in brackets)" if weighted else "push in nats", fontsize=8)


def _short(text: str) -> str:
    return "\n".join(line if len(line) <= 44 else line[:43] + "…" for line in text.replace("$", r"\$").split("\n"))
