"""Why a product stands where it stands: each expert's vote, and the sentence shown to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.experts import Opinion
from catalog.probabilities import Silence
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.decide import NEVER
from fusion.prediction.predictor import Predictions

MAX_TEXT = 120
"""Characters of the text read that a reason quotes."""


@dataclass(frozen=True)
class ExpertChoice:
    """The likeliest leaf of one expert that speaks on a product."""

    expert: str
    leaf: int
    probability: float


@dataclass(frozen=True)
class SilentExpert:
    """An expert that says nothing on a product, and why."""

    expert: str
    silence: Silence


def silent_on(predictions: Predictions, row: int) -> list[SilentExpert]:
    """The experts that `votes_of` leaves out."""
    reasons = ((expert.expert, Silence(int(expert.silence[row]))) for expert in predictions.experts)
    return [SilentExpert(name, silence) for name, silence in reasons if silence is not Silence.SPEAKS]


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
    votes = {vote.expert: vote for vote in votes_of(predictions, row)}
    if predictions.chunk.n_readable[row]:
        told = [_sureness(predictions, row, tree)]
    else:
        told = ["no usable photo" if predictions.chunk.products[row].images else "no photo"]
    for evidence in dict.fromkeys(opinion.evidence for opinion in predictions.opinions):
        alike = [opinion for opinion in predictions.opinions if opinion.evidence == evidence]
        told.append(_evidence_text(alike, votes, row, tree))
    return "; ".join(filter(None, told))


def _evidence_text(alike: Sequence[Opinion], votes: Mapping[str, ExpertChoice], row: int, tree: Taxonomy) -> str:
    """What the experts that go by the same evidence say of a row; empty where they have nothing to tell."""
    # they stand in the head's order: first the one that sends each product to its own count's network
    speaking = [(opinion, votes[opinion.expert]) for opinion in alike if opinion.expert in votes]
    if not speaking:
        return _silence_text(alike[0], row)
    opinion, vote = speaking[0]
    quote, other = opinion.quote(row), opinion.other_product(row)
    lead = opinion.evidence
    if other is not None:
        lead = f"{other.relation} {'others' if other.product_id is None else f'product {other.product_id}'}"
    text = f"{lead}: {_vote_text(vote, tree)}"
    if len(speaking) > 1:
        agree = sum(other_vote.leaf == vote.leaf for _, other_vote in speaking)
        text += f", {agree} of {len(speaking)} networks agree"
    if quote is not None:
        words = quote.text if len(quote.text) <= MAX_TEXT else quote.text[:MAX_TEXT] + "..."
        text += f", {'written' if quote.is_title else 'read'} '{words}'"
    return text


def _silence_text(opinion: Opinion, row: int) -> str:
    silence = Silence(int(opinion.probabilities.silence[row]))
    if silence is Silence.NO_NETWORK:
        return "no network for this image count"
    return f"{opinion.evidence}: {silence.words}" if silence in (Silence.NOTHING_READ, Silence.FAILED) else ""


def _sureness(predictions: Predictions, row: int, tree: Taxonomy) -> str:
    """The node that was given and how sure it is, or how much was missing to the next one."""
    level, end = int(predictions.given[row, 0]), int(tree.path_lengths[predictions.paths.leaves[row]])
    nodes, sure = predictions.paths.nodes[row].tolist(), predictions.paths.probabilities[row].tolist()
    texts = []
    if level:
        # a leaf further up is given at the lowest level, and stands at its own
        texts.append(f"{tree.level_names[min(level, end)]} {sure[level - 1]:.0%} sure")
    if level < tree.depth:
        needed = predictions.needed[row, level]
        missing = f"{needed:.0%} needed" if needed < NEVER else _unproved(predictions)
        name = tree.shown_path(level + 1, nodes[level])[-1]
        texts.append(f"{tree.level_names[level + 1]} {name} {sure[level]:.0%}, {missing}")
    return "; ".join(texts)


def _unproved(predictions: Predictions) -> str:
    return predictions.proof.unproved if predictions.proof is not None else "not proved by held-out products"


def _vote_text(vote: ExpertChoice, tree: Taxonomy) -> str:
    return f"{path_text(tree.shown[vote.leaf])} ({vote.probability:.0%})"
