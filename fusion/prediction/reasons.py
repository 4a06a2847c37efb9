"""Why a product stands where it stands: each expert's vote, and the sentence shown to people."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.probabilities import Silence
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS, Taxonomy, path_text
from fusion.copies import NAME as COPIES
from fusion.prediction.predictor import Predictions
from ocr.expert import NAME as TEXT

MAX_TEXT = 120
"""Characters of the text read that a reason quotes."""


@dataclass(frozen=True)
class Vote:
    """The likeliest leaf of one expert that speaks on a product."""

    expert: str
    leaf: int
    probability: float


def votes_of(found: Predictions, row: int) -> list[Vote]:
    """Votes in the order of the experts; the silent ones are left out."""
    return [
        # listed leaves are ordered by falling probability
        Vote(expert.expert, int(expert.leaves[row, 0]), float(expert.values[row, 0]))
        for expert in found.experts
        if expert.silence[row] == Silence.SPEAKS
    ]


def reason_of(found: Predictions, row: int, tree: Taxonomy) -> str:
    """What was decided on, as one line: how sure, what photos and text say, which copy is known."""
    product = found.products[row]
    if found.photos.n_readable[row] == 0:
        return "no usable photo" if product.images else "no photo"
    votes = {vote.expert: vote for vote in votes_of(found, row)}
    parts = [_sureness(found, row, tree)]
    photo = [vote for name, vote in votes.items() if name not in (TEXT, COPIES)]
    if photo:
        agree = sum(vote.leaf == photo[0].leaf for vote in photo)
        others = f", {agree} of {len(photo)} networks agree" if len(photo) > 1 else ""
        parts.append(f"photos: {_vote_text(photo[0], tree)}{others}")
    else:
        parts.append("no network for this image count")
    parts += _text_part(found, row, votes.get(TEXT), tree)
    if COPIES in votes:
        twin = found.known_copies[product.product_id]
        whose = "others" if twin is None else f"product {twin}"
        parts.append(f"same photo as {whose}: {_vote_text(votes[COPIES], tree)}")
    return "; ".join(parts)


def _sureness(found: Predictions, row: int, tree: Taxonomy) -> str:
    """The node that was given and how sure it is, or how much was missing to the next one."""
    level = int(found.given[row, 0])
    nodes = [tree.node_mass(found.fused[row : row + 1], own)[0] for own in LEVELS]
    mass = [float(own.max()) for own in nodes]
    texts = []
    if level:
        texts.append(f"{LEVEL_NAMES[level]} {mass[level - 1]:.0%} sure")
    if level < len(LEVELS):
        deeper = found.needed[row, level]
        wanted = f"{deeper:.0%} needed" if deeper <= 1 else "never sure enough on held-out products"
        likeliest = tree.shown_path(level + 1, int(nodes[level].argmax()))[-1]
        texts.append(f"{LEVEL_NAMES[level + 1]} {likeliest} {mass[level]:.0%}, {wanted}")
    return "; ".join(texts)


def _text_part(found: Predictions, row: int, vote: Vote | None, tree: Taxonomy) -> list[str]:
    text = next((expert for expert in found.experts if expert.expert == TEXT), None)
    if text is None or text.silence[row] == Silence.NOT_ROUTED:
        return []
    if vote is None:
        return [f"text: {Silence(int(text.silence[row])).name.lower().replace('_', ' ')}"]
    read = found.readings[found.products[row].product_id].text
    quoted = read if len(read) <= MAX_TEXT else read[:MAX_TEXT] + "..."
    return [f"text: {_vote_text(vote, tree)}, read '{quoted}'"]


def _vote_text(vote: Vote, tree: Taxonomy) -> str:
    return f"{path_text(tree.shown[vote.leaf])} ({vote.probability:.0%})"
