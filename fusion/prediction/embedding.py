"""The network of a fusion run whose vectors can be compared."""

from collections.abc import Sequence

from catalog.experts import Expert
from mosaic.inference.embedding import Embedder
from mosaic.inference.expert import MosaicExpert
from mosaic.views import View


def embedder_of(experts: Sequence[Expert]) -> Embedder:
    """The general network of these experts, of several the first.

    Raises:
        ValueError: there is none.
    """
    expert, *_ = _with_general_network(experts)
    return Embedder(expert.networks[View()], expert.config)


def embedder_beside(experts: Sequence[Expert]) -> Embedder:
    """The same, for who is asked after these experts: what their network has looked at has its vector already.

    Vectors are remembered with the chunk, and computed where it has forgotten them.
    """
    embedder = embedder_of(experts)
    for expert in _with_general_network(experts):
        if expert.networks[View()] is embedder.network:
            expert.beside[View()] = embedder.rows_of
    return embedder


def _with_general_network(experts: Sequence[Expert]) -> list[MosaicExpert]:
    found = [expert for expert in experts if isinstance(expert, MosaicExpert) and View() in expert.networks]
    if found:
        return found
    raise ValueError(
        "the model has no general network, which takes any image count and is the one whose vectors can be compared: "
        "run `mosaic train`, and `fusion train` after it"
    )
