"""Why a product stands where it stands: each expert's vote, and the sentence shown to people."""

from dataclasses import dataclass

from catalog.probabilities import Silence
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS, Taxonomy, path_text
from fusion.experts.copy_table import NAME as COPIES
from fusion.decide import NEVER
from fusion.prediction.predictor import Predictions
from ocr.expert import NAME as TEXT

MAX_TEXT = 120
"""Characters of the text read that a reason quotes."""


@dataclass(frozen=True)
class ExpertChoice:
    """The likeliest leaf of one expert that speaks on a product."""

    expert: str
    leaf: int
    probability: float


def votes_of(predictions: Predictions, row: int) -> list[ExpertChoice]:
    """Choices in the order of the experts; the silent ones are left out."""
    return [
        # listed leaves are ordered by falling probability
        ExpertChoice(expert.expert, int(expert.leaves[row, 0]), float(expert.values[row, 0]))
        for expert in predictions.experts
        if expert.silence[row] == Silence.SPEAKS
    ]


def reason_of(predictions: Predictions, row: int, tree: Taxonomy) -> str:
    """What was decided on, as one line: how sure, what photos and text say, which copy is known."""
    product = predictions.products[row]
    if predictions.photos.n_readable[row] == 0:
        return "no usable photo" if product.images else "no photo"
    votes = {vote.expert: vote for vote in votes_of(predictions, row)}
    parts = [_sureness(predictions, row, tree)]
    by_photos = [vote for name, vote in votes.items() if name not in (TEXT, COPIES)]
    if by_photos:
        # experts stand in the head's order: first the one that sends each product to its own count's network
        agree = sum(vote.leaf == by_photos[0].leaf for vote in by_photos)
        others = f", {agree} of {len(by_photos)} networks agree" if len(by_photos) > 1 else ""
        parts.append(f"photos: {_vote_text(by_photos[0], tree)}{others}")
    else:
        parts.append("no network for this image count")
    parts += _text_part(predictions, row, votes.get(TEXT), tree)
    if COPIES in votes:
        twin = predictions.known_copies[product.product_id]
        whose = "others" if twin is None else f"product {twin}"
        parts.append(f"same photo as {whose}: {_vote_text(votes[COPIES], tree)}")
    return "; ".join(parts)


def _sureness(predictions: Predictions, row: int, tree: Taxonomy) -> str:
    """The node that was given and how sure it is, or how much was missing to the next one."""
    level = int(predictions.given[row, 0])
    nodes, sure = predictions.paths.nodes[row].tolist(), predictions.paths.probabilities[row].tolist()
    texts = []
    if level:
        texts.append(f"{LEVEL_NAMES[level]} {sure[level - 1]:.0%} sure")
    if level < len(LEVELS):
        needed = predictions.needed[row, level]
        missing = f"{needed:.0%} needed" if needed < NEVER else _unproved(predictions)
        name = tree.shown_path(level + 1, nodes[level])[-1]
        texts.append(f"{LEVEL_NAMES[level + 1]} {name} {sure[level]:.0%}, {missing}")
    return "; ".join(texts)


def _unproved(predictions: Predictions) -> str:
    return predictions.proof.unproved if predictions.proof is not None else "not proved by held-out products"


def _text_part(predictions: Predictions, row: int, vote: ExpertChoice | None, tree: Taxonomy) -> list[str]:
    text = next((expert for expert in predictions.experts if expert.expert == TEXT), None)
    if text is None or text.silence[row] == Silence.NOT_ROUTED:
        return []
    if vote is None:
        return [f"text: {Silence(int(text.silence[row])).name.lower().replace('_', ' ')}"]
    read = predictions.text_read(row)
    quoted = read if len(read) <= MAX_TEXT else read[:MAX_TEXT] + "..."
    return [f"text: {_vote_text(vote, tree)}, read '{quoted}'"]


def _vote_text(vote: ExpertChoice, tree: Taxonomy) -> str:
    return f"{path_text(tree.shown[vote.leaf])} ({vote.probability:.0%})"
